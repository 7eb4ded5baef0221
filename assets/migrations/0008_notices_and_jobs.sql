-- Mail that leaves, and work that is due.

create table notices (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('order_confirmation', 'shipped', 'delay', 'out_for_delivery',
        'delivered', 'ticket_received', 'purchase_order', 'purchase_order_cancelled', 'address_changed',
        'ticket_reply')),
    subject_kind text not null check (subject_kind in ('order', 'shipment', 'ticket', 'purchase_order', 'return')),
    subject_id bigint not null,
    -- The order that its subject is, or is a part of; tickets are linked with theirs elsewhere.
    order_id bigint references orders,
    -- What it is for, so that a customer is told of a thing once.
    occasion text not null,
    recipient text not null check (recipient <> '' and recipient !~ '[\r\n]'),
    subject_line text not null check (subject_line !~ '[\r\n]'),
    body text not null,
    -- The same for readers that show HTML, already escaped.
    html text,
    attachment_name text check (attachment_name <> '' and attachment_name !~ '[[:cntrl:]/\\]'),
    attachment text,
    state text not null default 'held' check (state in ('held', 'queued', 'sent', 'failed', 'cancelled')),
    -- The undo window: until then nothing leaves and it can be cancelled.
    held_until timestamptz not null,
    -- Message-IDs of the mails that it answers, without angle brackets, the nearest last.
    in_reply_to text check (in_reply_to !~ '[\r\n]'),
    mail_references text[] not null default '{}'
        check (array_to_string(mail_references, '') !~ '[\r\n]'),
    -- Without angle brackets. Given at the first attempt where nobody gave one; a second attempt is
    -- the same mail.
    message_id text unique check (message_id !~ '[\s<>]'),
    -- Each claim is an attempt; who comes back with an older number has lost the mail to another.
    attempts integer not null default 0 check (attempts >= 0),
    -- While queued: when to try again, also if whoever tries now never comes back.
    retry_at timestamptz,
    -- Whether somebody tries now: nobody else can stop it then.
    sending boolean not null default false,
    -- Whether what it says no longer stands: it does not leave until it is written anew. One that was
    -- stopped for another is.
    outdated boolean not null default false,
    error text,
    created_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz,
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp(),
    constraint notices_once unique (kind, subject_kind, subject_id, occasion),
    constraint notices_attachment_whole check ((attachment_name is null) = (attachment is null)),
    constraint notices_sent_when check ((state = 'sent') = (sent_at is not null))
);
create index notices_of_subject on notices (subject_kind, subject_id);
create index notices_of_order on notices (order_id);
create index notices_order_wants on notices (order_id)
    where state in ('held', 'queued', 'failed') or state = 'cancelled' and kind = 'purchase_order';
create index notices_stock_wants on notices (subject_id)
    where subject_kind = 'purchase_order' and order_id is null and state in ('held', 'queued', 'failed');
create index notices_ticket_wants on notices (subject_id)
    where subject_kind = 'ticket' and state in ('held', 'queued', 'failed');
create index notices_due on notices (coalesce(retry_at, held_until), id) where state in ('held', 'queued');
create index notices_failed on notices (id) where state = 'failed';
create index notices_put_off on notices (held_until) where state = 'queued' and error is not null;
insert into transition (kind, from_state, to_state) values
    ('notice', '', 'held'), ('notice', 'held', 'queued'), ('notice', 'held', 'cancelled'),
    ('notice', 'queued', 'sent'), ('notice', 'queued', 'failed'), ('notice', 'failed', 'queued'),
    ('notice', 'failed', 'cancelled'), ('notice', 'queued', 'cancelled'), ('notice', 'cancelled', 'queued');
select guard_states('notices', 'notice', 'state');

-- What is on its way or has left is the workers' alone: whoever made it due once more would send it
-- twice. What waits to be tried again can be stopped, and a purchase order that was stopped can be sent
-- after all: a supplier that never had it has nothing to answer.
create function guard_notice() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    if old.state not in ('held', 'failed')
       and not (old.state = 'queued' and not old.sending and new.state = 'cancelled')
       and not (old.state = 'cancelled' and old.kind = 'purchase_order' and new.state = 'queued')
       -- What it says does not hold any more, or its recipient has another address.
       and not (pg_trigger_depth() > 1
                and (old.state <> 'sent' and not old.sending
                     or (new.recipient, new.retry_at) is not distinct from (old.recipient, old.retry_at))
                and to_jsonb(new) - '{outdated,recipient,retry_at,version,updated_at}'::text[]
                  = to_jsonb(old) - '{outdated,recipient,retry_at,version,updated_at}'::text[])
       and not (pg_has_role(session_user, 'packline_worker', 'member')
                or pg_has_role(session_user, 'packline_admin', 'member')) then
        raise exception 'a mail that is % cannot be changed', old.state
            using errcode = 'check_violation', constraint = 'notices_left_alone';
    end if;
    return new;
