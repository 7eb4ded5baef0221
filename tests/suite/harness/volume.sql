-- Years of business in minutes: `volume.closed` orders that are history, `volume.open` that are
-- open work, and what hangs on them, of `volume.products` products. Whoever runs this sets these.
--
-- Triggers are off meanwhile (`session_replication_role`, so this needs a superuser): what they
-- would have derived (counters, stages, due_at, demand) is written here instead, by the same rules.
-- What belongs to open work is the same whatever the history, in number and kind.

begin;
set local session_replication_role = replica;
set local synchronous_commit = off;

insert into channels (name) values ('shop');
insert into locations (name) values ('Shelf');
insert into suppliers (name) select 'Supplier ' || n from generate_series(1, 50) n;
insert into locations (name, supplier_id) select name, id from suppliers;
insert into products (id, sku, title)
overriding system value
select n, 'SKU-' || lpad(n::text, 6, '0'), 'Article ' || md5(n::text) from generate_series(1, current_setting('volume.products')::int) n;
insert into supplier_offers (supplier_id, product_id, unit_cost, currency, lead_time_days)
select s.id, p.id, 100 + p.id % 900, 'EUR', 3
from products p join suppliers s on s.id % 50 = p.id % 50;
-- One in fifty is low, one in three hundred muted; one in a hundred has not what orders want.
insert into stock_levels (product_id, location_id, on_hand, reorder_point, muted_until)
select p.id, l.id,
       case when p.id % 50 = 0 then 3 when p.id % 100 = 1 then 0 else 100000 end,
       case when p.id % 50 = 0 then 5 else 0 end,
       case when p.id % 300 = 0 then now() + interval '9 days' end
from products p, locations l where l.name = 'Shelf';
insert into customers (id, name, email)
overriding system value
select n, 'Customer ' || md5(n::text), 'c' || n || '@example.com'
from generate_series(1, greatest(1, current_setting('volume.closed')::int / 4)) n;

-- Open orders come last, as in life, and are of three weeks. `place` counts back from the newest.
create temp table plan on commit drop as
select shape.*, now() - make_interval(mins => shape.place * greatest(1, 30240 / current_setting('volume.open')::int)) as placed_at,
       case when not shape.is_open then
                case when n % 20 = 0 then 'cancelled' when n % 3 = 0 then 'delivered' else 'closed' end
            else (array['new', 'new', 'confirmed', 'confirmed', 'confirmed', 'processing',
                        'processing', 'processing', 'on_hold', 'partially_shipped'])[1 + n % 10] end as stage,
       make_interval(mins => (shape.place * 7919::bigint % 20160)::int) as slack
from (select n, n > current_setting('volume.closed')::int as is_open,
             current_setting('volume.closed')::int + current_setting('volume.open')::int - n as place
      from generate_series(1, current_setting('volume.closed')::int + current_setting('volume.open')::int) n) shape (n, is_open, place);

insert into orders (id, channel_id, external_id, number, customer_id, customer_name, email, placed_at, paid_at,
                    currency, subtotal, total, financial_status, shipping_address, tags, ship_by, deliver_by,
                    confirmed_at, processing_at, hold_reason, cancelled_at, closed_at, stage, due_at, assignee, created_at)
overriding system value
select n, c.id, 'x' || n, '#' || n, 1 + n % greatest(1, current_setting('volume.closed')::int / 4),
       'Customer ' || md5((n % 9973)::text), 'c' || n % 9973 || '@example.com', placed_at, placed_at,
       'EUR', 1000 + n % 5000, 1500 + n % 5000, 'paid',
       jsonb_build_object('name', 'Customer ' || md5((n % 9973)::text), 'country', 'DE'),
       case when n % 11 = 0 then array['gift'] else '{}' end,
       placed_at + slack, placed_at + slack + interval '5 days',
       case when stage <> 'new' then placed_at end,
       case when stage not in ('new', 'confirmed', 'cancelled') then placed_at end,
       case when stage = 'on_hold' then 'address to be checked' end,
       case when stage = 'cancelled' then placed_at end,
       case when stage = 'closed' then placed_at + interval '9 days' end,
       stage, case when is_open then placed_at + slack else '9999-12-31 00:00+00' end,
       case when n % 7 = 0 then 'ana' end, placed_at
from plan, channels c where c.name = 'shop';

insert into order_lines (order_id, position, product_id, sku, title, unit_price, ordered,
                         reserved, shipped, delivered, cancelled)
