-- Shipments (parcels), what is in them, and what carriers say of them.

create table shipments (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders,
    fulfilment_id bigint not null,
    carrier_id bigint references carriers,
    tracking_code text check (tracking_code <> ''),
    -- Tracking codes are recycled: a code is unique with its carrier and the day it was used.
    ship_date date,
    state text not null default 'draft' check (state in
        ('draft', 'labelled', 'handed_over', 'delivered', 'lost', 'returned_to_sender', 'void')),
    tracking_status text not null default 'unknown' check (tracking_status in
        ('unknown', 'pre_transit', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'delivered',
         'return_to_sender', 'failure', 'cancelled', 'error')),
    tracking_status_raw text,
    last_event_at timestamptz,
    eta timestamptz,
    -- When the carrier said so: an older word never replaces a newer one.
    eta_at timestamptz,
    handed_over_at timestamptz,
    delivered_at timestamptz,
    damaged_reason text,
    -- How often its label or slip was printed.
    prints integer not null default 0 check (prints >= 0),
    reason text,
    -- What was decided of one that was lost or came back.
    settled text check (settled in ('sent_again', 'written_off')),
    -- Whether somebody must still look at it.
    is_open boolean not null generated always as (
        state in ('draft', 'labelled', 'handed_over')
        or state in ('lost', 'returned_to_sender') and settled is null) stored,
    -- By when somebody must look: see derive_attention. Far away when it is closed.
    due_at timestamptz not null default '9999-12-31 00:00+00',
    version bigint not null default 1,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    unique (id, order_id),
    constraint shipments_fulfilment_of_order foreign key (fulfilment_id, order_id)
        references fulfilments (id, order_id),
    constraint shipments_settled_when check (settled is null or state in ('lost', 'returned_to_sender')),
    constraint shipments_code_once unique (carrier_id, tracking_code, ship_date),
    constraint shipments_labelled_has_code check
        (state in ('draft', 'void') or (carrier_id is not null and tracking_code is not null and ship_date is not null))
);
create index shipments_of_order on shipments (order_id);
create index shipments_of_fulfilment on shipments (fulfilment_id);
create index shipments_code on shipments (tracking_code) where tracking_code is not null;
create index shipments_open_due on shipments (due_at, id) where is_open;
create index shipments_open_age on shipments (created_at, id) where is_open;
create index shipments_open_state on shipments (tracking_status collate "C", id) where is_open;
create index shipments_open_id on shipments (id) where is_open;
create index shipments_all_due on shipments (due_at, id);
create index shipments_all_age on shipments (created_at, id);
create index shipments_all_state on shipments (tracking_status collate "C", id);
create index shipments_state_due on shipments (state, due_at, id);

create table shipment_lines (
    id bigint generated always as identity primary key,
    shipment_id bigint not null references shipments,
    order_line_id bigint not null references order_lines,
    -- Our stock that it leaves; null where a supplier ships its own.
    stock_level_id bigint references stock_levels,
    quantity integer not null check (quantity > 0),
    unique (shipment_id, order_line_id)
);
create index shipment_lines_of_line on shipment_lines (order_line_id);

insert into transition (kind, from_state, to_state) values
    ('shipment', '', 'draft'),
    ('shipment', 'draft', 'labelled'),
    -- Its carrier and code were noted by mistake.
    ('shipment', 'labelled', 'draft'),
    ('shipment', 'labelled', 'handed_over'),
    ('shipment', 'handed_over', 'delivered'),
    ('shipment', 'handed_over', 'lost'),
    ('shipment', 'handed_over', 'returned_to_sender'),
    -- It arrives after all, while nothing was decided of it.
    ('shipment', 'lost', 'delivered'),
    ('shipment', 'draft', 'void'), ('shipment', 'labelled', 'void');
select guard_states('shipments', 'shipment', 'state');

