-- Who and what the business deals with.

create table channels (
    id bigint generated always as identity primary key,
    name text not null unique check (name ~ '^[^/#[:space:]][^/#]*$'),
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp()
);

create table customers (
    id bigint generated always as identity primary key,
    name text not null,
    email text check (email !~ '[\r\n]'),
    phone text,
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp()
);
create unique index customers_email on customers (lower(email));

create table products (
    id bigint generated always as identity primary key,
    sku text not null unique check (sku <> ''),
    title text not null,
    weight_g integer check (weight_g >= 0),
    -- The checks before it ships: {"name": "instruction"}; null for the standard ones.
    checks jsonb,
    source_digest bytea,
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp()
);
create index products_sku_lower on products (lower(sku) text_pattern_ops);

create table suppliers (
    id bigint generated always as identity primary key,
    name text not null unique check (name <> ''),
    email text check (email !~ '[\r\n]'),
    -- Business hours within which the supplier has agreed to accept a purchase order.
    acceptance_hours integer not null default 24 check (acceptance_hours > 0),
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp()
);

create table supplier_offers (
    id bigint generated always as identity primary key,
    supplier_id bigint not null references suppliers,
    product_id bigint not null references products,
    unit_cost bigint not null check (unit_cost >= 0),
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    -- Business days; more than two years of them is a mistake.
    lead_time_days integer not null check (lead_time_days between 0 and 730),
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp(),
    unique (supplier_id, product_id)
);
create index supplier_offers_of_product on supplier_offers (product_id, unit_cost);

-- Where goods lie: our own, or a supplier's (of whose stock nothing is known).
create table locations (
    id bigint generated always as identity primary key,
    name text not null unique check (name <> ''),
    supplier_id bigint unique references suppliers,
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp()
);

create function make_supplier_location() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    insert into locations (name, supplier_id) values (new.name, new.id);
    return null;
end $$;
create trigger make_location after insert on suppliers
    for each row execute function make_supplier_location();

create table carriers (
    id bigint generated always as identity primary key,
    name text not null check (name <> ''),
    -- Where a customer follows a parcel; {code} stands for its tracking code.
    tracking_url text,
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp()
);
create unique index carriers_name on carriers (lower(name));
-- Those whose pages the program knows: a shop adds its own.
insert into carriers (name) values
    ('DHL'), ('UPS'), ('GLS'), ('DPD'), ('Evri'), ('FedEx'), ('La Poste'), ('Royal Mail'), ('USPS');

create table shipping_options (
    id bigint generated always as identity primary key,
    name text not null,
    currency text not null check (currency ~ '^[A-Z]{3}$'),
    price bigint not null check (price >= 0),
    free_over bigint check (free_over >= 0),
    transit_days_min integer not null check (transit_days_min >= 0),
    transit_days_max integer not null check (transit_days_max <= 365),
    -- ISO 3166 codes; empty for everywhere.
    countries text[] not null default '{}' check (is_list(countries)),
    max_weight_g integer check (max_weight_g > 0),
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp(),
    unique (name, currency),
    check (transit_days_max >= transit_days_min)
);

create table staff (
    id bigint generated always as identity primary key,
    login text not null unique,
    name text not null,
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp()
);
comment on table staff is 'Who works here. The login and its roles are the database''s own.';

select watch(t, k, t, 'id') from (values
    ('channels', 'channel'), ('customers', 'customer'), ('products', 'product'),
    ('suppliers', 'supplier'), ('supplier_offers', 'supplier_offer'), ('locations', 'location'),
    ('carriers', 'carrier'), ('shipping_options', 'shipping_option'), ('staff', 'staff')
) as watched (t, k);

insert into locations (name) values ('Warehouse');
