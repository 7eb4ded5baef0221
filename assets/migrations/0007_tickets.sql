-- What customers ask and complain of, and the clocks that it runs against.

create table tickets (
    id bigint generated always as identity primary key,
    customer_id bigint references customers,
    order_id bigint references orders,
    subject text not null,
    -- Who wrote, as the mail says it.
    email text,
    customer_name text not null default '',
    channel text not null default 'mail' check (channel in ('mail', 'phone', 'chat')),
    state text not null default 'new' check (state in
        ('new', 'open', 'pending', 'resolved', 'closed', 'merged')),
    priority text not null default 'normal' check (priority in ('low', 'normal', 'high', 'urgent')),
    assignee text,
    resolution text check (resolution in
        ('answered', 'apology', 'replace', 'refund', 'exchange', 'credit', 'none')),
    -- In the subject of our answers, so that theirs find the ticket.
    token text not null default substr(md5(gen_random_uuid()::text), 1, 8),
    merged_into_id bigint references tickets,
    continues_id bigint references tickets,
    snoozed_until timestamptz,
    -- When each running clock breaches; null when it does not run.
    first_response_due timestamptz,
    next_response_due timestamptz,
    resolution_due timestamptz,
    due_at timestamptz not null default '9999-12-31 00:00+00',
    opened_at timestamptz not null default clock_timestamp(),
    resolved_at timestamptz,
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp(),
    constraint tickets_merged_into check ((state = 'merged') = (merged_into_id is not null)),
    constraint tickets_not_into_itself check (merged_into_id <> id)
);
create index tickets_of_order on tickets (order_id) where order_id is not null;
create index tickets_of_customer on tickets (customer_id, id desc) where customer_id is not null;
create index tickets_of_email on tickets (lower(email), id desc);
create index tickets_open_due on tickets (due_at, id) where state in ('new', 'open', 'pending');
create index tickets_open_age on tickets (opened_at, id) where state in ('new', 'open', 'pending');
create index tickets_open_name on tickets (customer_name collate "C", id) where state in ('new', 'open', 'pending');
create index tickets_open_state on tickets (state collate "C", id) where state in ('new', 'open', 'pending');
create index tickets_open_id on tickets (id) where state in ('new', 'open', 'pending');
create index tickets_all_due on tickets (due_at, id);
create index tickets_all_age on tickets (opened_at, id);
create index tickets_all_name on tickets (customer_name collate "C", id);
create index tickets_all_state on tickets (state collate "C", id);
create index tickets_state_due on tickets (state, due_at, id);
create index tickets_assignee_due on tickets (assignee, due_at, id) where assignee is not null;
create index tickets_open_assignee on tickets (assignee, due_at, id)
    where assignee is not null and state in ('new', 'open', 'pending');

insert into transition (kind, from_state, to_state) values
    ('ticket', '', 'new'),
    ('ticket', 'new', 'open'), ('ticket', 'new', 'pending'), ('ticket', 'new', 'resolved'), ('ticket', 'new', 'merged'),
    ('ticket', 'open', 'pending'), ('ticket', 'open', 'resolved'), ('ticket', 'open', 'merged'),
    ('ticket', 'pending', 'open'), ('ticket', 'pending', 'resolved'), ('ticket', 'pending', 'merged'),
    -- To new and pending where that it was settled is taken back.
    ('ticket', 'resolved', 'new'), ('ticket', 'resolved', 'pending'),
    ('ticket', 'resolved', 'open'), ('ticket', 'resolved', 'closed');
select guard_states('tickets', 'ticket', 'state');

create function derive_ticket_due() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    new.due_at := coalesce(case when new.state in ('new', 'open', 'pending')
        then least(new.first_response_due, new.next_response_due, new.resolution_due) end, '9999-12-31 00:00+00');
    if tg_op = 'UPDATE' and new.state <> old.state then
        new.resolved_at := case when new.state = 'resolved' then clock_timestamp()
                                when new.state in ('new', 'open', 'pending') then null else new.resolved_at end;
    end if;
    return new;
end $$;
create trigger derive_due before insert or update on tickets
    for each row execute function derive_ticket_due();

create table messages (
    id bigint generated always as identity primary key,
    ticket_id bigint not null references tickets,
    kind text not null check (kind in ('inbound', 'outbound', 'note', 'call', 'bounce', 'auto')),
    at timestamptz not null default clock_timestamp(),
    sender text not null default '',
    who text not null default session_user,
    subject text not null default '',
    body text not null,
    -- The mailbox that received or sent it, and RFC 5322's Message-ID.
    mailbox text,
    message_id text,
    in_reply_to text,
    constraint messages_once_per_mailbox unique (mailbox, message_id)
);
create index messages_of_ticket on messages (ticket_id, at, id);
create index messages_by_message_id on messages (message_id) where message_id is not null;

create trigger stamp before insert on messages
    for each row execute function stamp_author();
-- A message may move with its ticket's merge; what was said stays said.
create function guard_message() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    if tg_op = 'DELETE' or (new.kind, new.at, new.sender, new.who, new.subject, new.body, new.message_id)
            is distinct from (old.kind, old.at, old.sender, old.who, old.subject, old.body, old.message_id) then
        raise exception 'what was said stays said'
            using errcode = 'insufficient_privilege', constraint = 'messages_append_only';
    end if;
    return new;
end $$;
create trigger guard before update or delete on messages
    for each row execute function guard_message();

create table attachments (
    id bigint generated always as identity primary key,
    message_id bigint not null references messages,
    name text not null,
    content_type text not null,
    size bigint generated always as (octet_length(content)) stored,
    content bytea not null
);
create index attachments_of_message on attachments (message_id);
create trigger append_only before update or delete on attachments
    for each row execute function refuse_change('attachments');

-- What happened to a ticket's clocks. The clocks are derived from it, so a late answer is still a
-- breach.
create table clock_events (
    id bigint generated always as identity primary key,
    ticket_id bigint not null references tickets,
    clock text not null check (clock in ('first_response', 'next_response', 'resolution')),
    event text not null check (event in ('activate', 'pause', 'fulfil', 'breach')),
    at timestamptz not null default clock_timestamp(),
    due_at timestamptz
);
create index clock_events_of_ticket on clock_events (ticket_id, id);
-- A clock may have begun to count before it is set going (again); what ends one happens now.
create function stamp_clock_event() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    if not (pg_has_role(session_user, 'packline_worker', 'member')
            or pg_has_role(session_user, 'packline_admin', 'member')) then
        new.at := case when new.event = 'activate' then least(new.at, clock_timestamp())
                       else clock_timestamp() end;
    end if;
    return new;
end $$;
create trigger stamp before insert on clock_events
    for each row execute function stamp_clock_event();
create trigger append_only before update or delete on clock_events
    for each row execute function refuse_change('clock_events');
create trigger append_only_truncate before truncate on clock_events
    for each statement execute function refuse_change('clock_events');

create function touch_order_of_ticket() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if tg_op = 'INSERT' or new.state is distinct from old.state or new.order_id is distinct from old.order_id then
        update orders set version = version + 1
        where id in (new.order_id, case when tg_op = 'UPDATE' then old.order_id end)
          and xmin <> pg_current_xact_id()::xid;
    end if;
    return null;
end $$;
create trigger touch_order after insert or update on tickets
    for each row execute function touch_order_of_ticket();

select watch('tickets', 'ticket', 'tickets', 'id');
select watch(t, 'ticket', 'tickets', 'ticket_id') from (values
    ('messages'), ('clock_events')) as parts (t);
select keep_history('attachments', 'ticket', '(select ticket_id from messages where id = r.message_id)');
