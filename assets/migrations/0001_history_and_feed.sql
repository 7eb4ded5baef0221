-- What every later table hangs on: acts, activity, the change feed, and the guard of states.
--
-- `act`       what somebody wanted, once: the id is the caller's, so a repeat does nothing twice.
-- `activity`  what changed, written by triggers whoever writes; append-only.
-- `change`    what to fetch again, written by triggers; short-lived.
--
-- A transaction may say what it is for:
--   packline.act_id   the act's id (a UUID)
--   packline.verb     its verb
--   packline.reason   the reason that a person gave
--   packline.source   what it came through: console, act, import, worker
-- Where it says nothing, the history says "direct SQL".

create table act (
    id uuid primary key,
    at timestamptz not null default clock_timestamp(),
    who text not null default session_user,
    kind text not null,
    record_id bigint not null,
    verb text not null,
    args jsonb not null default '{}',
    source text not null,
    result jsonb not null,
    undoes uuid references act (id)
);
create unique index act_undone_once on act (undoes) where undoes is not null;
create index act_by_person on act (who, at desc);
comment on table act is 'What somebody wanted done, once. Append-only.';

create table verb_role (
    kind text not null,
    verb text not null,
    role text not null,
    primary key (kind, verb, role)
);
comment on table verb_role is 'Who may which verb. Written by `packline migrate` from the program''s table of verbs.';

-- Whether it is a plain list of texts, as other programs read one: no lists in it, no gaps, counted from 1.
create function is_list(texts text[]) returns boolean
language sql immutable
return case when cardinality(texts) = 0 then true
            when array_ndims(texts) <> 1 or array_lower(texts, 1) <> 1 then false
            else array_position(texts, null) is null end;

create table activity (
    id bigint generated always as identity,
    at timestamptz not null default clock_timestamp(),
    xid xid8 not null default pg_current_xact_id(),
    kind text not null,
    record_id bigint not null,
    entity text not null,
    operation text not null check (operation in ('insert', 'update', 'delete')),
    changes jsonb not null,
    act_id uuid,
    verb text,
    reason text,
    source text not null,
    who text not null,
    role text not null,
    primary key (at, id)
) partition by range (at);
create index activity_of_record on activity (kind, record_id, at desc);
create index activity_of_act on activity (act_id) where act_id is not null;
create table activity_default partition of activity default;
comment on table activity is 'What changed, by whom and why. Written by triggers; append-only.';

create table change (
    xid xid8 not null default pg_current_xact_id(),
    seq bigint generated always as identity,
    at timestamptz not null default clock_timestamp(),
    kind text not null,
    id bigint not null,
    version bigint not null
) partition by range (at);
create index change_by_transaction on change (xid);
create index change_of_record on change (kind, id);
create table change_default partition of change default;
comment on table change is 'The change feed. Read it by snapshot, not by sequence: see the reader''s documentation.';

-- The smallest transaction id of which the feed still keeps every change; 0 while nothing was
-- ever dropped.
create table change_kept (
    single boolean primary key default true check (single),
    horizon xid8 not null default '0'
);
insert into change_kept default values;

create function change_horizon() returns xid8
language sql stable security definer set search_path = packline, pg_temp
return (select horizon from change_kept);

-- Makes the partitions of the next hours and months and drops changes older than a day. Safe to
-- call at any time; a partition that is missing never stops a write (the default partition takes
-- it), and a lock that is not free at once is left for the next time.
create function maintain_partitions_at(at timestamptz) returns void
language plpgsql security definer set search_path = packline, pg_temp set lock_timeout = '200ms' as $$
declare
    hour timestamptz;
    month timestamptz;
    part text;
    old record;