end $$;
create trigger guard before update on notices
    for each row execute function guard_notice();

create function note_order() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    new.order_id := case new.subject_kind
        when 'order' then (select id from orders where id = new.subject_id)
        when 'shipment' then (select order_id from shipments where id = new.subject_id)
        when 'return' then (select order_id from returns where id = new.subject_id)
        when 'purchase_order' then
            (select f.order_id from purchase_orders p join fulfilments f on f.id = p.fulfilment_id
             where p.id = new.subject_id)
    end;
    return new;
end $$;
create trigger note_order before insert on notices
    for each row execute function note_order();

-- Whoever looks at an order, a ticket or a product's stock sees how far its mail has come. The record itself stays as it is.
create function tell_of_mail() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    insert into change (kind, id, version)
    select 'order', o.id, o.version from orders o
    where o.id in (select order_id from new_rows
                   union
                   select t.order_id from new_rows n join tickets t on t.id = n.subject_id
                   where n.subject_kind = 'ticket')
    union all
    select 'ticket', t.id, t.version from tickets t
    where t.id in (select subject_id from new_rows where subject_kind = 'ticket')
    union all
    select 'stock', s.id, s.version from stock_levels s
    where s.product_id in (select l.product_id
                           from new_rows n join purchase_order_lines l on l.purchase_order_id = n.subject_id
                           where n.subject_kind = 'purchase_order' and n.order_id is null);
    return null;
end $$;
create trigger tell_of_mail_insert after insert on notices
    referencing new table as new_rows for each statement execute function tell_of_mail();
create trigger tell_of_mail_update after update on notices
    referencing new table as new_rows for each statement execute function tell_of_mail();

-- What a person does with a mail is done with its order, its ticket or its product's stock, and told
-- there.
create function tell_of_act_with_mail() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    done record;
begin
    if coalesce(current_setting('packline.act_id', true), '') = '' then
        return null;
    end if;
    for done in
        select shown.kind, shown.id,
               jsonb_object_agg('mail ' || n.id, jsonb_build_array(o.state, n.state)) as changes
        from new_rows n join old_rows o on o.id = n.id and o.state <> n.state
        cross join lateral (
            select 'order' as kind, n.order_id as id where n.order_id is not null
            union all
            select 'ticket', n.subject_id where n.subject_kind = 'ticket'
            union all
            select 'stock', s.id
            from purchase_order_lines l join stock_levels s on s.product_id = l.product_id
            where n.subject_kind = 'purchase_order' and n.order_id is null
              and l.purchase_order_id = n.subject_id) shown
        group by 1, 2 order by 1, 2
    loop
        perform write_activity(done.kind, done.id, 'notices', 'update', done.changes);
        case done.kind
            when 'order' then update orders set version = version + 1 where id = done.id;
            when 'stock' then update stock_levels set version = version + 1 where id = done.id;
            else update tickets set version = version + 1 where id = done.id;
        end case;
    end loop;
    return null;
end $$;
create trigger tell_of_act after update on notices
    referencing old table as old_rows new table as new_rows
    for each statement execute function tell_of_act_with_mail();

-- Work that is due. It is enqueued by plain insert in the transaction that makes it due, and
-- completed in the transaction that does it.
create table jobs (
    id bigint generated always as identity primary key,
    kind text not null,
    subject_kind text not null,
    subject_id bigint not null,
    dedupe_key text,
    run_at timestamptz not null default clock_timestamp(),
    -- Work that comes again: how long after it was done.
    every interval,
    attempts integer not null default 0,
    error text,
    lease_until timestamptz,
    -- Rises with each claim: a worker whose lease ran out cannot complete what another took over.
    fence bigint not null default 0,
    -- Since when something is done for it that no transaction can take back, such as printing. Whoever
    -- finds it set at a claim does not know whether that was done.
    begun_at timestamptz,
    dead_at timestamptz,
    created_at timestamptz not null default clock_timestamp()
);
-- One waiting job for one thing to do. What becomes due while a worker does it is a job of its own.
create unique index jobs_waiting_once on jobs (dedupe_key) where lease_until is null and dead_at is null;
create index jobs_due on jobs (run_at, id) where dead_at is null;
create index jobs_dead on jobs (dead_at, dedupe_key) where dead_at is not null;
create index jobs_failing on jobs (kind) where error is not null and dead_at is null;
create index jobs_of_subject on jobs (subject_kind, subject_id);

select watch('notices', 'notice', 'notices', 'id');
