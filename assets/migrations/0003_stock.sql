-- Stock: counters that cannot oversell, and the ledger that explains them.
--
-- A counter moves in one way only: by a row in stock_movements, whose trigger applies it. So the
-- ledger and the counters cannot differ, whoever writes.

create table stock_levels (
    id bigint generated always as identity primary key,
    product_id bigint not null references products,
    location_id bigint not null references locations,
    on_hand integer not null default 0,
    reserved integer not null default 0,
    reorder_point integer not null default 0 check (reorder_point >= 0),
    muted_until timestamptz,
    -- The count that the last catalogue brought, so that a repeat changes nothing.
    catalogue_count integer,
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp(),
    unique (product_id, location_id),
    constraint stock_levels_not_oversold check (reserved <= on_hand),
    constraint stock_levels_reserved_not_negative check (reserved >= 0)
);
create index stock_levels_low on stock_levels (product_id) where on_hand - reserved <= reorder_point;
create index stock_levels_of_location on stock_levels (location_id);

create table stock_movements (
    id bigint generated always as identity primary key,
    stock_level_id bigint not null references stock_levels,
    at timestamptz not null default clock_timestamp(),
    kind text not null check (kind in
        ('opening', 'receive', 'adjust', 'reserve', 'release', 'ship', 'return', 'write_off')),
    on_hand integer not null default 0,
    reserved integer not null default 0,
    order_line_id bigint,
    reason text,
    act_id uuid default nullif(current_setting('packline.act_id', true), '')::uuid,
    who text not null default session_user,
    constraint stock_movements_moves check (on_hand <> 0 or reserved <> 0),
    constraint stock_movements_kind_fits check (case kind
        when 'reserve' then on_hand = 0 and reserved > 0
        when 'release' then on_hand = 0 and reserved < 0
        when 'ship' then on_hand < 0 and reserved = 0
        when 'write_off' then on_hand < 0 and reserved = 0
        when 'receive' then on_hand > 0 and reserved = 0
        when 'return' then on_hand > 0 and reserved = 0
        when 'opening' then on_hand > 0 and reserved = 0
        else reserved = 0 end),
    constraint stock_movements_adjust_reason check (kind <> 'adjust' or coalesce(reason, '') <> '')
);
create index stock_movements_of_level on stock_movements (stock_level_id, id desc);
create index stock_movements_of_line on stock_movements (order_line_id) where order_line_id is not null;

-- Levels are locked in primary-key order, so that two statements that move many never wait for each
-- other in a circle. Here and everywhere rows are locked `for no key update`: the foreign keys of
-- movements and parcels hold `for key share` on the same rows, which stands beside it, while two
-- that hold that and then ask for `for update` wait for each other for ever.
create function apply_movements() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform from stock_levels where id in (select stock_level_id from new_rows) order by id for no key update;
    update stock_levels s
    set on_hand = s.on_hand + moved.on_hand, reserved = s.reserved + moved.reserved
    from (select stock_level_id, sum(on_hand)::integer as on_hand, sum(reserved)::integer as reserved
          from new_rows group by stock_level_id) moved
    where s.id = moved.stock_level_id and (moved.on_hand <> 0 or moved.reserved <> 0);
    return null;
end $$;
create trigger apply after insert on stock_movements
    referencing new table as new_rows for each statement execute function apply_movements();
create trigger append_only before update or delete on stock_movements
    for each row execute function refuse_change('stock_movements');
create trigger append_only_truncate before truncate on stock_movements
    for each statement execute function refuse_change('stock_movements');

-- Movements of kind reserve, release and ship belong to a reservation or a parcel; nobody writes
-- them by hand.
create function guard_movement() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    if new.kind in ('reserve', 'release', 'ship') and not by_own_trigger(tg_relid) then
        raise exception 'stock is reserved, released and shipped through reservations and parcels'
            using errcode = 'check_violation', constraint = 'stock_movements_by_trigger';
    end if;
    return new;
end $$;
create trigger guard before insert on stock_movements
    for each row execute function guard_movement();
create trigger stamp before insert on stock_movements
    for each row execute function stamp_author();

create function guard_counters() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.on_hand <> 0 or new.reserved <> 0 then
            raise exception 'stock begins at 0 and moves by stock_movements'
                using errcode = 'check_violation', constraint = 'stock_levels_by_ledger';
        end if;
    elsif tg_op = 'DELETE' then
        raise exception 'a stock level is never deleted: its ledger would be lost'
            using errcode = 'check_violation', constraint = 'stock_levels_by_ledger';
    elsif (new.on_hand, new.reserved) is distinct from (old.on_hand, old.reserved)
          and not by_own_trigger(tg_relid) then
        raise exception 'stock counters move by stock_movements only'
            using errcode = 'check_violation', constraint = 'stock_levels_by_ledger';
    elsif (new.product_id, new.location_id) is distinct from (old.product_id, old.location_id) then
        raise exception 'a stock level stays with its product and location'
            using errcode = 'check_violation', constraint = 'stock_levels_by_ledger';
    end if;
    return case when tg_op = 'DELETE' then old else new end;
end $$;
create trigger guard before insert or update or delete on stock_levels
    for each row execute function guard_counters();

-- Units that customers ordered, by product and day (UTC): what days of cover are reckoned from,
-- so that it need not read old orders. Where the money went back, only those that had left count.
create table daily_demand (
    product_id bigint not null references products,
    day date not null,
    units bigint not null,
    primary key (product_id, day)
);
create index daily_demand_by_day on daily_demand (day, product_id);

select watch('stock_levels', 'stock', 'stock_levels', 'id');
