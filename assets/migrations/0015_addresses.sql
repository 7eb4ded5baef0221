-- Where an order goes may change until it has left. Whoever was told where, hears of it.

alter table orders
    -- Rises with each change of where it goes.
    add column address_version integer not null default 1,
    -- What the channel says, where a person has said otherwise since: the channel changes the address
    -- again only where it says something new.
    add column channel_address jsonb check (is_address(channel_address));
alter table purchase_orders
    -- The address that the supplier was told last, and the one that it knows until that mail has left.
    add column told_address jsonb,
    add column known_address jsonb;
-- The address that our label was printed for.
alter table shipments add column printed_for jsonb;
-- The address that the provider was told.
alter table carrier_labels add column address jsonb;

-- What an address says: a field that is empty says nothing.
create function address_said(address jsonb) returns jsonb
language sql immutable strict
begin atomic
    select coalesce(jsonb_object_agg(key, value) filter (where value <> '""' and value <> 'null'), '{}')
    from jsonb_each(address);
end;

create function count_address() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    new.address_version := old.address_version + 1;
    return new;
end $$;
create trigger count_address before update of shipping_address on orders
    for each row when (new.shipping_address is distinct from old.shipping_address)
    execute function count_address();

-- A part that was accepted goes where the supplier was told for the whole, until it is told otherwise.
create function tell_supplier_address() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    whole purchase_orders;
    part record;
begin
    select o.id, o.shipping_address into part
    from fulfilments f join orders o on o.id = f.order_id where f.id = new.fulfilment_id;
    new.told_address := part.shipping_address;
    select * into whole from purchase_orders
    where id = coalesce((select max(id) from purchase_orders
                         where in_place_of = new.in_place_of and id < new.id), new.in_place_of);
    if whole.told_address is not null then
        -- What was to be told of another address has been stopped with the answer.
        new.told_address := case (
            select state from notices
            where kind = 'address_changed' and subject_kind = 'purchase_order' and subject_id = whole.id
            order by id desc limit 1)
            when 'cancelled' then coalesce(whole.known_address, whole.told_address)
            else whole.told_address end;
        perform enqueue('address', 'order', part.id);
    end if;
    return new;
end $$;
create trigger tell_address before update of state on purchase_orders
    for each row when (old.state = 'draft' and new.state = 'sent')
    execute function tell_supplier_address();

-- People hear of a label that was printed or paid for where its parcel does not go, as long as that is so.
create function judge_label(parcel bigint) returns void
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    wrong text;
begin
    select case when l.id is null then 'its label was printed for another address: void it or print again'
                else 'its label was bought for another address: void it' end into wrong
    from shipments s
    join orders o on o.id = s.order_id
    left join carrier_labels l on l.shipment_id = s.id
        and l.state in ('wanted', 'bought', 'failed') and l.provider_id is not null
    where s.id = parcel and s.state in ('draft', 'labelled')
      and address_said(case when l.id is null then s.printed_for else l.address end)
          <> address_said(o.shipping_address);
    if wrong is null then
        update alerts set cleared_at = clock_timestamp()
        where kind = 'stale_label' and subject_kind = 'shipment' and subject_id = parcel and cleared_at is null;
    else
        insert into alerts (kind, subject_kind, subject_id, reason)
        values ('stale_label', 'shipment', parcel, wrong)
        on conflict (kind, subject_kind, subject_id) where cleared_at is null
        do update set reason = excluded.reason where alerts.reason <> excluded.reason;
    end if;
end $$;
create function judge_printed() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform judge_label(new.id);
    return null;
end $$;
create trigger judge_label after update of printed_for on shipments
    for each row execute function judge_printed();
create function judge_bought() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform judge_label(new.shipment_id);
    return null;
end $$;
create trigger judge_label after update of provider_id on carrier_labels
    for each row when (new.provider_id is distinct from old.provider_id) execute function judge_bought();

-- Whoever changed it, and by whatever program: the worker tells the suppliers.
create function follow_address() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform enqueue('address', 'order', new.id);
    perform judge_label(id)
    from (select id from shipments where order_id = new.id and state in ('draft', 'labelled') order by id) packed;
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

grant execute on function address_said to packline_viewer;
