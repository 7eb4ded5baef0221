-- What is inspected before it leaves or while it lies, and what comes back.

create table inspections (
    id bigint generated always as identity primary key,
    -- What it inspects: an order's goods, one fulfilment or parcel of it, or stock (a spot check).
    order_id bigint references orders,
    fulfilment_id bigint,
    shipment_id bigint,
    stock_level_id bigint references stock_levels,
    state text not null default 'pending' check (state in
        ('pending', 'passed', 'failed', 'waived', 'cancelled')),
    assignee text,
    started_at timestamptz,
    finished_at timestamptz,
    waive_reason text,
    due_at timestamptz not null default '9999-12-31 00:00+00',
    version bigint not null default 1,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    constraint inspections_of_something check (num_nonnulls(order_id, stock_level_id) = 1),
    constraint inspections_waived_why check ((state = 'waived') = (coalesce(btrim(waive_reason), '') <> '')),
    foreign key (fulfilment_id, order_id) references fulfilments (id, order_id),
    foreign key (shipment_id, order_id) references shipments (id, order_id)
);
create index inspections_of_order on inspections (order_id) where order_id is not null;
create index inspections_of_fulfilment on inspections (fulfilment_id) where fulfilment_id is not null;
create index inspections_open_due on inspections (due_at, id) where state in ('pending', 'failed');
create index inspections_open_age on inspections (created_at, id) where state in ('pending', 'failed');
create index inspections_open_state on inspections (state collate "C", id) where state in ('pending', 'failed');
create index inspections_open_id on inspections (id) where state in ('pending', 'failed');
create index inspections_all_due on inspections (due_at, id);
create index inspections_all_age on inspections (created_at, id);
create index inspections_all_state on inspections (state collate "C", id);
create index inspections_state_due on inspections (state, due_at, id);
create index inspections_assignee_due on inspections (assignee, due_at, id) where assignee is not null;
create index inspections_open_assignee on inspections (assignee, due_at, id)
    where assignee is not null and state in ('pending', 'failed');

create table inspection_checks (
    id bigint generated always as identity primary key,
    inspection_id bigint not null references inspections,
    position integer not null,
    name text not null check (name <> ''),
    instruction text not null,
    result text not null default 'open' check (result in ('open', 'passed', 'failed')),
    checked_by text,
    checked_at timestamptz,
    unique (inspection_id, name),
    unique (inspection_id, position)
);

create table defects (
    id bigint generated always as identity primary key,
    inspection_id bigint not null references inspections,
    check_name text not null,
    severity text not null check (severity in ('minor', 'major', 'critical')),
    description text not null check (description <> ''),
    at timestamptz not null default clock_timestamp(),
    who text not null default session_user
);
create index defects_of_inspection on defects (inspection_id, at desc);

-- Defects by the product of what was inspected and by day (UTC), by which goods are sampled.
create table daily_defects (
    product_id bigint not null references products,
    day date not null,
    defects bigint not null,
    primary key (product_id, day)
);
create function count_defects() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    insert into daily_defects (product_id, day, defects)
    select product_id, day, count(*)
    from (select n.id, (n.at at time zone 'UTC')::date as day, l.product_id
          from new_rows n
          join inspections i on i.id = n.inspection_id
          join order_lines l on l.order_id = i.order_id
          where (i.fulfilment_id is null or l.id in (
                     select order_line_id from fulfilment_lines where fulfilment_id = i.fulfilment_id))
            and (i.shipment_id is null or l.id in (
                     select order_line_id from shipment_lines where shipment_id = i.shipment_id))
          union
          select n.id, (n.at at time zone 'UTC')::date, s.product_id
          from new_rows n
          join inspections i on i.id = n.inspection_id
          join stock_levels s on s.id = i.stock_level_id) found
    where product_id is not null
    group by product_id, day order by product_id, day
    on conflict (product_id, day) do update set defects = daily_defects.defects + excluded.defects;
    return null;
end $$;
create trigger count_defects after insert on defects
    referencing new table as new_rows for each statement execute function count_defects();