-- A parcel wants attention at the first of: its ETA, its order's promise, five days after the
-- carrier last said anything; and one that was lost or came back at once, until that is settled.
create function derive_attention() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    promised timestamptz;
begin
    if new.state in ('draft', 'labelled', 'handed_over') then
        if new.state = 'handed_over' then
            select deliver_by into promised from orders where id = new.order_id;
        else
            select ship_by into promised from orders where id = new.order_id;
        end if;
        new.due_at := coalesce(
            least(new.eta, promised, coalesce(new.last_event_at, new.handed_over_at) + interval '5 days'),
            '9999-12-31 00:00+00');
    elsif new.state not in ('lost', 'returned_to_sender') or new.settled is not null then
        new.due_at := '9999-12-31 00:00+00';
    elsif tg_op = 'INSERT' or new.state <> old.state then
        new.due_at := clock_timestamp();
    end if;
    if tg_op = 'UPDATE' and new.state <> old.state then
        if new.state = 'handed_over' then
            new.handed_over_at := coalesce(new.handed_over_at, clock_timestamp());
            new.due_at := least(new.due_at, new.handed_over_at + interval '5 days');
        elsif new.state = 'delivered' then
            new.delivered_at := coalesce(new.delivered_at, clock_timestamp());
        end if;
    end if;
    return new;
end $$;
create trigger derive_attention before insert or update on shipments
    for each row execute function derive_attention();

-- What a parcel holds is fixed once it has left.
create function guard_shipment_line() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    parcel shipments;
begin
    if tg_op = 'UPDATE' and new.shipment_id <> old.shipment_id then
        raise exception 'what is in a parcel stays with it: take it out and put it into the other'
            using errcode = 'check_violation', constraint = 'shipment_lines_fixed';
    end if;
    select * into parcel from shipments
    where id = case when tg_op = 'DELETE' then old.shipment_id else new.shipment_id end for no key update;
    if parcel.state not in ('draft', 'labelled') then
        raise exception 'a parcel that is % cannot be repacked', replace(parcel.state, '_', ' ')
            using errcode = 'check_violation', constraint = 'shipment_lines_fixed';
    end if;
    if tg_op <> 'DELETE' and not exists (
        select from fulfilment_lines fl
        where fl.fulfilment_id = parcel.fulfilment_id and fl.order_line_id = new.order_line_id
    ) then
        raise exception 'a parcel holds lines of its own fulfilment only'
            using errcode = 'check_violation', constraint = 'shipment_lines_same_fulfilment';
    end if;
    if tg_op <> 'DELETE' and new.stock_level_id is not null and not exists (
        select from stock_levels s join fulfilments f on f.location_id = s.location_id
        where s.id = new.stock_level_id and f.id = parcel.fulfilment_id
    ) then
        raise exception 'a parcel takes stock of the location that packs it'
            using errcode = 'check_violation', constraint = 'shipment_lines_same_location';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end $$;
create trigger guard before insert or update or delete on shipment_lines
    for each row execute function guard_shipment_line();

-- Handing a parcel over moves units: from the reservation and the shelf (or from what a supplier
-- was asked for) to shipped. Delivery moves them on. Orders are locked before their parts, so
-- that two of these never wait for each other.
create function move_parcel() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    part record;
    supplied boolean;
    parent orders;
