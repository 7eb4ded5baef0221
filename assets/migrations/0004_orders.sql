-- Orders: lines that count units, and a stage that follows from them.

-- An address is fields of text; a shop may leave what it does not know null, or write a number.
create function is_address(address jsonb) returns boolean
language sql immutable
return jsonb_typeof(address) = 'object' and not jsonb_path_exists(address,
    'strict $.* ? (@.type() == "object" || @.type() == "array" || @.type() == "boolean")');

create table orders (
    id bigint generated always as identity primary key,
    channel_id bigint not null references channels,
    -- The channel's own key, and the number that people say.
    external_id text not null,
    number text not null check (number <> ''),
    customer_id bigint references customers,
    -- As the channel gave them, for the customer may be without an account.
    customer_name text not null default '',
    -- One line: mail goes there.
    email text check (email !~ '[\r\n]'),
    phone text,
    placed_at timestamptz not null,
    paid_at timestamptz,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    subtotal bigint not null default 0 check (subtotal >= 0),
    shipping bigint not null default 0 check (shipping >= 0),
    tax bigint not null default 0 check (tax >= 0),
    discount bigint not null default 0 check (discount >= 0),
    total bigint not null default 0 check (total >= 0),
    financial_status text not null check (financial_status in
        ('pending', 'authorized', 'partially_paid', 'paid', 'partially_refunded', 'refunded', 'voided')),
    shipping_method text,
    shipping_option_id bigint references shipping_options,
    shipping_address jsonb not null default '{}' check (is_address(shipping_address)),
    billing_address jsonb not null default '{}' check (is_address(billing_address)),
    country text generated always as (nullif(shipping_address ->> 'country', '')) stored,
    note text,
    tags text[] not null default '{}' check (is_list(tags)),
    -- The promise.
    ship_by timestamptz,
    deliver_by timestamptz,
    -- What people decided. The stage follows; see derive_stage.
    confirmed_at timestamptz,
    processing_at timestamptz,
    hold_reason text check (hold_reason <> ''),
    cancelled_at timestamptz,
    cancel_reason text,
    closed_at timestamptz,
    stage text not null default 'new' check (stage in
        ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped', 'shipped', 'delivered', 'closed', 'cancelled')),
    -- The nearest promise: ship_by until all has left, then deliver_by; far away where there is none.
    due_at timestamptz not null default '9999-12-31 00:00+00',
    assignee text,
    source_digest bytea,
    version bigint not null default 1,
    created_at timestamptz not null default clock_timestamp(),
    updated_at timestamptz not null default clock_timestamp(),
    unique (channel_id, external_id),
    unique (channel_id, number)
);
create index orders_number on orders (number);
create index orders_customer on orders (customer_id) where customer_id is not null;
-- Open work, in each order that the pane can be sorted by.
create index orders_open_due on orders (due_at, id)
    where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped');
create index orders_open_placed on orders (placed_at, id)
    where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped');
create index orders_open_number on orders (number collate "C", id)
    where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped');
create index orders_open_name on orders (customer_name collate "C", id)
    where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped');
create index orders_open_total on orders (total, id)
    where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped');
create index orders_open_stage on orders (stage collate "C", id)
    where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped');
-- All of them, for lists that ask for what is closed too.
create index orders_all_placed on orders (placed_at, id);
create index orders_all_due on orders (due_at, id);
create index orders_all_number on orders (number collate "C", id);
create index orders_all_name on orders (customer_name collate "C", id);
create index orders_all_total on orders (total, id);
create index orders_all_stage on orders (stage collate "C", id);
create index orders_stage_due on orders (stage, due_at, id);
create index orders_assignee_due on orders (assignee, due_at, id) where assignee is not null;
create index orders_open_assignee on orders (assignee, due_at, id)
    where assignee is not null and stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped');

-- Whether goods may leave on what the channel says of the money.
create function is_paid(an_order orders) returns boolean
language sql immutable
return an_order.financial_status in ('paid', 'partially_refunded');

-- Whether its units are wanted: the money has not gone back, and may still come.
create function is_wanted(an_order orders) returns boolean
language sql immutable
return an_order.financial_status not in ('refunded', 'voided');

create table order_lines (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders,
    position integer not null check (position > 0),
    product_id bigint references products,
    sku text not null,
    title text not null,
    unit_price bigint not null check (unit_price >= 0),
    discount bigint not null default 0 check (discount >= 0),
    requires_shipping boolean not null default true,
    -- Units.
    ordered integer not null check (ordered > 0),
    reserved integer not null default 0 check (reserved >= 0),
    requested integer not null default 0 check (requested >= 0),
    shipped integer not null default 0 check (shipped >= 0),
    delivered integer not null default 0 check (delivered >= 0),
    cancelled integer not null default 0 check (cancelled >= 0),
    -- Of those that were shipped, what never arrived and is not sent again.
    lost integer not null default 0 check (lost >= 0),
    return_requested integer not null default 0 check (return_requested >= 0),
    returned integer not null default 0 check (returned >= 0),
    -- What is still to be found for it; nothing for what needs no shipping.
    unallocated integer generated always as (case when requires_shipping
        then ordered - reserved - requested - shipped - cancelled else 0 end) stored,
    unique (order_id, position),
    constraint order_lines_not_more_than_ordered
        check (reserved + requested + shipped + cancelled <= ordered),
    constraint order_lines_delivered_were_shipped check (delivered + lost <= shipped),
    constraint order_lines_returned_were_delivered check (return_requested + returned <= delivered)
);
create index order_lines_wanted on order_lines (product_id) include (unallocated, order_id)
    where unallocated > 0;
create index order_lines_reserved on order_lines (product_id) where reserved > 0;

alter table stock_movements add foreign key (order_line_id) references order_lines;

create table order_notes (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders,
    at timestamptz not null default clock_timestamp(),
    who text not null default session_user,
    text text not null check (text <> '')
);
create index order_notes_of_order on order_notes (order_id, at);
create trigger stamp before insert on order_notes
    for each row execute function stamp_author();
create trigger append_only before update or delete on order_notes
    for each row execute function refuse_change('order_notes');

-- Demand by day, and the stock that it concerns: what open orders want of a product is part of
-- what its stock shows.
create function count_demand() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    insert into daily_demand (product_id, day, units)
    select l.product_id, (o.placed_at at time zone 'UTC')::date, sum(l.ordered)
    from new_rows l join orders o on o.id = l.order_id
    where l.product_id is not null and is_wanted(o)
    group by 1, 2 order by 1, 2
    on conflict (product_id, day) do update set units = daily_demand.units + excluded.units;
    insert into change (kind, id, version)
    select 'stock', s.id, s.version from stock_levels s
    where s.product_id in (select product_id from new_rows where unallocated > 0);
    return null;
end $$;
create trigger count_demand after insert on order_lines
    referencing new table as new_rows for each statement execute function count_demand();
create function recount_demand() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    insert into daily_demand (product_id, day, units)
    select n.product_id, (a.placed_at at time zone 'UTC')::date,
           sum(case when is_wanted(a) then n.ordered - o.ordered else n.shipped - o.shipped end)
    from new_rows n join old_rows o using (id) join orders a on a.id = n.order_id
    where n.product_id = o.product_id
      and (n.ordered <> o.ordered and is_wanted(a) or n.shipped <> o.shipped and not is_wanted(a))
    group by 1, 2 order by 1, 2
    on conflict (product_id, day) do update set units = daily_demand.units + excluded.units;
    insert into change (kind, id, version)
    select 'stock', s.id, s.version from stock_levels s
    where s.product_id in (
        select n.product_id from new_rows n join old_rows o using (id)
        where (n.unallocated, n.product_id) is distinct from (o.unallocated, o.product_id));
    return null;
end $$;
create trigger recount_demand after update on order_lines
    referencing old table as old_rows new table as new_rows
    for each statement execute function recount_demand();

create function tell_wanted() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    insert into daily_demand (product_id, day, units)
    select product_id, (new.placed_at at time zone 'UTC')::date,
           sum(case when is_wanted(new) then ordered - shipped else shipped - ordered end)
    from order_lines where order_id = new.id and product_id is not null and shipped < ordered
    group by product_id order by product_id
    on conflict (product_id, day) do update set units = daily_demand.units + excluded.units;
    insert into change (kind, id, version)
    select 'stock', s.id, s.version from stock_levels s
    where s.product_id in (select product_id from order_lines where order_id = new.id and unallocated > 0);
    return null;
end $$;
create trigger tell_wanted after update of financial_status on orders
    for each row when (is_wanted(old) <> is_wanted(new)) execute function tell_wanted();

-- The counters reserved, requested, shipped and delivered follow reservations, fulfilments and
-- parcels; they are not written by hand.
create function guard_line_counters() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.reserved <> 0 or new.requested <> 0 or new.shipped <> 0 or new.delivered <> 0
           or new.lost <> 0 or new.return_requested <> 0 or new.returned <> 0 then
            raise exception 'an order line begins with nothing done'
                using errcode = 'check_violation', constraint = 'order_lines_by_trigger';
        end if;
        -- What the shop adds later nobody has looked at.
        if pg_has_role(session_user, 'packline_shop', 'member')
           and not pg_has_role(session_user, 'packline_worker', 'member') then
            perform from orders where id = new.order_id and stage = 'new' for no key update;
            if not found then
                raise exception 'the shop adds lines to new orders only'
                    using errcode = 'check_violation', constraint = 'order_lines_of_shop';
            end if;
        end if;
    elsif (new.reserved, new.requested, new.shipped, new.delivered, new.lost, new.return_requested, new.returned)
              is distinct from
          (old.reserved, old.requested, old.shipped, old.delivered, old.lost, old.return_requested, old.returned)
          and not by_own_trigger(tg_relid) then
        raise exception 'units are counted by reservations, fulfilments, parcels and returns'
            using errcode = 'check_violation', constraint = 'order_lines_by_trigger';
    elsif new.product_id is distinct from old.product_id and old.reserved + old.requested + old.shipped > 0 then
        raise exception 'units of it are reserved, requested or shipped: its product stays'
            using errcode = 'check_violation', constraint = 'order_lines_product_stays';
    elsif new.ordered < old.ordered then
        raise exception 'what was ordered is not rewritten: cancel the units'
            using errcode = 'check_violation', constraint = 'order_lines_ordered_stays';
    elsif new.cancelled < old.cancelled then
        raise exception 'a cancelled unit stays cancelled'
            using errcode = 'check_violation', constraint = 'order_lines_cancelled_stays';
    end if;
    return new;
end $$;
create trigger guard before insert or update on order_lines
    for each row execute function guard_line_counters();

-- The part of an order that one location or supplier does.
create table fulfilments (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders,
    location_id bigint not null references locations,
    state text not null default 'open' check (state in
        ('open', 'requested', 'accepted', 'inspecting', 'ready', 'shipped', 'delivered', 'rejected', 'cancelled')),
    created_at timestamptz not null default clock_timestamp(),
    requested_at timestamptz,
    reason text,
    unique (id, order_id)
);
create index fulfilments_of_order on fulfilments (order_id);
create index fulfilments_of_location on fulfilments (location_id)
    where state in ('open', 'requested', 'accepted', 'inspecting', 'ready');

create table fulfilment_lines (
    id bigint generated always as identity primary key,
    fulfilment_id bigint not null references fulfilments,
    order_line_id bigint not null references order_lines,
    quantity integer not null check (quantity > 0),
    shipped integer not null default 0 check (shipped >= 0),
    -- Of those that were shipped, what never arrived and another fulfilment sends again.
    lost integer not null default 0 check (lost >= 0),
    unique (fulfilment_id, order_line_id),
    constraint fulfilment_lines_not_more_than_planned check (shipped <= quantity),
    constraint fulfilment_lines_lost_were_shipped check (lost <= shipped)
);
create index fulfilment_lines_of_line on fulfilment_lines (order_line_id);

insert into transition (kind, from_state, to_state) values
    ('order', '', 'new'),
    ('order', 'new', 'confirmed'),
    ('order', 'confirmed', 'processing'),
    ('order', 'processing', 'partially_shipped'),
    -- An order that leaves in one parcel passes partially_shipped at once; and what is left of a
    -- partly shipped one may be cancelled when the rest has arrived.
    ('order', 'processing', 'shipped'),
    ('order', 'partially_shipped', 'shipped'),
    ('order', 'partially_shipped', 'delivered'),
    ('order', 'shipped', 'delivered'),
    ('order', 'delivered', 'closed'),
    -- What was lost on its way is sent again, or nothing of it ever arrives.
    ('order', 'shipped', 'processing'), ('order', 'shipped', 'partially_shipped'),
    ('order', 'partially_shipped', 'processing'),
    ('order', 'shipped', 'closed'), ('order', 'partially_shipped', 'closed'),
    ('order', 'new', 'on_hold'), ('order', 'confirmed', 'on_hold'), ('order', 'processing', 'on_hold'),
    ('order', 'on_hold', 'new'), ('order', 'on_hold', 'confirmed'), ('order', 'on_hold', 'processing'),
    ('order', 'new', 'cancelled'), ('order', 'confirmed', 'cancelled'),
    ('order', 'processing', 'cancelled'), ('order', 'on_hold', 'cancelled'),
    ('fulfilment', '', 'open'),
    ('fulfilment', 'open', 'requested'),
    -- With own stock, requested and accepted are passed at once.
    ('fulfilment', 'open', 'accepted'),
    ('fulfilment', 'requested', 'accepted'),
    ('fulfilment', 'requested', 'rejected'),
    -- A supplier that has accepted it, or sent some of it, sends no more.
    ('fulfilment', 'accepted', 'rejected'), ('fulfilment', 'inspecting', 'rejected'),
    ('fulfilment', 'ready', 'rejected'),
    ('fulfilment', 'accepted', 'inspecting'),
    -- Where nothing is to be inspected.
    ('fulfilment', 'accepted', 'ready'),
    ('fulfilment', 'inspecting', 'ready'),
    ('fulfilment', 'ready', 'shipped'),
    ('fulfilment', 'shipped', 'delivered'),
    ('fulfilment', 'open', 'cancelled'), ('fulfilment', 'requested', 'cancelled'),
    ('fulfilment', 'accepted', 'cancelled'), ('fulfilment', 'inspecting', 'cancelled'),
    ('fulfilment', 'ready', 'cancelled');

-- The stage of an order, from its lines, its fulfilments and what people decided.
create function order_stage(an_order orders) returns text
language plpgsql stable security definer set search_path = packline, pg_temp as $$
declare
    units record;
    active bigint;
begin
    -- What needs no shipping keeps an order alive, and is never waited for.
    select coalesce(sum(ordered), 0) as ordered, coalesce(sum(shipped), 0) as shipped,
           coalesce(sum(delivered), 0) as delivered, coalesce(sum(lost), 0) as lost,
           coalesce(sum(cancelled), 0) as cancelled,
           coalesce(sum(ordered - cancelled) filter (where requires_shipping), 0) as to_ship
    into units from order_lines where order_id = an_order.id;
    active := units.to_ship;
    return case
        when units.ordered > 0 and units.ordered = units.cancelled then 'cancelled'
        when an_order.closed_at is not null then 'closed'
        when units.shipped > 0 and units.shipped >= active and units.lost >= units.shipped then 'closed'
        when units.shipped > 0 and units.shipped >= active and units.delivered + units.lost >= units.shipped
            then 'delivered'
        when units.shipped > 0 and units.shipped >= active then 'shipped'
        when units.shipped > 0 then 'partially_shipped'
        when an_order.hold_reason is not null then 'on_hold'
        when an_order.processing_at is not null then 'processing'
        when an_order.confirmed_at is not null then 'confirmed'
        else 'new' end;
end $$;

-- This runs before every update of an order, so the column can hold nothing else.
create function derive_stage() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if new.processing_at is null and (
        exists (select from order_lines l where l.order_id = new.id and l.reserved + l.requested > 0)
        or exists (select from fulfilments f where f.order_id = new.id and f.state <> 'cancelled')
    ) then
        new.processing_at := clock_timestamp();
    end if;
    new.stage := order_stage(new);
    if new.hold_reason is not null and old.hold_reason is null and new.stage <> 'on_hold' then
        raise exception 'an order that is % cannot be held', replace(new.stage, '_', ' ')
            using errcode = 'check_violation', constraint = 'order_transition';
    end if;
    if new.stage = 'cancelled' then
        new.hold_reason := null;
    elsif new.stage = 'closed' then
        new.closed_at := coalesce(new.closed_at, clock_timestamp());
    end if;
    new.due_at := coalesce(case
        when new.stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped') then new.ship_by
        when new.stage = 'shipped' then new.deliver_by end, '9999-12-31 00:00+00');
    return new;
end $$;
create function first_due() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    new.due_at := coalesce(new.ship_by, '9999-12-31 00:00+00');
    return new;
end $$;
create trigger derive_first before insert on orders for each row execute function first_due();
create trigger derive_stage before update on orders for each row execute function derive_stage();
select guard_states('orders', 'order', 'stage');
select guard_states('fulfilments', 'fulfilment', 'state');

-- A fulfilment has shipped when its units have, and is delivered when its parcels are.
create function guard_fulfilment() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if new.order_id <> old.order_id or new.location_id <> old.location_id then
        raise exception 'a fulfilment stays with its order and location'
            using errcode = 'check_violation', constraint = 'fulfilments_fixed';
    elsif new.state = 'shipped' and old.state <> 'shipped' and (
        not exists (select from fulfilment_lines where fulfilment_id = new.id)
        or exists (select from fulfilment_lines where fulfilment_id = new.id and shipped < quantity)
    ) then
        raise exception 'not all of its units have left in parcels'
            using errcode = 'check_violation', constraint = 'fulfilments_shipped_in_parcels';
    elsif new.state = 'delivered' and old.state <> 'delivered' and exists (
        select from shipments where fulfilment_id = new.id and state not in ('delivered', 'void') and settled is null
    ) then
        raise exception 'not all of its parcels have arrived'
            using errcode = 'check_violation', constraint = 'fulfilments_delivered_in_parcels';
    elsif new.state = 'rejected' and old.state <> 'rejected' and not exists (
        select from locations where id = new.location_id and supplier_id is not null
    ) then
        raise exception 'only a supplier turns it down'
            using errcode = 'check_violation', constraint = 'fulfilments_rejected_by_supplier';
    elsif new.state = 'rejected' and old.state <> 'rejected' and exists (
        select from shipments where fulfilment_id = new.id and state in ('draft', 'labelled')
    ) then
        raise exception 'a parcel of it is packed: void it first'
            using errcode = 'check_violation', constraint = 'fulfilments_rejected_unpacked';
    end if;
    return new;
end $$;
create trigger guard before update on fulfilments
    for each row execute function guard_fulfilment();

-- Units that a supplier was asked for count as requested until they ship or the supplier is out.
create function count_requested() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    -- The orders' locks make the sums safe between two people.
    perform from orders
    where id in (select f.order_id from new_rows n join fulfilments f on f.id = n.fulfilment_id)
    order by id for no key update;
    if exists (select from new_rows n join fulfilments f on f.id = n.fulfilment_id
               where f.state <> 'open') then
        raise exception 'only a fulfilment that is open takes lines'
            using errcode = 'check_violation', constraint = 'fulfilment_lines_fixed';
    end if;
    if exists (select from new_rows n join fulfilments f on f.id = n.fulfilment_id
               join order_lines l on l.id = n.order_line_id where l.order_id <> f.order_id) then
        raise exception 'a fulfilment holds lines of its own order only'
            using errcode = 'check_violation', constraint = 'fulfilment_lines_same_order';
    end if;
    update order_lines l set requested = l.requested + asked.units
    from (select n.order_line_id, sum(n.quantity)::integer as units
          from new_rows n
          join fulfilments f on f.id = n.fulfilment_id
          join locations p on p.id = f.location_id
          where p.supplier_id is not null group by n.order_line_id) asked
    where l.id = asked.order_line_id;
    if exists (
        select from order_lines l
        where l.id in (select order_line_id from new_rows)
          and l.ordered - l.cancelled < (
              select sum(fl.quantity - fl.lost) from fulfilment_lines fl
              join fulfilments f on f.id = fl.fulfilment_id
              where fl.order_line_id = l.id and f.state not in ('rejected', 'cancelled'))
    ) then
        raise exception 'fulfilments hold no more units of a line than were ordered and not cancelled'
            using errcode = 'check_violation', constraint = 'fulfilment_lines_not_more_than_ordered';
    end if;
    return null;
end $$;
create trigger count_requested after insert on fulfilment_lines
    referencing new table as new_rows for each statement execute function count_requested();
create function discount_requested() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    update order_lines l set requested = l.requested - (fl.quantity - fl.shipped)
    from fulfilment_lines fl join locations p on p.id = new.location_id
    where fl.fulfilment_id = new.id and l.id = fl.order_line_id and p.supplier_id is not null;
    return null;
end $$;
create trigger discount_requested after update of state on fulfilments
    for each row when (new.state in ('rejected', 'cancelled') and old.state <> new.state)
    execute function discount_requested();
create function guard_fulfilment_line() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    if not by_own_trigger(tg_relid) then
        raise exception 'what a fulfilment holds does not change: cancel it and make another'
            using errcode = 'check_violation', constraint = 'fulfilment_lines_fixed';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end $$;
create trigger guard before update or delete on fulfilment_lines
    for each row execute function guard_fulfilment_line();

-- Units of our own stock set aside for a line. The ledger and the line's counter follow.
create table reservations (
    id bigint generated always as identity primary key,
    order_line_id bigint not null references order_lines,
    stock_level_id bigint not null references stock_levels,
    quantity integer not null check (quantity > 0),
    unique (order_line_id, stock_level_id)
);
create index reservations_of_level on reservations (stock_level_id);

create function apply_reservations() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    lines bigint[];
    levels bigint[];
    deltas integer[];
begin
    if tg_op = 'INSERT' then
        select array_agg(order_line_id), array_agg(stock_level_id), array_agg(quantity)
        into lines, levels, deltas from new_rows;
    elsif tg_op = 'DELETE' then
        select array_agg(order_line_id), array_agg(stock_level_id), array_agg(-quantity)
        into lines, levels, deltas from old_rows;
    else
        if exists (select from new_rows n join old_rows o using (id)
                   where (n.order_line_id, n.stock_level_id) <> (o.order_line_id, o.stock_level_id)) then
            raise exception 'a reservation stays with its line and its stock'
                using errcode = 'check_violation', constraint = 'reservations_fixed';
        end if;
        select array_agg(n.order_line_id), array_agg(n.stock_level_id), array_agg(n.quantity - o.quantity)
        into lines, levels, deltas
        from new_rows n join old_rows o using (id) where n.quantity <> o.quantity;
    end if;
    if lines is null then
        return null;
    end if;
    if exists (
        select from unnest(lines, levels, deltas) as moved (line, level, delta)
        join order_lines l on l.id = moved.line join stock_levels s on s.id = moved.level
        where moved.delta > 0 and l.product_id is distinct from s.product_id
    ) then
        raise exception 'a line is reserved from stock of its own product'
            using errcode = 'check_violation', constraint = 'reservations_same_product';
    end if;
    insert into stock_movements (stock_level_id, kind, reserved, order_line_id)
    select level, case when delta > 0 then 'reserve' else 'release' end, delta, line
    from unnest(lines, levels, deltas) as moved (line, level, delta) order by level, line;
    perform from order_lines where id = any (lines) order by id for no key update;
    update order_lines l set reserved = l.reserved + moved.delta
    from (select line, sum(delta)::integer as delta
          from unnest(lines, deltas) as moved (line, delta) group by line) moved
    where l.id = moved.line;
    return null;
end $$;
create trigger apply_insert after insert on reservations
    referencing new table as new_rows for each statement execute function apply_reservations();
create trigger apply_update after update on reservations
    referencing old table as old_rows new table as new_rows for each statement execute function apply_reservations();
create trigger apply_delete after delete on reservations
    referencing old table as old_rows for each statement execute function apply_reservations();

create table payments (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders,
    at timestamptz not null,
    method text not null default '',
    reference text not null,
    amount bigint not null check (amount > 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    unique (order_id, reference)
);

create table refunds (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders,
    payment_id bigint not null references payments,
    at timestamptz not null default clock_timestamp(),
    amount bigint not null check (amount > 0),
    state text not null default 'pending' check (state in ('pending', 'settled', 'failed')),
    reason text not null default '',
    reference text not null,
    unique (payment_id, reference)
);
create index refunds_of_order on refunds (order_id);
insert into transition (kind, from_state, to_state) values
    ('refund', '', 'pending'), ('refund', 'pending', 'settled'), ('refund', 'pending', 'failed');
select guard_states('refunds', 'refund', 'state');

-- The payment's lock makes the sum safe between two people.
create function guard_refund() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    captured bigint;
    owner bigint;
    refunded bigint;
begin
    if tg_op = 'UPDATE' and (new.amount, new.payment_id, new.order_id)
                            is distinct from (old.amount, old.payment_id, old.order_id) then
        raise exception 'a refund''s amount and payment do not change'
            using errcode = 'check_violation', constraint = 'refunds_fixed';
    end if;
    select amount, order_id into captured, owner from payments where id = new.payment_id for no key update;
    if owner <> new.order_id then
        raise exception 'a refund belongs to the order of its payment'
            using errcode = 'check_violation', constraint = 'refunds_same_order';
    end if;
    select coalesce(sum(amount), 0) into refunded
    from refunds where payment_id = new.payment_id and state <> 'failed' and id <> new.id;
    if new.state <> 'failed' and refunded + new.amount > captured then
        raise exception 'refunds of % would exceed the % that was captured', refunded + new.amount, captured
            using errcode = 'check_violation', constraint = 'refunds_within_captured';
    end if;
    return new;
end $$;
create trigger never_deleted before delete on refunds
    for each row execute function refuse_change('refunds');
create trigger guard_sum before insert or update on refunds
    for each row execute function guard_refund();
create function guard_payment() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    paid bigint;
    an_order orders;
begin
    if tg_op = 'INSERT' then
        -- The web shop brings the money of an order that it has just placed, and no more than that.
        if pg_has_role(session_user, 'packline_shop', 'member')
           and not pg_has_role(session_user, 'packline_worker', 'member') then
            select * into an_order from orders where id = new.order_id for no key update;
            select coalesce(sum(amount), 0) into paid from payments where order_id = new.order_id;
            if an_order.stage <> 'new' or an_order.currency <> new.currency
               or paid + new.amount > an_order.total then
                raise exception 'a payment of the shop belongs to a new order and stays within its total'
                    using errcode = 'check_violation', constraint = 'payments_of_shop';
            end if;
        end if;
        return new;
    end if;
    if tg_op = 'DELETE' or (new.amount, new.order_id, new.currency)
                           is distinct from (old.amount, old.order_id, old.currency) then
        raise exception 'what was captured does not change'
            using errcode = 'check_violation', constraint = 'payments_fixed';
    end if;
    return new;
end $$;
create trigger guard before insert or update or delete on payments
    for each row execute function guard_payment();

create table purchase_orders (
    id bigint generated always as identity primary key,
    supplier_id bigint not null references suppliers,
    fulfilment_id bigint references fulfilments,
    -- The one that its supplier was sent and has accepted in part: it knows this one by that number.
    in_place_of bigint references purchase_orders,
    state text not null default 'draft' check (state in
        ('draft', 'sent', 'accepted', 'rejected', 'received', 'cancelled')),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    created_at timestamptz not null default clock_timestamp(),
    sent_at timestamptz,
    answered_at timestamptz,
    reason text,
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp()
);
create index purchase_orders_of_fulfilment on purchase_orders (fulfilment_id);
create index purchase_orders_in_place on purchase_orders (in_place_of) where in_place_of is not null;
create index purchase_orders_coming on purchase_orders (id)
    where fulfilment_id is null and state in ('draft', 'sent', 'accepted');
create index purchase_orders_open on purchase_orders (supplier_id)
    where state in ('draft', 'sent', 'accepted');
create table purchase_order_lines (
    id bigint generated always as identity primary key,
    purchase_order_id bigint not null references purchase_orders,
    product_id bigint not null references products,
    quantity integer not null check (quantity > 0),
    received integer not null default 0 check (received >= 0 and received <= quantity),
    unit_cost bigint not null check (unit_cost >= 0),
    unique (purchase_order_id, product_id)
);
insert into transition (kind, from_state, to_state) values
    ('purchase_order', '', 'draft'), ('purchase_order', 'draft', 'sent'),
    ('purchase_order', 'sent', 'accepted'), ('purchase_order', 'sent', 'rejected'),
    -- What was accepted cannot be sent after all, or not all of it.
    ('purchase_order', 'accepted', 'rejected'),
    ('purchase_order', 'accepted', 'received'), ('purchase_order', 'draft', 'cancelled'),
    ('purchase_order', 'sent', 'cancelled'), ('purchase_order', 'accepted', 'cancelled');
select guard_states('purchase_orders', 'purchase_order', 'state');

-- Units of a product that have left for it, or arrived where it is for our own stock.
create function units_sent(purchase purchase_orders, product bigint) returns bigint
language sql stable security definer set search_path = packline, pg_temp
begin atomic
    select coalesce(case when purchase.fulfilment_id is null then (
        select sum(received) from purchase_order_lines
        where purchase_order_id = purchase.id and product_id = product)
    else (
        select sum(fl.shipped) from fulfilment_lines fl join order_lines l on l.id = fl.order_line_id
        where fl.fulfilment_id = purchase.fulfilment_id and l.product_id = product) end, 0);
end;

select watch('orders', 'order', 'orders', 'id');
-- What a line or a fulfilment does to the stage is derived with each of them.
select watch(t, 'order', 'orders', 'order_id', 'processing_at is null or stage <> order_stage(orders)')
from (values ('order_lines'), ('fulfilments')) as parts (t);
select watch(t, 'order', 'orders', 'order_id') from (values
    ('order_notes'), ('payments'), ('refunds')) as parts (t);
select watch('purchase_orders', 'purchase_order', 'purchase_orders', 'id');
select watch('purchase_order_lines', 'purchase_order', 'purchase_orders', 'purchase_order_id');
-- The counters of their lines raise the order's version.
select keep_history('reservations', 'order', '(select order_id from order_lines where id = r.order_line_id)');
select keep_history('fulfilment_lines', 'order', '(select order_id from fulfilments where id = r.fulfilment_id)');