insert into transition (kind, from_state, to_state) values
    ('inspection', '', 'pending'),
    ('inspection', 'pending', 'passed'),
    ('inspection', 'pending', 'failed'),
    ('inspection', 'failed', 'pending'),
    ('inspection', 'failed', 'waived'),
    ('inspection', 'pending', 'cancelled');
select guard_states('inspections', 'inspection', 'state');

-- The order's row lock keeps a result and a hand-over apart. A result follows from the checks,
-- and only a supervisor waives.
create function guard_inspection() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if tg_op = 'UPDATE' and (new.order_id, new.fulfilment_id, new.shipment_id, new.stock_level_id)
            is distinct from (old.order_id, old.fulfilment_id, old.shipment_id, old.stock_level_id) then
        raise exception 'an inspection stays with what it inspects'
            using errcode = 'check_violation', constraint = 'inspections_fixed';
    end if;
    if new.order_id is not null then
        perform from orders where id = new.order_id for no key update;
        select coalesce(ship_by, '9999-12-31 00:00+00') into new.due_at from orders where id = new.order_id;
    end if;
    if tg_op = 'UPDATE' and new.state <> old.state then
        if new.state = 'passed' and (
            not exists (select from inspection_checks where inspection_id = new.id)
            or exists (select from inspection_checks where inspection_id = new.id and result <> 'passed')
        ) then
            raise exception 'not every check has passed'
                using errcode = 'check_violation', constraint = 'inspections_checks_passed';
        elsif new.state = 'failed' and not exists (select from inspection_checks
            where inspection_id = new.id and result = 'failed') then
            raise exception 'no check has failed'
                using errcode = 'check_violation', constraint = 'inspections_checks_failed';
        elsif new.state = 'waived' and not pg_has_role(session_user, 'packline_supervisor', 'member') then
            raise exception 'only a supervisor waives an inspection'
                using errcode = 'insufficient_privilege', constraint = 'inspections_waived_by_supervisor';
        elsif new.state = 'cancelled' and not exists (
            select from orders where id = new.order_id and stage = 'cancelled'
            union all
            select from fulfilments where id = new.fulfilment_id and state = 'cancelled'
        ) then
            raise exception 'an inspection ends undone only with its order or fulfilment'
                using errcode = 'check_violation', constraint = 'inspections_cancelled_with_order';
        end if;
        new.finished_at := case when new.state = 'pending' then null else clock_timestamp() end;
    end if;
    return new;
end $$;
create trigger guard before insert or update on inspections
    for each row execute function guard_inspection();

-- What is not sent, or not from there, need not be inspected. What failed is still to be put right: the goods
-- are here.
create function cancel_inspections() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if tg_table_name = 'orders' then
        update inspections set state = 'cancelled' where order_id = new.id and state = 'pending';
    else
        update inspections set state = 'cancelled' where fulfilment_id = new.id and state = 'pending';
    end if;
    return null;
end $$;
create trigger cancel_inspections after update on orders
    for each row when (new.stage = 'cancelled' and old.stage <> 'cancelled')
    execute function cancel_inspections();
create trigger cancel_inspections after update of state on fulfilments
    for each row when (new.state = 'cancelled' and old.state <> 'cancelled')
    execute function cancel_inspections();

create trigger never_deleted before delete on inspections
    for each row execute function refuse_change('inspections');
create trigger stamp before insert on defects
    for each row execute function stamp_author();
create trigger append_only before update or delete on defects
    for each row execute function refuse_change('defects');

-- A check belongs to an inspection that is pending, whose row lock keeps its end and this apart;
-- it begins open, and who looks is who is connected.
create function stamp_check() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform from inspections
    where id = case when tg_op = 'DELETE' then old.inspection_id else new.inspection_id end
      and state = 'pending' for no key update;
    if not found then
        raise exception 'the inspection is finished'
            using errcode = 'check_violation', constraint = 'inspection_checks_pending';
    end if;
    if tg_op = 'DELETE' then
        return old;
    end if;
    if tg_op = 'INSERT' then
        new.result := 'open';
    elsif new.inspection_id <> old.inspection_id then
        raise exception 'a check stays with its inspection'
            using errcode = 'check_violation', constraint = 'inspection_checks_fixed';
    end if;
    if new.result = 'open' then
        new.checked_by := null;
        new.checked_at := null;
    else
        new.checked_by := session_user;
        new.checked_at := clock_timestamp();
    end if;
    return new;