begin
    if new.state = old.state then
        return null;
    end if;
    select p.supplier_id is not null into supplied
    from fulfilments f join locations p on p.id = f.location_id where f.id = new.fulfilment_id;
    if new.state = 'handed_over' then
        select * into parent from orders where id = new.order_id for no key update;
        if parent.hold_reason is not null then
            raise exception 'its order is on hold: %', parent.hold_reason
                using errcode = 'check_violation', constraint = 'shipments_order_held';
        end if;
        -- What a supplier has sent is gone, whatever became of the money since.
        if not supplied and not is_paid(parent) then
            raise exception 'its order''s payment is %', replace(parent.financial_status, 'partially_', 'part ')
                using errcode = 'check_violation', constraint = 'shipments_order_paid';
        end if;
        if not supplied and unfit_option(parent) is not null then
            raise exception '%', unfit_option(parent)
                using errcode = 'check_violation', constraint = 'shipments_option_fits';
        end if;
        perform from fulfilments where id = new.fulfilment_id for no key update;
        if exists (select from inspections i
                   where i.state in ('pending', 'failed')
                     and (i.shipment_id = new.id or i.fulfilment_id = new.fulfilment_id
                          or (i.fulfilment_id is null and i.shipment_id is null and i.order_id = new.order_id))) then
            raise exception 'an inspection of it is pending or failed'
                using errcode = 'check_violation', constraint = 'shipments_inspected';
        end if;
        -- Nor do units of our own leave by way of another fulfilment of the same line, be it in the place
        -- of the one that was inspected.
        if not supplied and exists (
            select from inspections i
            join fulfilments f on f.id = coalesce(i.fulfilment_id, (
                select s.fulfilment_id from shipments s where s.id = i.shipment_id and s.state <> 'void'))
            join locations p on p.id = f.location_id
            join fulfilment_lines fl on fl.fulfilment_id = f.id
            join shipment_lines sl on sl.order_line_id = fl.order_line_id and sl.shipment_id = new.id
            where i.order_id = new.order_id and i.state in ('pending', 'failed')
              and f.id <> new.fulfilment_id and p.supplier_id is null
        ) then
            raise exception 'an inspection of units of the same line is pending or failed'
                using errcode = 'check_violation', constraint = 'shipments_inspected';
        end if;
        if not exists (select from shipment_lines where shipment_id = new.id) then
            raise exception 'nothing is in it'
                using errcode = 'check_violation', constraint = 'shipments_not_empty';
        end if;
        for part in
            select sl.*, l.sku from shipment_lines sl join order_lines l on l.id = sl.order_line_id
            where sl.shipment_id = new.id order by sl.stock_level_id nulls first, sl.order_line_id
        loop
            if part.stock_level_id is not null then
                delete from reservations
                where order_line_id = part.order_line_id and stock_level_id = part.stock_level_id
                  and quantity = part.quantity;
                if not found then
                    update reservations set quantity = quantity - part.quantity
                    where order_line_id = part.order_line_id and stock_level_id = part.stock_level_id
                      and quantity > part.quantity;
                    if not found then
                        raise exception '% units of % are not reserved for it', part.quantity, part.sku
                            using errcode = 'check_violation', constraint = 'shipments_reserved';
                    end if;
                end if;
                insert into stock_movements (stock_level_id, kind, on_hand, order_line_id)
                values (part.stock_level_id, 'ship', -part.quantity, part.order_line_id);
            elsif not supplied then
                raise exception 'what leaves our own location leaves its stock'
                    using errcode = 'check_violation', constraint = 'shipments_from_stock';
            end if;
            update fulfilment_lines set shipped = shipped + part.quantity
            where fulfilment_id = new.fulfilment_id and order_line_id = part.order_line_id;
            update order_lines
            set shipped = shipped + part.quantity,
                requested = requested - case when supplied then part.quantity else 0 end
            where id = part.order_line_id;
        end loop;
        if not exists (select from fulfilment_lines
                       where fulfilment_id = new.fulfilment_id and shipped < quantity) then
            update fulfilments set state = 'shipped' where id = new.fulfilment_id and state = 'ready';
            if not found then
                raise exception 'its fulfilment is not ready'
                    using errcode = 'check_violation', constraint = 'shipments_fulfilment_ready';
            end if;
        elsif not exists (select from fulfilments where id = new.fulfilment_id and state = 'ready') then
            raise exception 'its fulfilment is not ready'
                using errcode = 'check_violation', constraint = 'shipments_fulfilment_ready';
        end if;
    elsif new.state = 'delivered' then
        perform from orders where id = new.order_id for no key update;
        update order_lines l set delivered = l.delivered + sl.quantity
        from shipment_lines sl where sl.shipment_id = new.id and l.id = sl.order_line_id;
        if not exists (select from shipments s
                       where s.fulfilment_id = new.fulfilment_id and s.id <> new.id
                         and s.state not in ('delivered', 'void') and s.settled is null) then
            update fulfilments set state = 'delivered' where id = new.fulfilment_id and state = 'shipped';
        end if;
    end if;
    return null;
end $$;
create trigger move after update of state on shipments
    for each row execute function move_parcel();

