-- Mail that leaves, and work that is due.

create table notices (
    id bigint generated always as identity primary key,
    kind text not null,
    subject_kind text not null,
    subject_id bigint not null,
    -- What it is for, so that a customer is told of a thing once.
    occasion text not null,
    recipient text not null check (recipient <> ''),
    subject_line text not null check (subject_line !~ '[\r\n]'),
    body text not null,
    state text not null default 'held' check (state in ('held', 'queued', 'sent', 'failed', 'cancelled')),
    held_until timestamptz not null,
    in_reply_to text,
    message_id text unique,
    error text,
    created_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz,
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp(),
    constraint notices_once unique (kind, subject_kind, subject_id, occasion)
);
create index notices_of_subject on notices (subject_kind, subject_id);
create index notices_due on notices (held_until) where state in ('held', 'queued', 'failed');
insert into transition (kind, from_state, to_state) values
    ('notice', '', 'held'), ('notice', 'held', 'queued'), ('notice', 'held', 'cancelled'),
    ('notice', 'queued', 'sent'), ('notice', 'queued', 'failed'), ('notice', 'failed', 'queued');
select guard_states('notices', 'notice', 'state');

create table jobs (
    id bigint generated always as identity primary key,
    kind text not null,
    subject_kind text not null,
    subject_id bigint not null,
    payload jsonb not null default '{}',
    -- One waiting job for one thing to do.
    dedupe_key text unique,
    run_at timestamptz not null default clock_timestamp(),
    attempts integer not null default 0,
    lease_until timestamptz,
    -- Rises with each claim: a worker whose lease ran out cannot complete what another took over.
    fence bigint not null default 0,
    dead_at timestamptz,
    dead_reason text,
    created_at timestamptz not null default clock_timestamp()
);
create index jobs_due on jobs (run_at, id) where dead_at is null;
create index jobs_dead on jobs (dead_at) where dead_at is not null;

select watch('notices', 'notice', 'notices', 'id');
