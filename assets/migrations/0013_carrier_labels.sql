-- Labels that carriers sell: wanted for a parcel, bought, and given back.

-- The table is its own queue, as that of the notices is: a claim raises `attempts` and sets
-- `retry_at` to when it ends, so that what a killed worker had in hand goes on; who comes back with
-- an older number changes nothing. Its primary key and the number of the purchase are the idempotency
-- key of every call: a purchase is the same until it is known to have failed.
create table carrier_labels (
    id bigint generated always as identity primary key,
    shipment_id bigint not null references shipments,
    state text not null default 'wanted' check (state in ('wanted', 'bought', 'returning', 'returned', 'failed')),
    purchase integer not null default 1,
    -- What the provider calls the parcel and the chosen rate: kept before anything is paid for.
    provider_id text check (provider_id <> ''),
    rate_id text check (rate_id <> ''),
    carrier text,
    service text,
    -- Minor units.
    price bigint check (price >= 0),
    currency text,
    tracking_code text check (tracking_code <> ''),
    -- What the printer reads.
    zpl text,
    attempts integer not null default 0 check (attempts >= 0),
    wanted_at timestamptz not null default clock_timestamp(),
    retry_at timestamptz not null default clock_timestamp(),
    error text,
    created_at timestamptz not null default clock_timestamp(),
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp(),
    constraint carrier_labels_bought_whole
        check (state <> 'bought' or (provider_id is not null and tracking_code is not null and zpl is not null))
);
-- A parcel has one label at a time.
create unique index carrier_labels_once on carrier_labels (shipment_id)
    where state in ('wanted', 'bought', 'failed');
create index carrier_labels_of_shipment on carrier_labels (shipment_id);
create index carrier_labels_due on carrier_labels (retry_at, id) where state in ('wanted', 'returning');
create index carrier_labels_failed on carrier_labels (id) where state = 'failed';

insert into transition (kind, from_state, to_state) values
    ('carrier_label', '', 'wanted'),
    ('carrier_label', 'wanted', 'bought'), ('carrier_label', 'wanted', 'failed'),
    ('carrier_label', 'failed', 'wanted'),
    ('carrier_label', 'wanted', 'returning'), ('carrier_label', 'bought', 'returning'),
    ('carrier_label', 'failed', 'returning'), ('carrier_label', 'returning', 'returned');
select guard_states('carrier_labels', 'carrier_label', 'state');

-- Whoever looks at the parcel sees how far its label has come.
create function tell_of_label() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    insert into change (kind, id, version)
    select 'shipment', s.id, s.version from shipments s
    where s.id in (select shipment_id from new_rows);
    -- What a person wants for a parcel is done with the parcel, and told there.
    if coalesce(current_setting('packline.act_id', true), '') <> '' then
        perform write_activity('shipment', shipment_id, 'carrier_labels', 'update',
                               jsonb_build_object('label', jsonb_build_array(null, state)))
        from new_rows order by shipment_id;
        update shipments set version = version + 1 where id in (select shipment_id from new_rows);
    end if;
    return null;
end $$;
create trigger tell_of_label_insert after insert on carrier_labels
    referencing new table as new_rows for each statement execute function tell_of_label();
create trigger tell_of_label_update after update on carrier_labels
    referencing new table as new_rows for each statement execute function tell_of_label();

-- What is bought for a parcel that does not leave, or not with it, goes back.
create function return_label() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    update carrier_labels set state = 'returning', attempts = 0, error = null,
        -- Whoever buys it just now has ended by then.
        retry_at = greatest(retry_at, clock_timestamp())
    where shipment_id = new.id
      and (state = 'bought' or new.state = 'void' and state in ('wanted', 'failed'));
    return null;
end $$;
create trigger return_label after update of state on shipments
    for each row when (new.state in ('void', 'draft') and old.state <> new.state) execute function return_label();

select watch('carrier_labels', 'carrier_label', 'carrier_labels', 'id');

grant select on carrier_labels to packline_viewer;
grant insert, update on carrier_labels to packline_worker, packline_admin;