begin
    if not pg_try_advisory_xact_lock(hashtext('packline.maintain_partitions')) then
        return;
    end if;
    for ahead in 1..74 loop
        hour := date_trunc('hour', at, 'UTC') + make_interval(hours => ahead);
        part := 'change_' || to_char(hour at time zone 'UTC', 'YYYYMMDDHH24');
        if to_regclass('packline.' || part) is null
           and not exists (select from change_default c where c.at >= hour and c.at < hour + interval '1 hour') then
            execute format('create table %I partition of change for values from (%L) to (%L)',
                           part, hour, hour + interval '1 hour');
        end if;
    end loop;
    for ahead in 1..3 loop
        month := date_trunc('month', at, 'UTC') + make_interval(months => ahead);
        part := 'activity_' || to_char(month at time zone 'UTC', 'YYYYMM');
        if to_regclass('packline.' || part) is null
           and not exists (select from activity_default a
                           where a.at >= month and a.at < month + interval '1 month') then
            execute format('create table %I partition of activity for values from (%L) to (%L)',
                           part, month, month + interval '1 month');
        end if;
    end loop;
    for old in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'packline.change'::regclass
          and c.relname < 'change_' || to_char((at - interval '1 day') at time zone 'UTC', 'YYYYMMDDHH24')
          and c.relname ~ '^change_[0-9]{10}$'
        order by c.relname
    loop
        -- A transaction that began to write here long ago ends first, so that nothing above the
        -- horizon is dropped.
        execute format('lock table %I in access exclusive mode', old.relname);
        execute format('select coalesce(max(xid), ''0'') from %I', old.relname) into part;
        update change_kept set horizon = greatest(horizon, part::xid8);
        execute format('drop table %I', old.relname);
    end loop;
    with gone as (
        delete from change_default c
        where c.at < maintain_partitions_at.at - interval '1 day' returning c.xid)
    update change_kept set horizon = greatest(horizon, (select max(xid) from gone))
    where exists (select from gone);
exception when lock_not_available then
    null;
end $$;

create function maintain_partitions() returns void
language sql security definer set search_path = packline, pg_temp
begin atomic
    select maintain_partitions_at(now());
end;

-- Whether a row is written by one of the schema's own triggers, which run as the owner: not by a
-- person, nor by a trigger that a person made. For guards that run as whoever writes.
create function by_own_trigger(guarded oid) returns boolean
language sql stable set search_path = packline, pg_temp
return pg_trigger_depth() > 1
   and current_user = (select pg_get_userbyid(relowner) from pg_class where oid = guarded);

-- Who wrote it is who is connected; and when is now, but for programs that bring in what happened
-- elsewhere.
create function stamp_author() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    new.who := session_user;
    if not (pg_has_role(session_user, 'packline_worker', 'member')
            or pg_has_role(session_user, 'packline_admin', 'member')) then
        new.at := clock_timestamp();
    end if;
    return new;
end $$;

create function refuse_change() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    raise exception '% is append-only', tg_argv[0]
        using errcode = 'insufficient_privilege', constraint = tg_argv[0] || '_append_only';
end $$;

create trigger append_only before update or delete on activity
    for each row execute function refuse_change('activity');
create trigger append_only_truncate before truncate on activity
    for each statement execute function refuse_change('activity');
create trigger append_only before update or delete on act
    for each row execute function refuse_change('act');
create trigger append_only_truncate before truncate on act
    for each statement execute function refuse_change('act');

-- The ways that states may take. A row from '' is a birth.
create table transition (
    kind text not null,
    from_state text not null,
    to_state text not null,
    primary key (kind, from_state, to_state)
);

-- Arguments: the kind, the state's column.
create function guard_transition() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    old_state text := '';
    new_state text := to_jsonb(new) ->> tg_argv[1];
begin
    if tg_op = 'UPDATE' then
        old_state := to_jsonb(old) ->> tg_argv[1];
        if new_state = old_state then
            return new;
        end if;
    end if;
    if not exists (
        select from transition
        where kind = tg_argv[0] and from_state = old_state and to_state = new_state
    ) then
        raise exception '%', case when old_state = ''
            then format('a new %s cannot be %s', replace(tg_argv[0], '_', ' '), replace(new_state, '_', ' '))
            else format('this %s is %s and cannot become %s', replace(tg_argv[0], '_', ' '),
                        replace(old_state, '_', ' '), replace(new_state, '_', ' ')) end
            using errcode = 'check_violation', constraint = tg_argv[0] || '_transition';
    end if;
    return new;
end $$;

