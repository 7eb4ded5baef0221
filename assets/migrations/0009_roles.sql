-- Who may. Group roles belong to the whole server, so they may be there already. What each may
-- write follows from the program's table of verbs and is granted by `packline migrate`.

do $$
declare
    role text;
begin
    foreach role in array array['viewer', 'warehouse', 'quality', 'support', 'supervisor', 'admin', 'worker', 'shop'] loop
        begin
            execute format('create role %I nologin', 'packline_' || role);
        exception when duplicate_object or unique_violation then
            null;
        end;
    end loop;
end $$;
grant packline_viewer to packline_warehouse, packline_quality, packline_support, packline_worker;
grant packline_warehouse, packline_quality, packline_support to packline_supervisor;
grant packline_supervisor to packline_admin;

-- Makes a login a member of the team, with these roles and no others. The login is made where it
-- is not there yet; a password is set where one is given.
create function staff_add(staff_login text, staff_name text, roles text[], password text default null)
returns void
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    role text;
begin
    if staff_login !~ '^[a-z_][a-z0-9_.-]{0,62}$' or staff_login ~ '^(pg_|packline_)' then
        raise exception '"%" cannot be a login: use small letters, digits, _ . or -', staff_login
            using errcode = 'invalid_parameter_value';
    end if;
    -- One at a time: whoever starts the program for the first time in two windows adds the same person twice.
    lock table staff in share row exclusive mode;
    if not exists (select from pg_roles where rolname = staff_login) then
        execute format('create role %I login', staff_login);
    elsif not exists (select from staff where login = staff_login)
          and staff_login <> session_user and not pg_has_role(session_user, staff_login, 'member') then
        raise exception 'there is a database role "%" that is not of the staff', staff_login
            using errcode = 'insufficient_privilege';
    end if;
    -- Whatever the table says: a role that may more than Packline gives is nobody's to change here.
    if exists (select from pg_roles where rolname = staff_login
               and (rolsuper or rolcreaterole or rolcreatedb or rolreplication or rolbypassrls))
       or exists (select from pg_auth_members m
                  join pg_roles g on g.oid = m.roleid join pg_roles u on u.oid = m.member
                  where u.rolname = staff_login and g.rolname not like 'packline\_%') then
        raise exception 'the database role "%" has rights beyond Packline', staff_login
            using errcode = 'insufficient_privilege';
    end if;
    if password is not null then
        execute format('alter role %I password %L', staff_login, password);
    end if;
    for role in select g.rolname from pg_auth_members m
                join pg_roles g on g.oid = m.roleid join pg_roles u on u.oid = m.member
                where u.rolname = staff_login and g.rolname like 'packline\_%'
                  and g.rolname <> all (select 'packline_' || r from unnest(roles) r) loop
        execute format('revoke %I from %I', role, staff_login);
    end loop;
    foreach role in array roles loop
        if role not in ('viewer', 'warehouse', 'quality', 'support', 'supervisor', 'admin', 'worker', 'shop') then
            raise exception 'there is no role "%"', role using errcode = 'invalid_parameter_value';
        end if;
        execute format('grant %I to %I', 'packline_' || role, staff_login);
    end loop;
    insert into staff (login, name) values (staff_login, staff_name)
    on conflict (login) do update set name = excluded.name where staff.name <> excluded.name;
end $$;

-- Who is connected, as the program sees a person.
create function person() returns table (login text, name text, roles text[])
language sql stable security definer set search_path = packline, pg_temp
begin atomic
    select session_user::text,
           coalesce((select nullif(trim(s.name), '') from staff s where s.login = session_user), session_user),
           (select coalesce(array_agg(substr(rolname, 10) order by rolname), '{}')
            from pg_roles where rolname like 'packline\_%' and pg_has_role(session_user, oid, 'member'));
end;

revoke all on all functions in schema packline from public;
-- Functions of later migrations too: without a schema, for in one it would revoke nothing.
alter default privileges revoke execute on functions from public;
revoke all on all tables in schema packline from public;

grant usage on schema packline to packline_viewer, packline_shop;
grant select on all tables in schema packline to packline_viewer;
grant execute on function change_horizon, finish_act to packline_viewer;
grant execute on function by_own_trigger, is_address, is_list, person to packline_viewer, packline_shop;
grant execute on function maintain_partitions to packline_supervisor, packline_worker;
grant execute on function staff_add to packline_admin;

-- The web shop places orders and reads what it may promise.
grant select on channels, products, customers, orders, order_lines, payments, shipping_options, stock_levels, locations, shipments
    to packline_shop;
grant insert on customers, payments to packline_shop;
grant insert (channel_id, external_id, number, customer_id, customer_name, email, phone, placed_at, paid_at,
    currency, subtotal, shipping, tax, discount, total, financial_status, shipping_method, shipping_option_id,
    shipping_address, billing_address, note, tags, ship_by, deliver_by) on orders to packline_shop;
grant insert (order_id, position, product_id, sku, title, unit_price, discount, requires_shipping, ordered)
    on order_lines to packline_shop;
grant update (note, shipping_address, billing_address, phone) on orders to packline_shop;

-- The worker and admins write what imports and automation write; never what is append-only.
grant insert, update on
    channels, customers, products, suppliers, supplier_offers, locations, carriers, shipping_options,
    stock_levels, orders, order_lines, order_notes, fulfilments, fulfilment_lines, reservations,
    payments, refunds, purchase_orders, purchase_order_lines, shipments, shipment_lines, provider_events,
    inspections, inspection_checks, defects, returns, return_lines, tickets, messages, attachments,
    notices, jobs
    to packline_worker, packline_admin;
grant delete on reservations, jobs to packline_worker, packline_admin;
grant insert on stock_movements, tracking_events, clock_events to packline_worker, packline_admin;
grant update (name) on staff to packline_admin;

-- A time that no shop lives in would break whoever reads it.
do $$
declare
    instant record;
begin
    for instant in
        select c.relname, a.attname
        from pg_attribute a join pg_class c on c.oid = a.attrelid
        where c.relnamespace = 'packline'::regnamespace and c.relkind = 'r' and not c.relispartition
          and a.atttypid = 'timestamptz'::regtype and a.attnum > 0 and c.relname <> 'migration'
    loop
        execute format('alter table %I add constraint %I check (%I between ''1900-01-01 00:00+00'' and ''9999-12-31 00:00+00'')',
                       instant.relname, instant.relname || '_' || instant.attname || '_sane', instant.attname);
    end loop;
end $$;