select p.n, l.position, product.id, product.sku, product.title, 500 + p.n % 1000, 2,
       case when p.stage in ('processing', 'on_hold') then 2 else 0 end,
       case when p.stage in ('delivered', 'closed')
              or p.stage = 'partially_shipped' and l.position = 1 then 2 else 0 end,
       case when p.stage in ('delivered', 'closed') then 2 else 0 end,
       case when p.stage = 'cancelled' then 2 else 0 end
from plan p
cross join (values (1), (2)) l (position)
join products product on product.id = 1 + (p.n * 31 + l.position * 977) % current_setting('volume.products')::int;

update stock_levels s set on_hand = s.on_hand + held.units, reserved = held.units
from (select product_id, sum(reserved) as units from order_lines where reserved > 0 group by 1) held
where held.product_id = s.product_id;
insert into stock_movements (stock_level_id, kind, on_hand)
select id, 'opening', on_hand from stock_levels where on_hand > 0;
insert into reservations (order_line_id, stock_level_id, quantity)
select l.id, s.id, l.reserved from order_lines l join stock_levels s on s.product_id = l.product_id
where l.reserved > 0;
insert into stock_movements (stock_level_id, kind, reserved, order_line_id)
select stock_level_id, 'reserve', quantity, order_line_id from reservations;
insert into daily_demand (product_id, day, units)
select l.product_id, (p.placed_at at time zone 'UTC')::date, sum(l.ordered)
from order_lines l join plan p on p.n = l.order_id group by 1, 2;

insert into fulfilments (id, order_id, location_id, state, created_at)
overriding system value
select p.n, p.n, l.id, case when p.is_open then 'ready' else 'delivered' end, p.placed_at
from plan p, locations l
where l.name = 'Shelf' and p.stage in ('processing', 'on_hold', 'partially_shipped', 'delivered', 'closed');
insert into fulfilment_lines (fulfilment_id, order_line_id, quantity, shipped)
select f.id, l.id, 2, l.shipped from fulfilments f join order_lines l on l.order_id = f.order_id;

-- A parcel for each that has left, wholly or in part.
insert into shipments (id, order_id, fulfilment_id, carrier_id, tracking_code, ship_date, state, tracking_status,
                       handed_over_at, last_event_at, delivered_at, due_at, created_at)
overriding system value
select p.n, p.n, p.n, 1 + p.n % 3, 'TRK' || p.n, (p.placed_at + interval '1 day')::date,
       case when p.is_open then 'handed_over' else 'delivered' end,
       case when p.is_open then 'in_transit' else 'delivered' end,
       p.placed_at + interval '1 day', p.placed_at + interval '2 days',
       case when not p.is_open then p.placed_at + interval '3 days' end,
       case when p.is_open then p.placed_at + p.slack else '9999-12-31 00:00+00' end, p.placed_at + interval '1 day'
from plan p where p.stage in ('partially_shipped', 'delivered', 'closed');
insert into shipment_lines (shipment_id, order_line_id, stock_level_id, quantity)
select p.id, l.id, s.id, l.shipped
from shipments p join order_lines l on l.order_id = p.order_id and l.shipped > 0
join stock_levels s on s.product_id = l.product_id;
insert into tracking_events (shipment_id, at, status, message)
select id, last_event_at, tracking_status, 'scanned' from shipments;

-- One order in ten is inspected, one in twenty asks.
insert into inspections (id, order_id, state, started_at, finished_at, due_at, created_at)
overriding system value
select p.n, p.n, case when not p.is_open then 'passed' when p.n % 100 = 6 then 'failed' else 'pending' end,
       p.placed_at, case when not p.is_open then p.placed_at end, p.placed_at + p.slack, p.placed_at
from plan p where p.n % 10 = 6;
insert into inspection_checks (inspection_id, position, name, instruction, result)
select id, 1, 'damage', 'Look at every side.',
       case state when 'pending' then 'open' when 'failed' then 'failed' else 'passed' end from inspections;
insert into defects (inspection_id, check_name, severity, description)
select id, 'damage', 'minor', 'a scratch' from inspections where state = 'failed';
insert into tickets (id, order_id, customer_id, subject, email, customer_name, state, priority, assignee,
                     first_response_due, due_at, opened_at, snoozed_until)