-- Guards the states of a kind. The second trigger costs nothing where the state stays; triggers of
-- one kind fire in the order of their names, so it sees what a derive_ trigger made of the row.
create function guard_states(guarded text, kind text, state_column text) returns void
language plpgsql as $$
begin
    execute format('create trigger guard_birth before insert on %I
                    for each row execute function guard_transition(%L, %L)', guarded, kind, state_column);
    execute format('create trigger guard_transition before update on %1$I
                    for each row when (old.%3$I is distinct from new.%3$I)
                    execute function guard_transition(%2$L, %3$L)', guarded, kind, state_column);
end $$;

-- Every record's version rises with every change, whoever changes it.
create function raise_version() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    new.version := old.version + 1;
    new.updated_at := clock_timestamp();
    return new;
end $$;

create function write_activity(kind text, record_id bigint, entity text, operation text, changes jsonb)
returns void
language sql security definer set search_path = packline, pg_temp
begin atomic
    insert into activity (kind, record_id, entity, operation, changes, act_id, verb, reason, source, who, role)
    values (kind, record_id, entity, operation, changes,
            nullif(current_setting('packline.act_id', true), '')::uuid,
            nullif(current_setting('packline.verb', true), ''),
            nullif(current_setting('packline.reason', true), ''),
            coalesce(nullif(current_setting('packline.source', true), ''), 'direct SQL'),
            session_user,
            current_setting('role'));
end;

-- What differs between two rows, as {"column": [old, new]}.
create function row_changes(old_row jsonb, new_row jsonb) returns jsonb
language sql immutable
return (
    select coalesce(jsonb_object_agg(key, jsonb_build_array(old_row -> key, value)), '{}')
    from jsonb_each(new_row)
    where value is distinct from old_row -> key
      and key not in ('version', 'updated_at', 'source_digest')
);

-- Watches a table: its changes go to `activity` and `change`.
--
-- A record's own table is watched as its kind with its id. A part of a record (an order's lines)
-- is watched as the kind of the record, with the column that holds its id; the record's version
-- rises with its parts, and one row of activity tells of all parts that one statement touched.
--
-- A record that this transaction has touched already is not touched again: one rise of the version
-- tells everybody to look. `unless_settled` is a further condition under which it is.
create function watch(watched text, record_kind text, record_table text, record_column text,
                      unless_settled text default 'false')
returns void
language plpgsql as $body$
declare
    part boolean := watched <> record_table;
    touch text := '';
    feed text := '';
begin
    if part then
        touch := format($sql$
            perform from %1$I where id = any (ids) order by id for no key update;
            update %1$I set version = version + 1
            where id = any (ids) and (xmin <> pg_current_xact_id()::xid or %2$s);
        $sql$, record_table, unless_settled);
    else
        feed := format($sql$
            insert into change (kind, id, version) select %1$L, id, version from ROWS;
        $sql$, record_kind);
    end if;
    execute format($sql$
        create function %1$I() returns trigger
        language plpgsql security definer set search_path = packline, pg_temp as $fn$
        declare
            ids bigint[];
        begin
            if tg_op = 'INSERT' then
                perform write_activity(%2$L, record, %3$L, 'insert', changes)
                from (select %4$I as record,
                             case when %5$L then jsonb_build_object('rows', count(*))
                                  else '{}'::jsonb end as changes
                      from new_rows where %4$I is not null group by %4$I order by %4$I) touched;
                %6$s
                if %5$L then
                    select array_agg(distinct %4$I) into ids from new_rows where %4$I is not null;
                end if;
            elsif tg_op = 'UPDATE' then
                perform write_activity(%2$L, record, %3$L, 'update', changes)
                from (select record, case when %5$L then jsonb_agg(diff || jsonb_build_object('id', id) order by id)
                                          else jsonb_agg(diff) -> 0 end as changes
                      from (select n.%4$I as record, n.id, row_changes(to_jsonb(o), to_jsonb(n)) as diff
                            from old_rows o join new_rows n using (id)
                            -- Reckoned once for each row, not each time that it is named.
                            where n.%4$I is not null offset 0) rows
                      where diff <> '{}' group by record order by record) touched;
                %6$s
                if %5$L then
                    select array_agg(distinct record) into ids
                    from (select %4$I as record from new_rows union select %4$I from old_rows) both_rows
                    where record is not null;
                end if;
            else
                perform write_activity(%2$L, record, %3$L, 'delete', changes)
                from (select %4$I as record, jsonb_agg(to_jsonb(o)) as changes
                      from old_rows o where %4$I is not null group by %4$I order by %4$I) touched;
                %7$s
                if %5$L then
                    select array_agg(distinct %4$I) into ids from old_rows where %4$I is not null;
                end if;
            end if;
            if ids is not null then
                null;
                %8$s
            end if;
            return null;
        end $fn$
    $sql$, 'watch_' || watched, record_kind, watched, record_column, part,
           replace(feed, 'ROWS', 'new_rows'), replace(feed, 'ROWS', 'old_rows'), touch);
    execute format('create trigger watch_insert after insert on %I referencing new table as new_rows for each statement execute function %I()',
                   watched, 'watch_' || watched);
    execute format('create trigger watch_update after update on %I referencing old table as old_rows new table as new_rows for each statement execute function %I()',
                   watched, 'watch_' || watched);
    execute format('create trigger watch_delete after delete on %I referencing old table as old_rows for each statement execute function %I()',
                   watched, 'watch_' || watched);
    if not part then
        execute format('create trigger raise_version before update on %I for each row execute function raise_version()',
                       watched);
    end if;
end $body$;

-- Keeps the history of a table whose rows raise no record's version: a part that reaches its record
-- by way of another table, or a setting of the shop as a whole (record 0). `record` is an
-- expression of a row `r`.
create function keep_history(watched text, record_kind text, record text default '0', key text default 'id')
returns void
language plpgsql as $body$
begin
    execute format($sql$
        create function %1$I() returns trigger
        language plpgsql security definer set search_path = packline, pg_temp as $fn$
        begin
            if tg_op = 'INSERT' then
                perform write_activity(%2$L, record, %3$L, 'insert', jsonb_build_object('rows', count(*))
                    || case when record = 0 then jsonb_build_object('values', jsonb_agg(value)) else '{}' end)
                from (select %4$s as record, case when %4$s = 0 then to_jsonb(r) end as value
                      from new_rows r) added
                group by record order by record;
            elsif tg_op = 'UPDATE' then
                perform write_activity(%2$L, record, %3$L, 'update', jsonb_agg(diff || jsonb_build_object('id', key)))
                from (select %4$s as record, r.%5$I as key, row_changes(to_jsonb(o), to_jsonb(r)) as diff
                      from old_rows o join new_rows r using (%5$I) offset 0) changed
                where diff <> '{}'
                group by record order by record;
            else
                perform write_activity(%2$L, record, %3$L, 'delete', jsonb_agg(value))
                from (select %4$s as record, to_jsonb(r) as value from old_rows r) removed
                group by record order by record;
            end if;
            return null;
        end $fn$
    $sql$, 'history_of_' || watched, record_kind, watched, record, key);
    execute format('create trigger history_insert after insert on %I referencing new table as new_rows for each statement execute function %I()',
                   watched, 'history_of_' || watched);
    execute format('create trigger history_update after update on %I referencing old table as old_rows new table as new_rows for each statement execute function %I()',
                   watched, 'history_of_' || watched);
    execute format('create trigger history_delete after delete on %I referencing old table as old_rows for each statement execute function %I()',
                   watched, 'history_of_' || watched);
end $body$;

-- Ends an act: checks that the person may, that something was done, and that it is done once.
create function finish_act(
    id uuid, kind text, record_id bigint, verb text, args jsonb, source text, result jsonb, undoes uuid
) returns void
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if not exists (
        select from verb_role r
        where r.kind = finish_act.kind and r.verb = finish_act.verb
          and pg_has_role(session_user, 'packline_' || r.role, 'member')
    ) then
        raise exception 'your roles do not allow %', verb using errcode = 'insufficient_privilege';
    end if;
    -- An order's inspection is asked for with the order and told of with the inspection.
    if not exists (
        select from activity a
        where a.act_id = finish_act.id and a.who = session_user and a.verb = finish_act.verb
          and ((a.kind, a.record_id) = (finish_act.kind, finish_act.record_id)
               or finish_act.verb = 'inspect' and a.kind = 'inspection')
    ) then
        raise exception 'nothing to change' using errcode = 'check_violation', constraint = 'act_changes_something';
    end if;
    insert into act (id, kind, record_id, verb, args, source, result, undoes)
    values (id, kind, record_id, verb, args, source, result, undoes);
end $$;
