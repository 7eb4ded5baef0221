-- Where an order goes may change until it has left. Whoever was told where, hears of it.

alter table orders
    -- Rises with each change of where it goes.
    add column address_version integer not null default 1,
    -- What the channel says, where a person has said otherwise since: the channel changes the address
    -- again only where it says something new.
    add column channel_address jsonb check (is_address(channel_address));
-- The version of the address that the supplier was told last.
alter table purchase_orders add column told_address integer;

create function count_address() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    new.address_version := old.address_version + 1;
    return new;
end $$;
create trigger count_address before update of shipping_address on orders
    for each row when (new.shipping_address is distinct from old.shipping_address)
    execute function count_address();

create function tell_supplier_address() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    new.told_address := (select o.address_version from fulfilments f join orders o on o.id = f.order_id
                         where f.id = new.fulfilment_id);
    return new;
end $$;
create trigger tell_address before update of state on purchase_orders
    for each row when (old.state = 'draft' and new.state = 'sent')
    execute function tell_supplier_address();

-- Whoever changed it, and by whatever program: the worker tells the suppliers, and people hear of the
-- labels that were printed or paid for.
create function follow_address() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform enqueue('address', 'order', new.id);
    insert into alerts (kind, subject_kind, subject_id, reason)
    select 'stale_label', 'shipment', s.id,
           case when l.id is null then 'its label was printed for another address: void it or print again'
                else 'its label was bought for another address: void it' end
    from shipments s
    left join carrier_labels l on l.shipment_id = s.id
        and (l.state = 'bought' or l.state in ('wanted', 'failed') and l.provider_id is not null)
    where s.order_id = new.id and s.state in ('draft', 'labelled') and (s.prints > 0 or l.id is not null)
    order by s.id
    on conflict (kind, subject_kind, subject_id) where cleared_at is null do nothing;
    return null;
end $$;
create trigger follow_address after update of shipping_address on orders
    for each row when (new.shipping_address is distinct from old.shipping_address
        and new.stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped'))
    execute function follow_address();

-- A parcel that has left, or never will, has no label to be mended.
create trigger end_stale_label after update of state on shipments
    for each row when (new.state <> old.state and new.state not in ('draft', 'labelled'))
    execute function end_alert('stale_label', 'shipment');

-- Who sends nothing need not know where to.
create function keep_address_back() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform stop_mails('{address_changed}', 'purchase_order', new.id);
    return null;
end $$;
create trigger keep_address_back after update of state on purchase_orders
    for each row when (new.state <> old.state and new.state in ('cancelled', 'rejected'))
    execute function keep_address_back();