end $$;
create trigger stamp before insert or update or delete on inspection_checks
    for each row execute function stamp_check();

create table returns (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders,
    state text not null default 'requested' check (state in
        ('requested', 'approved', 'declined', 'received', 'inspected', 'closed', 'cancelled', 'expired')),
    reason text not null,
    decision_reason text,
    requested_at timestamptz not null default clock_timestamp(),
    expires_at timestamptz,
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp()
);
create index returns_of_order on returns (order_id);
create table return_lines (
    id bigint generated always as identity primary key,
    return_id bigint not null references returns,
    order_line_id bigint not null references order_lines,
    quantity integer not null check (quantity > 0),
    condition text,
    disposition text check (disposition in ('restock', 'write_off', 'return_to_supplier', 'missing')),
    unique (return_id, order_line_id)
);
insert into transition (kind, from_state, to_state) values
    ('return', '', 'requested'),
    ('return', 'requested', 'approved'), ('return', 'requested', 'declined'),
    ('return', 'approved', 'received'), ('return', 'received', 'inspected'), ('return', 'inspected', 'closed'),
    ('return', 'approved', 'cancelled'), ('return', 'approved', 'expired');
select guard_states('returns', 'return', 'state');

-- Units asked back count while the return lives; once received they count as returned.
create function count_returned() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if tg_table_name = 'return_lines' then
        if not exists (select from returns r join order_lines l on l.order_id = r.order_id
                       where r.id = new.return_id and l.id = new.order_line_id and r.state = 'requested') then
            raise exception 'a return that is requested takes lines of its own order'
                using errcode = 'check_violation', constraint = 'return_lines_same_order';
        end if;
        update order_lines set return_requested = return_requested + new.quantity where id = new.order_line_id;
    elsif new.state in ('declined', 'cancelled', 'expired') and old.state <> new.state then
        update order_lines l set return_requested = l.return_requested - r.quantity
        from return_lines r where r.return_id = new.id and l.id = r.order_line_id;
    elsif new.state = 'received' and old.state <> new.state then
        update order_lines l set return_requested = l.return_requested - r.quantity, returned = l.returned + r.quantity
        from return_lines r where r.return_id = new.id and l.id = r.order_line_id;
    end if;
    return null;
end $$;
create trigger count_returned after insert on return_lines
    for each row execute function count_returned();
create function guard_return_line() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    if tg_op = 'DELETE' or (new.return_id, new.order_line_id, new.quantity)
                           is distinct from (old.return_id, old.order_line_id, old.quantity) then
        raise exception 'what a return holds does not change: cancel it and make another'
            using errcode = 'check_violation', constraint = 'return_lines_fixed';
    end if;
    return new;
end $$;
create trigger guard before update or delete on return_lines
    for each row execute function guard_return_line();
create trigger count_returned after update of state on returns
    for each row execute function count_returned();

select watch('inspections', 'inspection', 'inspections', 'id');
select watch(t, 'inspection', 'inspections', 'inspection_id') from (values
    ('inspection_checks'), ('defects')) as parts (t);
select watch('returns', 'return', 'returns', 'id');
select watch('return_lines', 'return', 'returns', 'return_id');

-- An order's list shows its inspections: it changes with them.
create function touch_order() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if tg_op = 'INSERT' or new.state is distinct from old.state or new.order_id is distinct from old.order_id then
        update orders set version = version + 1
        where id in (new.order_id, case when tg_op = 'UPDATE' then old.order_id end)
          and xmin <> pg_current_xact_id()::xid;
    end if;
    return null;
end $$;
create trigger touch_order after insert or update on inspections
    for each row execute function touch_order();
create trigger touch_order after insert or update on shipments
    for each row execute function touch_order();
