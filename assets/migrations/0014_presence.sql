-- What people at consoles leave for each other and for themselves, none of it business history:
-- who is where, what is being written, and what is said again and again.

-- Who is at a record, one row a console. A lease: it ends by itself, so that nobody stays behind
-- whose console was killed. Unlogged, for it means nothing after a crash.
create unlogged table presence (
    console uuid primary key,
    who text not null,
    kind text not null,
    record_id bigint not null,
    writing boolean not null,
    until timestamptz not null
);

-- A short claim on what has no assignee (stock, parcels): so that two people who take the next
-- promise do not take the same.
create unlogged table hold (
    kind text not null,
    record_id bigint not null,
    who text not null,
    until timestamptz not null,
    primary key (kind, record_id)
);
-- Everybody sees who holds what; each gives back their own.
alter table hold enable row level security;
create policy seen on hold for select using (true);
create policy own on hold for delete using (who = session_user);
-- What is given back before its time is an act; what ends by itself is no history.
create function history_of_hold() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform write_activity(old.kind, old.record_id, 'hold', 'delete', jsonb_build_array(to_jsonb(old)));
    return null;
end $$;
create trigger history_delete after delete on hold
    for each row when (old.until > clock_timestamp()) execute function history_of_hold();

-- Says that this console is at a record, for so many seconds, or nowhere. Answers whether others
-- see a difference; they are told by a bell of its own, not by the change feed.
create function attend(at_console uuid, at_kind text, at_id bigint, at_work boolean, seconds integer)
returns boolean
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    before presence;
    differs boolean;
begin
    perform set_config('synchronous_commit', 'off', true);
    select * into before from presence where console = at_console and until > clock_timestamp();
    differs := (before.kind, before.record_id, before.writing) is distinct from
               (at_kind, at_id, case when at_kind is not null then at_work end);
    if at_kind is null then
        delete from presence where console = at_console and who = session_user;
    else
        insert into presence as p (console, who, kind, record_id, writing, until)
        values (at_console, session_user, at_kind, at_id, at_work,
                clock_timestamp() + make_interval(secs => least(seconds, 60)))
        on conflict (console) do update
            set kind = excluded.kind, record_id = excluded.record_id, writing = excluded.writing,
                until = excluded.until
            where p.who = session_user;
        -- Whoever is at it keeps what is held.
        update hold set until = clock_timestamp() + interval '10 minutes'
        where kind = at_kind and record_id = at_id and who = session_user
          and until between clock_timestamp() and clock_timestamp() + interval '8 minutes';
    end if;
    if differs then
        delete from presence where console in
            (select console from presence where until < clock_timestamp() for update skip locked);
        perform pg_notify('packline_presence', '');
    end if;
    return differs;
end $$;

-- Holds a record for ten minutes, if nobody does; answers whether it was free.
create function take_hold(at_kind text, at_id bigint) returns boolean
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    insert into hold as h (kind, record_id, who, until)
    values (at_kind, at_id, session_user, clock_timestamp() + interval '10 minutes')
    on conflict (kind, record_id) do update set who = excluded.who, until = excluded.until
        where h.until < clock_timestamp();
    return found;
end $$;

-- What somebody has written and not yet sent; theirs alone to see.
create table draft (
    who text not null default session_user,
    kind text not null,
    record_id bigint not null,
    verb text not null,
    args jsonb not null,
    at timestamptz not null default clock_timestamp(),
    primary key (who, kind, record_id, verb),
    constraint draft_not_too_long check (octet_length(args::text) <= 1000000)
);
create index draft_by_age on draft (at);
create function drafts() returns setof draft
language sql stable security definer set search_path = packline, pg_temp
begin atomic
    select * from draft where who = session_user order by at;
end;
-- Keeps a text, or none, where the draft still is the one that was seen, or none; says whether it was.
create function replace_draft(at_kind text, at_id bigint, at_verb text, seen jsonb, text_so_far jsonb) returns boolean
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if text_so_far is null then
        delete from draft
        where (who, kind, record_id, verb) = (session_user, at_kind, at_id, at_verb) and args = seen;
    elsif seen is null then
        insert into draft (who, kind, record_id, verb, args)
        values (session_user, at_kind, at_id, at_verb, text_so_far)
        on conflict do nothing;
    else
        update draft set args = text_so_far, at = clock_timestamp()
        where (who, kind, record_id, verb) = (session_user, at_kind, at_id, at_verb) and args = seen;
    end if;
    return found;
end $$;

-- Ends what nobody comes back to, so many of each at a time: presence and holds that are over, and
-- drafts that nobody has written at for 90 days.
create function end_leftovers(at_most integer) returns void
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    delete from presence where console in (
        select console from presence where until < clock_timestamp() limit at_most for update skip locked);
    delete from hold where (kind, record_id) in (
        select kind, record_id from hold where until < clock_timestamp() limit at_most for update skip locked);
    delete from draft where (who, kind, record_id, verb) in (
        select who, kind, record_id, verb from draft where at < clock_timestamp() - interval '90 days'
        limit at_most for update skip locked);
end $$;

-- Answers that are given again and again, with fields such as {customer}.
create table macro (
    name text primary key check (name ~ '\S' and length(name) <= 60),
    body text not null check (body ~ '\S')
);
select keep_history('macro', 'shop', key => 'name');
comment on table macro is 'Canned answers. Fields in braces are filled in when one is used.';

grant select on presence, hold, macro to packline_viewer;
grant execute on function attend, drafts, replace_draft to packline_viewer;
grant execute on function end_leftovers to packline_worker;
grant execute on function take_hold to packline_warehouse, packline_quality, packline_support;
grant insert, update, delete on macro to packline_admin, packline_worker;
