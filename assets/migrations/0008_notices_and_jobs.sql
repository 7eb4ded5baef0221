-- Mail that leaves, and work that is due.

create table notices (
    id bigint generated always as identity primary key,
    kind text not null,
    subject_kind text not null,
    subject_id bigint not null,
    -- What it is for, so that a customer is told of a thing once.
    occasion text not null,
    recipient text not null check (recipient <> '' and recipient !~ '[\r\n]'),
    subject_line text not null check (subject_line !~ '[\r\n]'),
    body text not null,
    -- The same for readers that show HTML, already escaped.
    html text,
    attachment_name text check (attachment_name <> ''),
    attachment text,
    state text not null default 'held' check (state in ('held', 'queued', 'sent', 'failed', 'cancelled')),
    -- The undo window: until then nothing leaves and it can be cancelled.
    held_until timestamptz not null,
    -- Ids of the mails that it answers, in RFC 5322's angle brackets, the nearest last.
    in_reply_to text check (in_reply_to !~ '[\r\n]'),
    mail_references text[] not null default '{}'
        check (array_to_string(mail_references, '') !~ '[\r\n]'),
    -- Given at the first attempt where nobody gave one; a second attempt is the same mail.
    message_id text unique,
    -- Each claim is an attempt; who comes back with an older number has lost the mail to another.
    attempts integer not null default 0 check (attempts >= 0),
    -- While queued: when to try again, also if whoever tries now never comes back.
    retry_at timestamptz,
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
create index notices_due on notices (coalesce(retry_at, held_until), id) where state in ('held', 'queued');
create index notices_failed on notices (id) where state = 'failed';
insert into transition (kind, from_state, to_state) values
    ('notice', '', 'held'), ('notice', 'held', 'queued'), ('notice', 'held', 'cancelled'),
    ('notice', 'queued', 'sent'), ('notice', 'queued', 'failed'), ('notice', 'failed', 'queued');
select guard_states('notices', 'notice', 'state');

-- Work that is due. It is enqueued by plain insert in the transaction that makes it due, and
-- completed in the transaction that does it.
create table jobs (
    id bigint generated always as identity primary key,
    kind text not null,
    subject_kind text not null,
    subject_id bigint not null,
    payload jsonb not null default '{}',
    dedupe_key text,
    run_at timestamptz not null default clock_timestamp(),
    -- Work that comes again: how long after it was done.
    every interval,
    attempts integer not null default 0,
    error text,
    lease_until timestamptz,
    -- Rises with each claim: a worker whose lease ran out cannot complete what another took over.
    fence bigint not null default 0,
    dead_at timestamptz,
    created_at timestamptz not null default clock_timestamp()
);
-- One waiting job for one thing to do. What becomes due while a worker does it is a job of its own.
create unique index jobs_waiting_once on jobs (dedupe_key) where lease_until is null and dead_at is null;
create index jobs_due on jobs (run_at, id) where dead_at is null;
create index jobs_dead on jobs (dead_at, dedupe_key) where dead_at is not null;
create index jobs_of_subject on jobs (subject_kind, subject_id);

select watch('notices', 'notice', 'notices', 'id');
