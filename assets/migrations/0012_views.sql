-- What lists are found by: the words of open work, and the views that people keep.

-- The words by which open work is found: numbers, names, SKUs, tracking codes, in small letters.
-- It is as large as open work, whatever the history, so that to look through it for a part of a
-- word is cheap. Kept by triggers; derived, so it has no history of its own.
create table open_words (
    kind text not null,
    id bigint not null,
    words text not null,
    primary key (kind, id)
);
comment on table open_words is 'The words by which open work is found. Kept by triggers.';

-- Words of one line each, so that no word reaches from one to the next.
create function in_words(variadic parts text[]) returns text
language sql immutable
return lower(array_to_string(parts, E'\n'));

create function keep_words(of_kind text, ids bigint[]) returns void
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if of_kind = 'order' then
        delete from open_words w using orders o
        where w.kind = 'order' and w.id = any (ids) and o.id = w.id
          and o.stage not in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped');
        insert into open_words
        select 'order', o.id, in_words(o.number, o.customer_name, o.email,
            (select string_agg(l.sku, E'\n' order by l.position) from order_lines l where l.order_id = o.id),
            (select string_agg(p.tracking_code, E'\n' order by p.id) from shipments p where p.order_id = o.id))
        from orders o
        where o.id = any (ids)
          and o.stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
        order by o.id
        on conflict (kind, id) do update set words = excluded.words
        where open_words.words <> excluded.words;
    elsif of_kind = 'shipment' then
        delete from open_words w using shipments p
        where w.kind = 'shipment' and w.id = any (ids) and p.id = w.id
          and not p.is_open;
        insert into open_words
        select 'shipment', p.id, in_words('SHP-' || p.id, p.tracking_code, o.number, o.customer_name)
        from shipments p join orders o on o.id = p.order_id
        where p.id = any (ids) and p.is_open
        order by p.id
        on conflict (kind, id) do update set words = excluded.words
        where open_words.words <> excluded.words;
    elsif of_kind = 'inspection' then
        delete from open_words w using inspections i
        where w.kind = 'inspection' and w.id = any (ids) and i.id = w.id
          and i.state not in ('pending', 'failed');
        insert into open_words
        select 'inspection', i.id, in_words('INS-' || i.id, o.number, o.customer_name, p.sku, p.title)
        from inspections i
        left join orders o on o.id = i.order_id
        left join stock_levels s on s.id = i.stock_level_id
        left join products p on p.id = s.product_id
        where i.id = any (ids) and i.state in ('pending', 'failed')
        order by i.id
        on conflict (kind, id) do update set words = excluded.words
        where open_words.words <> excluded.words;
    elsif of_kind = 'ticket' then
        delete from open_words w using tickets t
        where w.kind = 'ticket' and w.id = any (ids) and t.id = w.id
          and t.state not in ('new', 'open', 'pending');
        insert into open_words
        select 'ticket', t.id, in_words('TKT-' || t.id, t.subject, t.customer_name, t.email, o.number)
        from tickets t left join orders o on o.id = t.order_id
        where t.id = any (ids) and t.state in ('new', 'open', 'pending')
        order by t.id
        on conflict (kind, id) do update set words = excluded.words
        where open_words.words <> excluded.words;
    end if;
end $$;

-- Arguments: the kind, the column that holds its id.
create function words_of_new_rows() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    ids bigint[];
begin
    if tg_argv[1] = 'order_id' then
        select array_agg(distinct order_id) into ids from new_rows;
    else
        select array_agg(id) into ids from new_rows;
    end if;
    perform keep_words(tg_argv[0], ids);
    return null;
end $$;
create function words_of_row() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform keep_words(tg_argv[0], array[new.id]);
    return null;
end $$;
create function words_of_order() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform keep_words('order', array[new.order_id]);
    return null;
end $$;
-- An order's number and name are words of its parts too.
create function words_of_parts() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform keep_words('shipment', array(select id from shipments where order_id = new.id));
    perform keep_words('inspection', array(select id from inspections where order_id = new.id));
    perform keep_words('ticket', array(select id from tickets where order_id = new.id));
    return null;
end $$;

create trigger words_insert after insert on orders
    referencing new table as new_rows for each statement execute function words_of_new_rows('order', 'id');