-- What is decided of a parcel that was lost or came back is decided once. To send its units again,
-- they count as never shipped: whatever covers them anew leaves in a parcel of its own, and the ledger
-- keeps what the first one took. What is written off never arrives.
create function settle_parcel() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    parent orders;
begin
    if old.settled is not null then
        raise exception 'what became of it was decided already'
            using errcode = 'check_violation', constraint = 'shipments_settled_once';
    end if;
    select * into parent from orders where id = new.order_id for no key update;
    if new.settled = 'written_off' then
        update order_lines l set lost = l.lost + sl.quantity
        from shipment_lines sl where sl.shipment_id = new.id and l.id = sl.order_line_id;
    else
        if not is_paid(parent) then
            raise exception 'its order''s payment is %', replace(parent.financial_status, 'partially_', 'part ')
                using errcode = 'check_violation', constraint = 'shipments_order_paid';
        end if;
        update fulfilment_lines fl set lost = fl.lost + sl.quantity
        from shipment_lines sl
        where sl.shipment_id = new.id
          and fl.fulfilment_id = new.fulfilment_id and fl.order_line_id = sl.order_line_id;
        update order_lines l set shipped = l.shipped - sl.quantity
        from shipment_lines sl where sl.shipment_id = new.id and l.id = sl.order_line_id;
    end if;
    if exists (select from shipments where fulfilment_id = new.fulfilment_id and state = 'delivered')
       and not exists (select from shipments
                       where fulfilment_id = new.fulfilment_id and state not in ('delivered', 'void')
                         and settled is null) then
        update fulfilments set state = 'delivered' where id = new.fulfilment_id and state = 'shipped';
    end if;
    return null;
end $$;
create trigger settle after update of settled on shipments
    for each row when (new.settled is distinct from old.settled) execute function settle_parcel();

-- Each event of a carrier's or aggregator's feed once.
create table provider_events (
    provider text not null,
    event_id text not null,
    shipment_id bigint not null references shipments,
    received_at timestamptz not null default clock_timestamp(),
    primary key (provider, event_id)
);

create table tracking_events (
    id bigint generated always as identity primary key,
    shipment_id bigint not null references shipments,
    at timestamptz not null,
    status text not null check (status in
        ('unknown', 'pre_transit', 'in_transit', 'out_for_delivery', 'available_for_pickup', 'delivered',
         'return_to_sender', 'failure', 'cancelled', 'error')),
    -- The carrier's own word where the status is not known.
    status_raw text,
    message text not null default '',
    location text not null default '',
    constraint tracking_events_once unique (shipment_id, at, status, message)
);
create index tracking_events_of_shipment on tracking_events (shipment_id, at desc);

-- The newest event is the present; an older one changes history only.
create function apply_tracking() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    newest record;
begin
    for newest in
        select distinct on (shipment_id) shipment_id, at, status, status_raw
        from new_rows order by shipment_id, at desc, id desc
    loop
        perform from orders where id = (select order_id from shipments where id = newest.shipment_id) for no key update;
        update shipments
        set tracking_status = newest.status, tracking_status_raw = newest.status_raw, last_event_at = newest.at,
            delivered_at = case when newest.status = 'delivered'
                                     and (state = 'handed_over' or state = 'lost' and settled is null)
                                then newest.at else delivered_at end,
            state = case when newest.status = 'delivered'
                              and (state = 'handed_over' or state = 'lost' and settled is null) then 'delivered'
                         when newest.status = 'return_to_sender' and state = 'handed_over'
                             then 'returned_to_sender'
                         else state end
        where id = newest.shipment_id and (last_event_at is null or last_event_at <= newest.at);
    end loop;
    return null;
end $$;
create trigger apply after insert on tracking_events
    referencing new table as new_rows for each statement execute function apply_tracking();

create trigger append_only before update or delete on provider_events
    for each row execute function refuse_change('provider_events');
create trigger append_only before update or delete on tracking_events
    for each row execute function refuse_change('tracking_events');

select watch('shipments', 'shipment', 'shipments', 'id');
select watch(t, 'shipment', 'shipments', 'shipment_id') from (values
    ('shipment_lines'), ('tracking_events')) as parts (t);