overriding system value
select p.n, p.n, 1 + p.n % greatest(1, current_setting('volume.closed')::int / 4),
       'Where is my order #' || p.n || '?', 'c' || p.n % 9973 || '@example.com',
       'Customer ' || md5((p.n % 9973)::text),
       case when not p.is_open then 'closed' else (array['new', 'open', 'pending'])[1 + p.n / 20 % 3] end,
       'normal', case when p.n % 40 = 0 then 'ana' end, p.placed_at + p.slack,
       case when p.is_open then p.placed_at + p.slack else '9999-12-31 00:00+00' end, p.placed_at,
       case when p.is_open and p.n % 200 = 0 then now() + interval '1 day' end
from plan p where p.n % 20 = 0;
insert into messages (ticket_id, kind, at, sender, body)
select id, 'inbound', opened_at, email, 'I am still waiting.' from tickets;

-- Every customer was told of the order and of the parcel.
insert into notices (kind, subject_kind, subject_id, order_id, occasion, recipient, subject_line, body,
                     state, held_until, message_id, attempts, sent_at, created_at)
select told.kind, 'order', p.n, p.n, 'first', 'c' || p.n % 9973 || '@example.com', 'Your order #' || p.n,
       'Thank you.', 'sent', told.at, told.kind || '.' || p.n || '@example.com', 1, told.at, told.at
from plan p
cross join lateral (values ('order_confirmation', p.placed_at),
                           ('shipped', p.placed_at + interval '1 day')) told (kind, at)
where told.kind = 'order_confirmation' or p.stage in ('partially_shipped', 'delivered', 'closed');

-- One closed order in ten came from a supplier, one in twenty-five was followed by a purchase for
-- stock, and of some of these the mail was stopped.
insert into purchase_orders (id, supplier_id, fulfilment_id, state, currency, sent_at, answered_at, created_at)
overriding system value
select case when for_stock then 1000000 else 0 end + p.n, 1 + p.n % 50, case when not for_stock then f.id end,
       case when p.n % 500 = 4 then 'cancelled' else 'received' end, 'EUR', p.placed_at, p.placed_at, p.placed_at
from plan p
join fulfilments f on f.order_id = p.n
cross join lateral (select p.n % 25 = 4 as for_stock) what
where not p.is_open and (p.n % 10 = 3 or for_stock);
insert into purchase_order_lines (purchase_order_id, product_id, quantity, received, unit_cost)
select bought.id, l.product_id, 2, case bought.state when 'received' then 2 else 0 end, 300
from purchase_orders bought join order_lines l on l.order_id = bought.id % 1000000 and l.position = 1;
insert into notices (kind, subject_kind, subject_id, order_id, occasion, recipient, subject_line, body,
                     state, held_until, message_id, attempts, sent_at, created_at)
select 'purchase_order', 'purchase_order', bought.id, f.order_id, 'first', 's@example.com', 'PO-' || bought.id,
       'Please send.', what.state, bought.sent_at, 'po.' || bought.id || '@example.com', 1,
       case what.state when 'sent' then bought.sent_at end, bought.sent_at
from purchase_orders bought
left join fulfilments f on f.id = bought.fulfilment_id
cross join lateral (select case bought.state when 'cancelled' then 'cancelled' else 'sent' end as state) what;
insert into alerts (kind, subject_kind, subject_id, reason, raised_at, cleared_at)
select 'stuck', 'order', n, 'it did not move', placed_at, placed_at + interval '1 day'
from plan where not is_open and n % 20 = 9
union all
select 'low_stock', 'stock', 1 + n % current_setting('volume.products')::int, 'it was low', placed_at,
       placed_at + interval '1 day'
from plan where not is_open and n % 20 = 14;

-- The words of open work; its triggers are off too.
select keep_words('order', array(select n from plan where is_open));
select keep_words('shipment', array(select id from shipments where state = 'handed_over'));
select keep_words('inspection', array(select id from inspections where state in ('pending', 'failed')));
select keep_words('ticket', array(select id from tickets where state in ('new', 'open', 'pending')));

-- What people will read as an order's history.
insert into activity (at, kind, record_id, entity, operation, changes, source, who, role)
select p.placed_at + make_interval(hours => step), 'order', p.n, 'orders',
       case step when 0 then 'insert' else 'update' end,
       case step when 0 then '{}' else '{"stage": ["new", "confirmed"]}'::jsonb end, 'import', 'ana', 'none'
from plan p, generate_series(0, 1) step;

select setval(pg_get_serial_sequence(t, 'id'), 2000000)
from (values ('carriers'), ('products'), ('customers'), ('orders'), ('fulfilments'), ('shipments'),
             ('inspections'), ('tickets'), ('purchase_orders')) own (t);
commit;
analyze;