create trigger words_update after update on orders for each row
    when ((old.number, old.customer_name, old.email) is distinct from (new.number, new.customer_name, new.email)
          or (old.stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped'))
             is distinct from (new.stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')))
    execute function words_of_row('order');
create trigger words_of_parts after update on orders for each row
    when ((old.number, old.customer_name) is distinct from (new.number, new.customer_name))
    execute function words_of_parts();
create trigger words_insert after insert on order_lines
    referencing new table as new_rows for each statement execute function words_of_new_rows('order', 'order_id');
create trigger words_update after update on order_lines for each row
    when (old.sku is distinct from new.sku) execute function words_of_order();
create trigger words_insert after insert on shipments
    referencing new table as new_rows for each statement execute function words_of_new_rows('shipment', 'id');
create trigger words_of_order_insert after insert on shipments
    referencing new table as new_rows for each statement execute function words_of_new_rows('order', 'order_id');
create trigger words_update after update on shipments for each row
    when (old.tracking_code is distinct from new.tracking_code
          or old.is_open <> new.is_open)
    execute function words_of_row('shipment');
create trigger words_of_order after update on shipments for each row
    when (old.tracking_code is distinct from new.tracking_code) execute function words_of_order();
create trigger words_insert after insert on inspections
    referencing new table as new_rows for each statement execute function words_of_new_rows('inspection', 'id');
create trigger words_update after update on inspections for each row
    when ((old.state in ('pending', 'failed')) is distinct from (new.state in ('pending', 'failed')))
    execute function words_of_row('inspection');
create trigger words_insert after insert on tickets
    referencing new table as new_rows for each statement execute function words_of_new_rows('ticket', 'id');
create trigger words_update after update on tickets for each row
    when ((old.subject, old.customer_name, old.email, old.order_id)
             is distinct from (new.subject, new.customer_name, new.email, new.order_id)
          or (old.state in ('new', 'open', 'pending')) is distinct from (new.state in ('new', 'open', 'pending')))
    execute function words_of_row('ticket');

select keep_words('order', array(select id from orders
    where stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')));
select keep_words('shipment', array(select id from shipments where is_open));
select keep_words('inspection', array(select id from inspections where state in ('pending', 'failed')));
select keep_words('ticket', array(select id from tickets where state in ('new', 'open', 'pending')));

-- Tags whatever their case, and countries, in all of history.
create function folded(tags text[]) returns text[]
language plpgsql immutable parallel safe as $$
begin
    return lower(tags::text)::text[];
end $$;
-- Tags seldom change: what is found in them must not wait for a list of pending entries.
create index orders_tags on orders using gin (folded(tags)) with (fastupdate = off);
create index orders_country on orders (country);

-- Minor units of a currency's major one (ISO 4217).
create function currency_units(currency text) returns integer
language sql immutable
return case
    when currency in ('BIF', 'CLP', 'DJF', 'GNF', 'ISK', 'JPY', 'KMF', 'KRW', 'PYG', 'RWF', 'UGX', 'UYI',
                      'VND', 'VUV', 'XAF', 'XOF', 'XPF') then 1
    when currency in ('BHD', 'IQD', 'JOD', 'KWD', 'LYD', 'OMR', 'TND') then 1000
    when currency in ('CLF', 'UYW') then 10000
    else 100 end;

grant select on open_words to packline_viewer;
grant execute on function in_words, folded, currency_units to packline_viewer, packline_shop;

-- Views: a filter, a sort and columns under a name. Each person keeps their own; a shared one is
-- everybody's to see, and its author's or a supervisor's to change.
create table saved_views (
    id bigint generated always as identity primary key,
    kind text not null check (kind in ('order', 'stock', 'shipment', 'inspection', 'ticket')),
    name text not null check (name = btrim(name) and length(name) between 1 and 40 and name !~ '[[:cntrl:]]'),
    owner text not null default session_user,
    shared boolean not null default false,
    filter text not null default '' check (length(filter) <= 4096),
    sort_column text not null check (sort_column in ('due', 'cover', 'number', 'age', 'name', 'state', 'amount')),
    descending boolean not null default false,
    -- The titles, left to right; null for those that the pane shows by itself.
    columns text[] check (cardinality(columns) between 1 and 40 and is_list(columns)),
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp()
);
create unique index saved_views_own on saved_views (owner, kind, lower(name)) where not shared;
create unique index saved_views_shared on saved_views (kind, lower(name)) where shared;
comment on table saved_views is 'What people called a filter, a sort and columns.';

-- The columns that each person wants to see.
create table list_columns (
    login text not null default session_user,
    kind text not null check (kind in ('order', 'stock', 'shipment', 'inspection', 'ticket')),
    columns text[] not null check (cardinality(columns) between 1 and 40 and is_list(columns)),
    primary key (login, kind)
);
comment on table list_columns is 'How each person arranged the panes. No business of anybody else''s, so it has no history.';

create function guard_view() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        new.owner := session_user;
    elsif (new.owner, new.kind, new.shared) is distinct from (old.owner, old.kind, old.shared) then
        raise exception 'a view stays its author''s and of its kind'
            using errcode = 'check_violation', constraint = 'saved_views_fixed';
    end if;
    return new;
end $$;
create trigger guard before insert or update on saved_views
    for each row execute function guard_view();
-- No history: what one looks for is one's own affair, and everybody reads the activity.
create trigger raise_version before update on saved_views for each row execute function raise_version();
create function tell_of_views() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if tg_op = 'DELETE' then
        insert into change (kind, id, version) select 'view', id, version from old_rows;
    else
        insert into change (kind, id, version) select 'view', id, version from new_rows;
    end if;
    return null;
end $$;
create trigger tell_insert after insert on saved_views referencing new table as new_rows
    for each statement execute function tell_of_views();
create trigger tell_update after update on saved_views referencing new table as new_rows
    for each statement execute function tell_of_views();
create trigger tell_delete after delete on saved_views referencing old table as old_rows
    for each statement execute function tell_of_views();

alter table saved_views enable row level security;
create policy seen on saved_views for select using (shared or owner = session_user);
create policy made on saved_views for insert with check (owner = session_user);
create policy changed on saved_views for update
    using (owner = session_user or shared and pg_has_role(session_user, 'packline_supervisor', 'member'));
create policy thrown_away on saved_views for delete
    using (owner = session_user or shared and pg_has_role(session_user, 'packline_supervisor', 'member'));
alter table list_columns enable row level security;
create policy own on list_columns using (login = session_user) with check (login = session_user);

grant select on saved_views, list_columns to packline_viewer;
