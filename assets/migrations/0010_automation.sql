-- Orders move by themselves: what becomes due when something changes, the business calendar and
-- the promises that follow from it, and what people are alerted to.

-- Enqueues work, once while it waits. An event that comes while the same work waits brings it
-- forward; and as the row is locked until the event's transaction ends, no worker does the work
-- before it can see the event.
create function enqueue(kind text, subject_kind text, subject_id bigint, run_at timestamptz default clock_timestamp())
returns void
language sql security definer set search_path = packline, pg_temp
begin atomic
    insert into jobs as j (kind, subject_kind, subject_id, dedupe_key, run_at)
    values (kind, subject_kind, subject_id, kind || ':' || subject_id, run_at)
    on conflict (dedupe_key) where lease_until is null and dead_at is null
    do update set run_at = excluded.run_at where j.run_at > excluded.run_at;
end;

-- Whether purchase orders can be mailed to a supplier.
create function has_address(supplier suppliers) returns boolean
language sql immutable
begin atomic
    select coalesce(supplier.email like '%@%', false);
end;

-- Why an order does not go on by itself, and the days on the way that its promise counts on.
alter table orders
    add column waiting_reason text,
    add column promise_transit_days integer,
    -- The last change of the calendar that its promise knows of.
    add column promise_calendar bigint not null default 0,
    -- A person gave its stock back: until a person reserves or routes it, nothing is taken for it.
    add column covered_by_hand boolean not null default false,
    -- The day, in the shop's zone, by which the customer was last told that it arrives.
    add column told_day date,
    -- The day told before that: what they know while the mail about the later one has not left.
    add column told_before date,
    -- When units of it that were lost were last to be sent again: what covers them counts from then.
    add column again_at timestamptz;
alter table fulfilments
    -- By when a supplier should hand its part over: its lead time, from when it was asked.
    add column leaves_by timestamptz,
    -- A person chose who does it: nothing but an answer takes it away again.
    add column routed_by_hand boolean not null default false;
create function note_transit() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    new.promise_transit_days :=
        (select transit_days_max from shipping_options
         where id = new.shipping_option_id and refused_option(new) is null);
    new.promise_calendar := (select coalesce(max(id), 0) from calendar_changes);
    return new;
end $$;
create trigger note_transit before insert or update of ship_by, deliver_by on orders
    for each row execute function note_transit();

-- An order that is new or changed, with all its parts, is looked at.
create function enqueue_orders() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform enqueue('order', 'order', id)
    from (select id from new_rows
          where stage in ('new', 'confirmed', 'processing', 'partially_shipped') order by id) moved;
    return null;
end $$;
create trigger enqueue_insert after insert on orders
    referencing new table as new_rows for each statement execute function enqueue_orders();
create trigger enqueue_update after update on orders
    referencing new table as new_rows for each statement execute function enqueue_orders();

-- Orders that count on an option are looked at when it takes other days, or other orders.
create function enqueue_option() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform enqueue('order', 'order', id)
    from (select id from orders
          where shipping_option_id = new.id and stage in ('confirmed', 'processing', 'partially_shipped')
          order by id) counting;
    return null;
end $$;
create trigger enqueue_option after update on shipping_options
    for each row when ((new.transit_days_max, new.countries, new.max_weight_g)
                       is distinct from (old.transit_days_max, old.countries, old.max_weight_g))
    execute function enqueue_option();

-- So are those that have units to leave of a product that weighs something else.
create function enqueue_weighed() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform enqueue('order', 'order', id)
    from (select distinct o.id
          from new_rows n
          join old_rows was on was.id = n.id and was.weight_g is distinct from n.weight_g
          join order_lines l on l.product_id = n.id and (l.unallocated > 0 or l.requested > 0 or l.reserved > 0)
          join orders o on o.id = l.order_id
          where o.stage in ('confirmed', 'processing', 'partially_shipped')
          order by o.id) counting;
    return null;
end $$;
create trigger enqueue_weighed after update on products
    referencing old table as old_rows new table as new_rows for each statement execute function enqueue_weighed();

-- Whether later orders leave stock to this one: it is under way, or will be as soon as it is looked at.
create function comes_first(an_order orders) returns boolean
language sql immutable
begin atomic
    select an_order.stage in ('new', 'confirmed', 'processing', 'partially_shipped')
       and an_order.financial_status in ('paid', 'partially_refunded')
       and not an_order.covered_by_hand;
end;

-- What an order waits for is part of what its parcels show that have not left.
create function tell_parcels() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    insert into change (kind, id, version)
    select 'shipment', id, version from shipments where order_id = new.id and state in ('draft', 'labelled');
    return null;
end $$;
create trigger tell_parcels after update on orders
    for each row when ((new.waiting_reason, new.hold_reason) is distinct from (old.waiting_reason, old.hold_reason))
    execute function tell_parcels();

-- By when the supplier must have accepted; written when the purchase order has left.
alter table purchase_orders add column answer_due timestamptz;
create index purchase_orders_silent on purchase_orders (answer_due) where state = 'sent' and answer_due is not null;
create index purchase_orders_unsent on purchase_orders (id) where state = 'draft';
create index purchase_orders_unsent_for_stock on purchase_orders (id) where state = 'draft' and fulfilment_id is null;

-- Whose suppliers are silent about a product is found by these lines: a product has few of them, while
-- silent purchase orders may be many, and about others.
create index order_lines_requested on order_lines (product_id) include (order_id) where requested > 0;

-- Whether a supplier leaves a purchase order for an order unanswered: it is silent past the agreed time,
-- or it was not sent for want of an address. Others may be asked then, unless a person chose the supplier.
create function is_unanswered(purchase purchase_orders, part fulfilments, at timestamptz) returns boolean
language sql immutable
begin atomic
    select part.state = 'requested' and not part.routed_by_hand
       and (purchase.state = 'sent' and purchase.answer_due < at or purchase.state = 'draft');
end;

-- Those of these products that an order waits for: nothing covers it, or who was asked for it leaves it
-- unanswered.
create function awaited(products bigint[]) returns setof bigint
language sql stable security definer set search_path = packline, pg_temp
begin atomic
    select product from (select distinct product from unnest(products) product) asked
    where exists (select from order_lines l where l.product_id = product and l.unallocated > 0)
       or exists (select from order_lines l
                  join fulfilment_lines fl on fl.order_line_id = l.id
                  join fulfilments f on f.id = fl.fulfilment_id
                  join purchase_orders b on b.fulfilment_id = f.id
                  where l.product_id = product and l.requested > 0 and is_unanswered(b, f, now()))
    order by product;
end;

-- Stock that is free again is for whoever waits for it.
create function enqueue_backorders() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform enqueue('backorders', 'product', product_id)
    from awaited(array(select n.product_id from new_rows n join old_rows o using (id)
                       where n.on_hand - n.reserved > o.on_hand - o.reserved)) product_id;
    return null;
end $$;
create trigger enqueue_backorders after update on stock_levels
    referencing old table as old_rows new table as new_rows
    for each statement execute function enqueue_backorders();

-- So is stock that was left to an earlier order which no longer wants it: held, cancelled or edited.
create function enqueue_free(products bigint[]) returns void
language sql security definer set search_path = packline, pg_temp
begin atomic
    select enqueue('backorders', 'product', product)
    from awaited(array(select s.product_id from stock_levels s join locations p on p.id = s.location_id
                       where s.product_id = any (products) and p.supplier_id is null
                         and s.on_hand > s.reserved)) product;
end;
create function enqueue_left() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform enqueue_free(array_agg(l.product_id))
    from new_rows n join old_rows o using (id) join order_lines l on l.order_id = n.id
    where l.unallocated > 0 and comes_first(o::orders) and not comes_first(n::orders)
    having count(*) > 0;
    return null;
end $$;
create trigger enqueue_left after update on orders
    referencing old table as old_rows new table as new_rows
    for each statement execute function enqueue_left();
create function enqueue_unwanted() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform enqueue_free(array_agg(o.product_id))
    from new_rows n join old_rows o using (id)
    where o.unallocated > 0
      and (n.cancelled > o.cancelled or n.product_id is distinct from o.product_id
           or n.requires_shipping <> o.requires_shipping)
    having count(*) > 0;
    return null;
end $$;
create trigger enqueue_unwanted after update on order_lines
    referencing old table as old_rows new table as new_rows
    for each statement execute function enqueue_unwanted();

-- What suppliers offer, and for how much, is news to whoever waits for it.
create function enqueue_offers() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform enqueue('offers', 'product', product_id)
    from awaited(array(select product_id from new_rows)) product_id;
    return null;
end $$;
create trigger enqueue_insert after insert on supplier_offers
    referencing new table as new_rows for each statement execute function enqueue_offers();
create trigger enqueue_update after update on supplier_offers
    referencing new table as new_rows for each statement execute function enqueue_offers();

-- A purchase order for our own stock is sent by itself; one for an order goes with the order.
create function enqueue_purchase() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform enqueue('purchase', 'purchase_order', id)
    from (select id from new_rows where fulfilment_id is null and state = 'draft' order by id) made;
    return null;
end $$;
create trigger enqueue_purchase after insert on purchase_orders
    referencing new table as new_rows for each statement execute function enqueue_purchase();

-- Stops the mails of some kinds about a record, as far as they have not left and nobody sends them now:
-- they are held, wait to be tried again, or failed.
create function stop_mails(kinds text[], about_kind text, about bigint) returns void
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    -- Whoever ends a try meanwhile waits for this, and then sees that the mail is not wanted any more.
    perform from notices where subject_kind = about_kind and subject_id = about and kind = any (kinds)
    order by id for no key update;
    update notices set state = 'cancelled'
    where subject_kind = about_kind and subject_id = about and kind = any (kinds)
      and (state in ('held', 'failed') or state = 'queued' and not sending);
end $$;

-- Whether its supplier knows of it: our mail has left, a person has told it, or it has accepted it or sent
-- some of it all the same.
create function is_known(purchase purchase_orders) returns boolean
language sql stable security definer set search_path = packline, pg_temp
begin atomic
    select purchase.state = 'accepted'
        or purchase.state = 'sent' and (
            purchase.answer_due is not null
            or exists (select from fulfilment_lines where fulfilment_id = purchase.fulfilment_id and shipped > 0)
            or not exists (
                select from notices where kind = 'purchase_order' and subject_kind = 'purchase_order'
                and subject_id = purchase.id and state <> 'sent'));
end;

-- A purchase order that is cancelled: its mail stays where it has not left, else another takes it back.
create function take_back_purchase() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform stop_mails('{purchase_order}', 'purchase_order', new.id);
    if is_known(old) then
        perform enqueue('recall', 'purchase_order', new.id);
    end if;
    return null;
end $$;
create trigger take_back after update of state on purchase_orders
    for each row when (old.state in ('sent', 'accepted') and new.state = 'cancelled')
    execute function take_back_purchase();

-- Whether its supplier is still to be asked: it was not told, has not answered, and nothing says that it
-- has begun.
create function is_to_be_asked(purchase purchase_orders) returns boolean
language sql stable security definer set search_path = packline, pg_temp
begin atomic
    select purchase.state in ('draft', 'sent') and purchase.answer_due is null
       and not exists (select from fulfilments
                       where id = purchase.fulfilment_id and state not in ('open', 'requested'));
end;

-- A supplier that has answered, was told by other means, or sends what it was never asked for by mail, knows
-- all that the mail says, and has nothing to be taken back.
create function stop_asking() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform stop_mails('{purchase_order}', 'purchase_order', new.id);
    return null;
end $$;
create trigger stop_asking after update of state on purchase_orders
    for each row when (old.state = 'sent' and new.state in ('accepted', 'rejected'))
    execute function stop_asking();
create trigger stop_asking_told after update of answer_due on purchase_orders
    for each row when (old.state = 'sent' and old.answer_due is null and new.answer_due is not null)
    execute function stop_asking();
create function stop_asking_for_part() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform stop_mails('{purchase_order}', 'purchase_order', id)
    from (select id from purchase_orders where fulfilment_id = new.id order by id) asked;
    return null;
end $$;
create trigger stop_asking after update of state on fulfilments
    for each row when (old.state in ('open', 'requested') and new.state not in ('open', 'requested', 'cancelled'))
    execute function stop_asking_for_part();

-- One that was cancelled while its mail was being sent is taken back when that has left.
create function take_back_sent() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if exists (select from purchase_orders where id = new.subject_id and state = 'cancelled') then
        perform enqueue('recall', 'purchase_order', new.subject_id);
    end if;
    return null;
end $$;
create trigger take_back after update of state on notices
    for each row when (new.kind = 'purchase_order' and new.state = 'sent' and old.state <> 'sent')
    execute function take_back_sent();

-- Nobody is told that a cancelled order is on its way.
create function keep_mail_back() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform stop_mails('{order_confirmation,delay}', 'order', new.id);
    return null;
end $$;
create trigger keep_mail_back after update on orders
    for each row when (old.stage <> 'cancelled' and new.stage = 'cancelled')
    execute function keep_mail_back();

-- What was cancelled, answered or begun while its mail was being sent is not sent again where that did not
-- get through.
create function drop_unwanted() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if new.kind = 'purchase_order' and exists (
           select from purchase_orders p where p.id = new.subject_id and not is_to_be_asked(p))
       or new.kind in ('order_confirmation', 'delay') and exists (
           select from orders where id = new.subject_id and stage = 'cancelled')
       -- Nor is a customer told of a day, or a supplier of an address, after another one was told.
       or new.kind in ('delay', 'address_changed') and exists (
           select from notices later where later.kind = new.kind and later.subject_kind = new.subject_kind
           and later.subject_id = new.subject_id and later.id > new.id and later.state <> 'cancelled') then
        new.state := 'cancelled';
        new.outdated := true;
    elsif new.kind = 'delay' or new.outdated then
        -- Whether it still stands is looked at now that it can be stopped, or written anew.
        perform enqueue('order', 'order', new.subject_id);
    end if;
    return new;
end $$;
create trigger drop_unwanted before update on notices
    for each row when (old.sending and not new.sending and new.state in ('queued', 'failed')
                       and new.kind in ('order_confirmation', 'delay', 'purchase_order', 'address_changed'))
    execute function drop_unwanted();

-- What waits for a supplier's address goes on when there is one.
create function enqueue_addressed() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform case when f.id is null then enqueue('purchase', 'purchase_order', p.id)
                 else enqueue('order', 'order', f.order_id) end
    from purchase_orders p left join fulfilments f on f.id = p.fulfilment_id
    where p.supplier_id = new.id and p.state = 'draft';
    -- Nor has it been told by mail where an order goes since it was asked.
    perform enqueue('address', 'order', order_id)
    from (select distinct f.order_id
          from purchase_orders p join fulfilments f on f.id = p.fulfilment_id
          where p.supplier_id = new.id and p.state in ('sent', 'accepted')
            and f.state in ('requested', 'accepted', 'inspecting', 'ready')
          order by 1) asked;
    -- So does what waits for another's address, where this one offers it.
    if has_address(new) then
        perform enqueue('offers', 'product', product_id)
        from awaited(array(select product_id from supplier_offers where supplier_id = new.id)) product_id;
    end if;
    return null;
end $$;
create trigger enqueue_addressed after update of email on suppliers
    for each row when (new.email is distinct from old.email) execute function enqueue_addressed();

-- What has not left to the old address goes to the new one, of itself or when somebody sends it again;
-- also where the supplier had none for a while.
alter table suppliers add column last_address text;
create function keep_address() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    new.last_address := old.email;
    return new;
end $$;
create trigger keep_address before update of email on suppliers
    for each row when (new.email is distinct from old.email and has_address(old)) execute function keep_address();
create function readdress_mails() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    update notices n
    set recipient = new.email, retry_at = case when n.state = 'queued' then clock_timestamp() else n.retry_at end
    where n.recipient = new.last_address and not n.sending and n.id in (
        select m.id from notices m join purchase_orders p on p.id = m.subject_id
        where m.subject_kind = 'purchase_order' and m.state in ('held', 'queued', 'failed')
          and p.supplier_id = new.id
        union all
        select m.id from purchase_orders p
        join notices m on m.subject_kind = 'purchase_order' and m.subject_id = p.id
        where p.supplier_id = new.id and p.state = 'sent' and m.state = 'cancelled');
    return null;
end $$;
create trigger readdress_mails after update of email on suppliers
    for each row when (new.email is distinct from old.email and has_address(new) and new.last_address <> new.email)
    execute function readdress_mails();

-- What is on order is part of what a product's stock shows, and of its history.
create function tell_stock() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    update stock_levels set version = version
    where id in (select s.id from new_rows n
                 join purchase_orders p on p.id = n.purchase_order_id
                 join stock_levels s on s.product_id = n.product_id
                 where p.fulfilment_id is null order by s.id for no key update of s);
    perform write_activity('stock', s.id, tg_table_name, lower(tg_op), jsonb_build_object(
        'purchase_order', n.purchase_order_id, 'quantity', n.quantity, 'received', n.received))
    from new_rows n
    join purchase_orders p on p.id = n.purchase_order_id
    join stock_levels s on s.product_id = n.product_id
    where p.fulfilment_id is null order by s.id;
    return null;
end $$;
create trigger tell_stock_insert after insert on purchase_order_lines
    referencing new table as new_rows for each statement execute function tell_stock();
create trigger tell_stock_update after update on purchase_order_lines
    referencing new table as new_rows for each statement execute function tell_stock();

-- That a person has sent a purchase order by hand is told with its order, or with the product's stock;
-- so is that one for our stock is cancelled. One for an order is cancelled with its part of the order.
create function tell_by_hand() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    what jsonb := jsonb_build_object('purchase_order', new.id, 'state', jsonb_build_array(old.state, new.state),
                                     'answer_due', jsonb_build_array(old.answer_due, new.answer_due));
    whose bigint;
begin
    if coalesce(current_setting('packline.act_id', true), '') = '' then
        return null;
    end if;
    select order_id into whose from fulfilments where id = new.fulfilment_id;
    if found then
        update orders set version = version where id = whose;
        perform write_activity('order', whose, tg_table_name, lower(tg_op), what);
        return null;
    end if;
    for whose in
        select s.id from purchase_order_lines l join stock_levels s on s.product_id = l.product_id
        where l.purchase_order_id = new.id order by s.id
    loop
        update stock_levels set version = version where id = whose;
        perform write_activity('stock', whose, tg_table_name, lower(tg_op), what);
    end loop;
    return null;
end $$;
create trigger tell_by_hand after update of state, answer_due on purchase_orders
    for each row when (old.state = 'draft' and new.state = 'sent'
        or old.state <> 'cancelled' and new.state = 'cancelled' and new.fulfilment_id is null
        or old.state = 'sent' and new.state = 'sent' and old.answer_due is null and new.answer_due is not null)
    execute function tell_by_hand();

-- An order is looked at again when a supplier should have answered.
create function enqueue_silence() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform enqueue('silence', 'order', f.order_id, new.answer_due)
    from fulfilments f where f.id = new.fulfilment_id;
    return null;
end $$;
create trigger enqueue_silence after update of answer_due on purchase_orders
    for each row when (new.answer_due is not null) execute function enqueue_silence();

-- What an order waits for is another thing once a purchase order's mail has left, or cannot.
create function enqueue_mailed() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform enqueue('order', 'order', new.order_id);
    return null;
end $$;
create trigger enqueue_mailed after update of state, error on notices
    for each row when (new.kind = 'purchase_order' and new.order_id is not null
                       and (new.state <> old.state and (old.state <> 'held' or new.state = 'cancelled')
                            or new.error is distinct from old.error))
    execute function enqueue_mailed();

-- A supplier's answer to its purchase order is the answer for its part of the order, whoever
-- writes it down.
create function follow_answer() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    whose bigint;
    begun text;
begin
    if new.state = old.state or new.fulfilment_id is null
       or new.state not in ('sent', 'accepted', 'rejected') then
        return null;
    end if;
    select order_id into whose from fulfilments where id = new.fulfilment_id;
    perform from orders where id = whose for no key update;
    if new.state = 'rejected' then
        select format(' (%s of %s sent)', sum(shipped), sum(quantity)) into begun
        from fulfilment_lines where fulfilment_id = new.fulfilment_id having sum(shipped) > 0;
        update fulfilments
        set state = 'rejected', reason = coalesce(new.reason, 'rejected by the supplier') || coalesce(begun, '')
        where id = new.fulfilment_id and state in ('requested', 'accepted', 'inspecting', 'ready');
    elsif new.state = 'accepted' and not exists (
        select from purchase_orders p
        where p.fulfilment_id = new.fulfilment_id and p.state in ('draft', 'sent')) then
        update fulfilments set state = 'accepted' where id = new.fulfilment_id and state = 'requested';
    end if;
    return null;
end $$;
create trigger follow_answer after update of state on purchase_orders
    for each row execute function follow_answer();

-- Every promise that was made or changed, with its cause, whoever changed it.
create table promise_changes (
    id bigint generated always as identity primary key,
    order_id bigint not null references orders,
    at timestamptz not null default clock_timestamp(),
    ship_by_before timestamptz,
    ship_by timestamptz,
    deliver_by_before timestamptz,
    deliver_by timestamptz,
    cause text not null
);
create index promise_changes_of_order on promise_changes (order_id, id);
create trigger append_only before update or delete on promise_changes
    for each row execute function refuse_change('promise_changes');
create trigger append_only_truncate before truncate on promise_changes
    for each statement execute function refuse_change('promise_changes');

-- New orders of an import that has not ended: what they were promised holds only once all of its orders
-- are there. Those of one that was killed are looked at when its file is imported again.
create table unsettled_promises (
    order_id bigint primary key references orders,
    file text not null
);
create index unsettled_promises_of_file on unsettled_promises (file);

create function keep_promise() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if tg_op = 'INSERT' then
        if new.ship_by is not null or new.deliver_by is not null then
            insert into promise_changes (order_id, ship_by, deliver_by, cause)
            values (new.id, new.ship_by, new.deliver_by, 'came with the order');
        end if;
    elsif (new.ship_by, new.deliver_by) is distinct from (old.ship_by, old.deliver_by) then
        insert into promise_changes (order_id, ship_by_before, ship_by, deliver_by_before, deliver_by, cause)
        values (new.id, old.ship_by, new.ship_by, old.deliver_by, new.deliver_by,
                coalesce(nullif(current_setting('packline.reason', true), ''),
                         nullif(current_setting('packline.verb', true), ''), 'direct SQL'));
    end if;
    return null;
end $$;
create trigger keep_promise after insert or update of ship_by, deliver_by on orders
    for each row execute function keep_promise();

-- The business calendar: local hours by weekday (1 is Monday) in an IANA zone, and days off.
create table business_calendar (
    single boolean primary key default true check (single),
    time_zone text not null default 'UTC',
    -- Orders placed before it count as that day's.
    cut_off time not null default '14:00'
);
insert into business_calendar default values;
create function guard_time_zone() returns trigger
language plpgsql set search_path = packline, pg_temp as $$
begin
    -- Some names are this server's alone: the program's list of zones has none of them.
    if new.time_zone ~ '^(posix|right)/'
       or new.time_zone in ('localtime', 'posixrules', 'Factory')
       or not exists (select from pg_timezone_names where name = new.time_zone) then
        raise exception 'there is no time zone "%": expected a name such as Europe/Lisbon', new.time_zone
            using errcode = 'check_violation', constraint = 'business_calendar_time_zone';
    end if;
    return new;
end $$;
create trigger guard before insert or update of time_zone on business_calendar
    for each row execute function guard_time_zone();
create table business_hours (
    weekday smallint primary key check (weekday between 1 and 7),
    -- Minutes after midnight.
    opens smallint not null check (opens >= 0),
    closes smallint not null check (closes <= 1440),
    check (opens < closes)
);
insert into business_hours select day, 9 * 60, 17 * 60 from generate_series(1, 5) day;
create table holidays (
    day date primary key,
    name text not null default ''
);

-- Every change of the calendar, with how it was before: what was promised by that calendar keeps its
-- business days, and is reckoned anew by a job.
create table calendar_changes (
    id bigint generated always as identity primary key,
    at timestamptz not null default clock_timestamp(),
    -- As people say it: `holiday 27 Nov`.
    cause text not null,
    -- A day that was a holiday then, or was none.
    day date,
    was_holiday boolean,
    -- A weekday's hours then, as `business_hours` has them; both null where it was closed.
    weekday smallint,
    opens smallint,
    closes smallint,
    -- What `business_calendar` said then.
    time_zone text,
    cut_off time,
    constraint calendar_changes_one_thing check (num_nonnulls(day, weekday, time_zone) = 1)
);
create trigger append_only before update or delete on calendar_changes
    for each row execute function refuse_change('calendar_changes');
create trigger append_only_truncate before truncate on calendar_changes
    for each statement execute function refuse_change('calendar_changes');
create function note_holiday() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if tg_op <> 'INSERT' then
        insert into calendar_changes (cause, day, was_holiday)
        values ('no holiday ' || to_char(old.day, 'FMDD Mon'), old.day, true);
    end if;
    if tg_op <> 'DELETE' then
        insert into calendar_changes (cause, day, was_holiday)
        values ('holiday ' || to_char(new.day, 'FMDD Mon'), new.day, false);
    end if;
    perform enqueue('calendar', 'shop', 0);
    return null;
end $$;
create trigger note_change after insert or delete on holidays for each row execute function note_holiday();
create trigger note_move after update of day on holidays
    for each row when (new.day <> old.day) execute function note_holiday();
create function note_hours() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if tg_op <> 'INSERT' then
        insert into calendar_changes (cause, weekday, opens, closes)
        values ('business hours', old.weekday, old.opens, old.closes);
    end if;
    if tg_op = 'INSERT' or tg_op = 'UPDATE' and new.weekday <> old.weekday then
        insert into calendar_changes (cause, weekday) values ('business hours', new.weekday);
    end if;
    perform enqueue('calendar', 'shop', 0);
    return null;
end $$;
create trigger note_change after insert or update or delete on business_hours
    for each row execute function note_hours();
create function note_calendar() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    insert into calendar_changes (cause, time_zone, cut_off)
    values (case when new.time_zone <> old.time_zone then 'time zone' else 'cut-off' end, old.time_zone, old.cut_off);
    perform enqueue('calendar', 'shop', 0);
    return null;
end $$;
create trigger note_change after update on business_calendar
    for each row when ((new.time_zone, new.cut_off) is distinct from (old.time_zone, old.cut_off))
    execute function note_calendar();

-- The instant at which a zone's clocks show a local time: the first, where they show it twice;
-- the end of the gap, where they skip it.
create function local_instant(shown timestamp, zone text) returns timestamptz
language plpgsql stable set search_path = packline, pg_catalog as $$
declare
    -- By how much the clocks were ahead the day before.
    ahead interval := (shown - interval '1 day')
        - ((shown - interval '1 day') at time zone zone) at time zone 'UTC';
    found timestamptz := (shown - ahead) at time zone 'UTC';
begin
    if found at time zone zone = shown then
        return found;
    elsif (shown at time zone zone) at time zone zone = shown then
        return shown at time zone zone;
    end if;
    while ((found - interval '1 minute') at time zone zone)
          - ((found - interval '1 minute') at time zone 'UTC') <> ahead loop
        found := found - interval '1 minute';
    end loop;
    return found;
end $$;

-- That day if it is a business day, else the next one; then so many business days on. Null past 731
-- of them, or where holidays put it off by more than a year: see the program's domain::calendar.
create function business_day(first date, days integer) returns date
language sql stable set search_path = packline, pg_catalog
begin atomic
    select day::date from generate_series(first::timestamp, first + (7 * least(days, 731) + 372) * interval '1 day',
                                           interval '1 day') day
    where days <= 731 and extract(isodow from day) in (select weekday from business_hours)
      and day::date not in (select h.day from holidays h)
    order by day offset days limit 1;
end;

-- By when an order leaves that is placed at that instant: see the program's domain::promises.
create function promised_ship_by(placed timestamptz, lead_days integer) returns timestamptz
language sql stable set search_path = packline, pg_catalog
begin atomic
    select local_instant(leaves + h.closes * interval '1 minute', c.time_zone)
    from business_calendar c
    cross join lateral (select (placed at time zone c.time_zone) as local) at
    cross join lateral (select business_day(at.local::date, lead_days + case
        when at.local::time >= c.cut_off and business_day(at.local::date, 0) = at.local::date
        then 1 else 0 end) as leaves) going
    join business_hours h on h.weekday = extract(isodow from leaves);
end;

-- By when what leaves by that instant arrives: the end of the local day.
create function promised_deliver_by(ship_by timestamptz, transit_days integer) returns timestamptz
language sql stable set search_path = packline, pg_catalog
begin atomic
    select local_instant(
        business_day((ship_by at time zone c.time_zone)::date, transit_days) + interval '1 day', c.time_zone)
    from business_calendar c;
end;

-- The day, in the shop's zone, by which an order arrives by its promise.
create function promised_day(an_order orders) returns date
language sql stable security definer set search_path = packline, pg_temp
begin atomic
    select ((an_order.deliver_by - interval '1 second') at time zone c.time_zone)::date from business_calendar c;
end;

-- Units of our own stock of a product that orders placed up to then leave free. What they want is
-- counted only where there is something to have. Each order is looked up by its line: a planner that may
-- begin with the open orders does, while nobody has counted them yet.
create function free_units(product bigint, placed timestamptz default 'infinity', placed_id bigint default 0)
returns bigint
language sql stable security definer set search_path = packline, pg_temp
begin atomic
    select case when own.units <= 0 then 0 else greatest(0, own.units
         - coalesce((select sum(l.unallocated) from order_lines l
                     where l.product_id = product and l.unallocated > 0
                       and (select comes_first(o) and (o.placed_at, o.id) < (placed, placed_id)
                            from orders o where o.id = l.order_id)), 0)) end
    from (select coalesce(sum(s.on_hand - s.reserved), 0) as units
          from stock_levels s join locations p on p.id = s.location_id
          where s.product_id = product and p.supplier_id is null) own;
end;

-- The currency that most of the latest offers are in: we pay in it where no order says otherwise.
create function buying_currency() returns text
language sql stable security definer set search_path = packline, pg_temp
begin atomic
    select currency from (select currency from supplier_offers order by id desc limit 1000) latest
    group by currency order by count(*) desc, currency limit 1;
end;

-- The offers for a product that compete, the cheapest first: those in the wanted currency. Nobody
-- knows here what a currency is worth in another, so one in another currency is there only where
-- nobody who can be written to offers it in the wanted one, and is compared with those of its own
-- only. Who cannot be written to comes last. A supplier in `without` has said no.
create function competing_offers(product bigint, wanted text, without bigint[] default '{}')
returns setof supplier_offers
language sql stable
begin atomic
    select o.* from supplier_offers o join suppliers p on p.id = o.supplier_id
    where o.product_id = product and o.supplier_id <> all (without)
      and (o.currency = wanted or not exists (
          select from supplier_offers s join suppliers a on a.id = s.supplier_id
          where s.product_id = product and s.currency = wanted and s.supplier_id <> all (without)
            and has_address(a)))
    order by not has_address(p), o.currency <> wanted, o.currency, o.unit_cost, o.lead_time_days, o.supplier_id;
end;

-- Days until a product can leave: 0 from our own stock, else the lead time of the supplier that we
-- would ask, paying in that currency; null where neither has it.
create function lead_days(product bigint, units integer, paying text,
                          placed timestamptz default 'infinity', placed_id bigint default 0)
returns integer
language plpgsql stable security definer set search_path = packline, pg_temp as $$
begin
    -- Not one expression in SQL: that would be planned anew for every product of an import.
    if free_units(product, placed, placed_id) >= units then
        return 0;
    end if;
    return (select lead_time_days from competing_offers(product, paying) limit 1);
end $$;

-- Why a shipping option does not take an order, for people; null where it does. Weights are grams,
-- as far as the products' are known.
create function option_refuses(option shipping_options, paying text, country text, weight bigint) returns text
language sql immutable
begin atomic
    select case
        when option.currency <> paying
            then format('it has a price in %s, the order is in %s', option.currency, paying)
        when option.countries <> '{}' and coalesce(country, '') = ''
            then 'it is not known to which country the order goes'
        when option.countries <> '{}' and upper(country) <> all (option.countries)
            then format('it does not serve %s', country)
        when weight > option.max_weight_g
            then format('it takes %s g at most, the order weighs %s g', option.max_weight_g, weight)
        end;
end;

-- Why an order's own option does not take it; null where it does, or where it has none.
create function refused_option(an_order orders) returns text
language sql stable
begin atomic
    select option_refuses(s, an_order.currency, nullif(an_order.shipping_address ->> 'country', ''), (
        select sum(t.weight_g::bigint * (l.ordered - l.cancelled))::bigint
        from order_lines l join products t on t.id = l.product_id
        where l.order_id = an_order.id and l.requires_shipping))
    from shipping_options s where s.id = an_order.shipping_option_id;
end;

-- The same with the option's name, as people read it.
create function unfit_option(an_order orders) returns text
language sql stable
begin atomic
    select s.name || ': ' || refused_option(an_order)
    from shipping_options s where s.id = an_order.shipping_option_id;
end;

-- While an order is on hold, or is not paid for any more, nobody is told to send it, or that it comes; nor
-- when its money went back after it had left. Nor is its customer told what no longer stands, or by when
-- it comes while its shipping option does not take it.
create function is_kept_back(a_notice notices) returns boolean
language sql stable security definer set search_path = packline, pg_temp
begin atomic
    select a_notice.kind in ('order_confirmation', 'delay', 'purchase_order')
       and exists (select from orders o where o.id = a_notice.order_id and (
           o.stage = 'on_hold' or not is_wanted(o)
           or o.stage in ('new', 'confirmed', 'processing', 'partially_shipped') and (
               not is_paid(o)
               or a_notice.kind = 'order_confirmation' and (a_notice.outdated or refused_option(o) is not null)
               or a_notice.occasion like 'late:%'
                  and (refused_option(o) is not null
                       or a_notice.occasion is distinct from 'late:' || to_char(promised_day(o), 'YYYY-MM-DD')))));
end;

-- A confirmation that has not left when what it says changes is written anew. Orders that have left are
-- looked at no more, and theirs leaves as it is.
create function outdate_confirmation(an_order bigint) returns void
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    update notices set outdated = true
    where kind = 'order_confirmation' and subject_kind = 'order' and subject_id = an_order
      and state in ('held', 'queued', 'failed') and not outdated;
    if found then
        perform enqueue('order', 'order', an_order);
    end if;
end $$;
create function outdate_by_order() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform outdate_confirmation(new.id);
    return null;
end $$;
create trigger outdate_confirmation after update on orders
    for each row when (new.stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
        and (new.shipping_address, new.deliver_by, new.total, new.shipping, new.tax, new.discount)
            is distinct from
            (old.shipping_address, old.deliver_by, old.total, old.shipping, old.tax, old.discount))
    execute function outdate_by_order();
create function outdate_by_line() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform outdate_confirmation(new.order_id);
    return null;
end $$;
create trigger outdate_confirmation after update on order_lines
    for each row when ((new.ordered, new.cancelled, new.sku, new.title, new.unit_price)
                       is distinct from (old.ordered, old.cancelled, old.sku, old.title, old.unit_price))
    execute function outdate_by_line();

-- What may be promised to a customer before the purchase: no row where the product is not known,
-- cannot be had, or the option does not serve that country or weight.
create function quote(
    sku text, option text, country text, units integer default 1, at timestamptz default now(),
    out ship_by timestamptz, out deliver_by timestamptz, out lead_days integer,
    out currency text, out price bigint, out free_over bigint
) returns setof record
language plpgsql stable security definer set search_path = packline, pg_temp as $$
#variable_conflict use_column
begin
    if quote.units is null or quote.units not between 1 and 1000000 then
        raise exception 'units: expected a number from 1 to 1000000, found %', coalesce(quote.units::text, 'none')
            using errcode = 'invalid_parameter_value';
    elsif quote.at is null or quote.at not between now() - interval '10 years' and now() + interval '10 years' then
        raise exception 'at: expected a time within ten years, found %', coalesce(quote.at::text, 'none')
            using errcode = 'invalid_parameter_value';
    end if;
    return query
    select left_by.at, arrives.at, lead.days,
           s.currency, s.price, s.free_over
    from products p
    join shipping_options s on s.name = quote.option
        and option_refuses(s, s.currency, quote.country, coalesce(p.weight_g, 0)::bigint * quote.units) is null
    cross join lateral (select lead_days(p.id, quote.units, s.currency) as days) lead
    cross join lateral (select promised_ship_by(quote.at, lead.days) as at) left_by
    cross join lateral (select promised_deliver_by(left_by.at, s.transit_days_max) as at) arrives
    where p.sku = quote.sku and lead.days is not null and arrives.at is not null
    order by s.currency;
end $$;

-- What people are alerted to: raised once, cleared by itself.
create table alerts (
    id bigint generated always as identity primary key,
    kind text not null check (kind in
        ('low_stock', 'stuck', 'silent', 'unaddressed', 'unsent', 'overdue', 'lost', 'dead_job', 'failing_job',
         'stale_label')),
    subject_kind text not null,
    subject_id bigint not null,
    reason text not null,
    raised_at timestamptz not null default clock_timestamp(),
    cleared_at timestamptz,
    -- What a person decided of work that was given up: to try it again, or that it is done.
    settled text check (settled in ('retried', 'done')),
    version bigint not null default 1,
    updated_at timestamptz not null default clock_timestamp(),
    constraint alerts_settled_when check (settled is null or (kind = 'dead_job' and cleared_at is not null))
);
create unique index alerts_once on alerts (kind, subject_kind, subject_id) where cleared_at is null;
create index alerts_of_subject on alerts (subject_kind, subject_id);

-- The last day, in the shop's zone, on which what was accepted for our own stock should have left its supplier;
-- null where all of it has arrived. Without an offer, nobody knows of a lead time.
create function leaves_on(purchase purchase_orders) returns date
language sql stable security definer set search_path = packline, pg_temp
begin atomic
    select business_day((purchase.answered_at at time zone c.time_zone)::date, max(coalesce(o.lead_time_days, 0)))
    from purchase_order_lines l
    cross join business_calendar c
    left join supplier_offers o on o.product_id = l.product_id and o.supplier_id = purchase.supplier_id
    where l.purchase_order_id = purchase.id and l.received < l.quantity
      and purchase.state = 'accepted' and purchase.fulfilment_id is null
    group by c.time_zone;
end;
create function is_overdue(purchase purchase_orders, at timestamptz) returns boolean
language sql stable security definer set search_path = packline, pg_temp
begin atomic
    select coalesce(purchase.state = 'accepted' and leaves_on(purchase) <
                    (select (at at time zone time_zone)::date from business_calendar), false);
end;

-- Whether no mail brings it to its supplier: that has no address, the worker gave its work up, or the mail
-- was refused or stopped.
create function is_unmailed(purchase purchase_orders) returns boolean
language sql stable security definer set search_path = packline, pg_temp
begin atomic
    select is_to_be_asked(purchase) and case purchase.state
        when 'sent' then exists (
            select from notices where kind = 'purchase_order' and subject_kind = 'purchase_order'
            and subject_id = purchase.id and state in ('failed', 'cancelled'))
        else exists (select from suppliers s where s.id = purchase.supplier_id and not has_address(s))
          or exists (
            select from alerts a left join fulfilments f on f.id = purchase.fulfilment_id
            where a.kind = 'dead_job' and a.cleared_at is null
              and a.subject_kind = case when f.id is null then 'purchase_order' else 'order' end
              and a.subject_id = coalesce(f.order_id, purchase.id)) end;
end;
select watch('alerts', 'alert', 'alerts', 'id');

-- What people are alerted to is part of what an order, a parcel or a product's stock shows.
create function tell_alerted() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    insert into change (kind, id, version)
    select 'order', o.id, o.version from orders o
    where o.id in (select subject_id from new_rows where subject_kind = 'order')
    union all
    select 'shipment', s.id, s.version from shipments s
    where s.id in (select subject_id from new_rows where subject_kind = 'shipment')
    union all
    select 'stock', s.id, s.version from stock_levels s
    where s.id in (select subject_id from new_rows where subject_kind = 'stock'
                   union
                   select l.id from new_rows n join stock_levels l on l.product_id = n.subject_id
                   where n.subject_kind = 'product'
                   union
                   select l.id from new_rows n
                   join purchase_order_lines b on b.purchase_order_id = n.subject_id
                   join stock_levels l on l.product_id = b.product_id
                   where n.kind = 'dead_job' and n.subject_kind = 'purchase_order');
    return null;
end $$;
create trigger tell_insert after insert on alerts
    referencing new table as new_rows for each statement execute function tell_alerted();
create trigger tell_update after update on alerts
    referencing new table as new_rows for each statement execute function tell_alerted();

-- A parcel that was lost, or came back, keeps its order in sight until somebody has decided; and one
-- that arrives after all, while what was to leave in its place is still here or is yet to be found.
create function judge_lost(an_order bigint) returns void
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    why text := (select string_agg(said, '; ' order by id, said) from (
        select id, format('SHP-%s %s: send-again or write-off', id,
                          case state when 'lost' then 'is lost' else 'came back' end) as said
        from shipments
        where order_id = an_order and state in ('lost', 'returned_to_sender') and settled is null
        union all
        -- Made void alone it would be packed anew.
        select first.id, format('SHP-%s has arrived: unreserve makes SHP-%s void', first.id, other.id)
        from shipments first
        join shipments other on other.order_id = first.order_id and other.state in ('draft', 'labelled')
             and other.fulfilment_id <> first.fulfilment_id
        where first.order_id = an_order and first.state = 'lost' and first.settled = 'sent_again'
          and first.tracking_status = 'delivered'
          and exists (select from shipment_lines sl
                      join fulfilment_lines fl on fl.order_line_id = sl.order_line_id
                      where sl.shipment_id = first.id and fl.fulfilment_id = other.fulfilment_id)
        union all
        select first.id, format('SHP-%s has arrived: %s', first.id, case
                   when bool_or(l.requested > 0) then 'cancel takes back what a supplier was asked for in its place'
                   when bool_or(l.reserved > 0) then 'unreserve gives back what is set aside in its place'
                   when o.covered_by_hand then 'cancel, or it is sent again by who reserves or routes it'
                   else 'cancel, or it is sent again once somebody has it' end)
        from shipments first
        join orders o on o.id = first.order_id
             and o.stage in ('confirmed', 'processing', 'on_hold', 'partially_shipped')
        join shipment_lines sl on sl.shipment_id = first.id
        join order_lines l on l.id = sl.order_line_id and (l.unallocated > 0 or l.reserved > 0 or l.requested > 0)
        where first.order_id = an_order and first.state = 'lost' and first.settled = 'sent_again'
          and first.tracking_status = 'delivered'
          -- It is not packed yet, and has not left.
          and not exists (select from shipments other join shipment_lines ol on ol.shipment_id = other.id
                          where other.order_id = an_order and other.id > first.id
                            and ol.order_line_id = l.id and other.state <> 'void')
        group by first.id, o.covered_by_hand) told);
begin
    if why is null then
        update alerts set cleared_at = clock_timestamp()
        where kind = 'lost' and subject_kind = 'order' and subject_id = an_order and cleared_at is null;
    else
        insert into alerts (kind, subject_kind, subject_id, reason) values ('lost', 'order', an_order, why)
        on conflict (kind, subject_kind, subject_id) where cleared_at is null
        do update set reason = excluded.reason where alerts.reason <> excluded.reason;
    end if;
end $$;
create function alert_lost() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform judge_lost(new.order_id);
    return null;
end $$;
create trigger alert_lost after update of state, settled, tracking_status on shipments
    for each row when ((new.state, new.settled, new.tracking_status)
                       is distinct from (old.state, old.settled, old.tracking_status)
                       and (new.state in ('lost', 'returned_to_sender') or old.state <> new.state
                            and (old.state = 'lost' or new.state in ('handed_over', 'void'))))
    execute function alert_lost();
create function alert_packed() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform judge_lost(o.id)
    from shipments s join orders o on o.id = s.order_id and o.again_at is not null
    where s.id = new.shipment_id;
    return null;
end $$;
create trigger alert_packed after insert on shipment_lines
    for each row execute function alert_packed();
create function alert_lost_of_line() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    if exists (select from orders where id = new.order_id and again_at is not null) then
        perform judge_lost(new.order_id);
    end if;
    return null;
end $$;
create trigger alert_lost after update on order_lines
    for each row when ((new.reserved, new.requested, new.cancelled)
                       is distinct from (old.reserved, old.requested, old.cancelled))
    execute function alert_lost_of_line();
create function alert_lost_of_order() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform judge_lost(new.id);
    return null;
end $$;
create trigger alert_lost after update of covered_by_hand on orders
    for each row when (new.covered_by_hand <> old.covered_by_hand) execute function alert_lost_of_order();

-- Work that was given up is enqueued again or forgotten, as a person decided; that is told where the
-- work shows.
create function settle_dead_jobs() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
declare
    dead record;
begin
    for dead in
        delete from jobs
        where dead_at is not null and subject_kind = new.subject_kind and subject_id = new.subject_id
        returning kind
    loop
        if new.settled = 'retried' then
            perform enqueue(dead.kind, new.subject_kind, new.subject_id);
        end if;
    end loop;
    if coalesce(current_setting('packline.act_id', true), '') = '' then
        return null;
    end if;
    for dead in
        select new.subject_kind as kind, new.subject_id as id where new.subject_kind in ('order', 'shipment')
        union all
        select 'stock', id from stock_levels where new.subject_kind = 'product' and product_id = new.subject_id
        union all
        select 'stock', s.id
        from purchase_order_lines l join stock_levels s on s.product_id = l.product_id
        where new.subject_kind = 'purchase_order' and l.purchase_order_id = new.subject_id
        order by 2
    loop
        perform write_activity(dead.kind, dead.id, 'jobs', 'update',
                               jsonb_build_object('work', jsonb_build_array('given up', new.settled)));
        case dead.kind
            when 'order' then update orders set version = version + 1 where id = dead.id;
            when 'shipment' then update shipments set version = version + 1 where id = dead.id;
            else update stock_levels set version = version + 1 where id = dead.id;
        end case;
    end loop;
    return null;
end $$;
create trigger settle_dead_jobs after update of settled on alerts
    for each row when (new.settled is not null and old.settled is null)
    execute function settle_dead_jobs();

-- Ends the alert of a kind about what a row is of; how it was settled, where that is to be said.
create function end_alert() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    update alerts set cleared_at = clock_timestamp(), settled = tg_argv[2]
    where kind = tg_argv[0] and subject_kind = tg_argv[1] and subject_id = new.id and cleared_at is null;
    return null;
end $$;
-- A parcel that has left, or never will, needs no label any more.
create trigger need_no_label after update of state on shipments
    for each row when (new.state <> old.state and new.state not in ('draft', 'labelled'))
    execute function end_alert('dead_job', 'shipment', 'done');
-- What was overdue and has come, or will not, is not told for another minute.
create function settle_overdue() returns trigger
language plpgsql security definer set search_path = packline, pg_temp as $$
begin
    perform enqueue('sweep', 'shop', 0)
    where exists (select from purchase_order_lines l
                  join stock_levels t on t.product_id = l.product_id
                  join alerts a on a.kind = 'overdue' and a.subject_kind = 'stock' and a.subject_id = t.id
                      and a.cleared_at is null
                  where l.purchase_order_id = new.id);
    return null;
end $$;
create trigger settle_overdue after update of state on purchase_orders
    for each row when (old.state = 'accepted' and new.state <> 'accepted' and new.fulfilment_id is null)
    execute function settle_overdue();
-- A purchase order that went to its supplier by other means, or will not, needs no mail any more.
create trigger need_no_mail after update of state on purchase_orders
    for each row when (old.state = 'draft' and new.state <> 'draft' and new.fulfilment_id is null)
    execute function end_alert('dead_job', 'purchase_order', 'done');

-- How each supplier did in the last 90 days. Routing reads it; the worker keeps it.
create table supplier_scores (
    supplier_id bigint primary key references suppliers,
    -- Purchase orders that were answered, and those that were accepted.
    answered integer not null,
    accepted integer not null,
    -- Parcels that left, and those that left by the promise.
    shipped integer not null,
    on_time integer not null,
    reckoned_at timestamptz not null default clock_timestamp()
);
create index shipments_handed_over on shipments (handed_over_at) where handed_over_at is not null;
create index purchase_orders_answered on purchase_orders (answered_at) where answered_at is not null;

-- How many promises were kept, by week (it begins on Monday, in the shop's zone) and by who shipped.
create function promises_kept(since timestamptz, until timestamptz default now())
returns table (week date, source text, parcels bigint, kept bigint)
language sql stable set search_path = packline, pg_catalog
begin atomic
    select date_trunc('week', s.handed_over_at at time zone c.time_zone)::date, p.name, count(*),
           count(*) filter (where s.handed_over_at <= o.ship_by)
    from shipments s
    join orders o on o.id = s.order_id
    join fulfilments f on f.id = s.fulfilment_id
    join locations p on p.id = f.location_id
    cross join business_calendar c
    where s.handed_over_at >= since and s.handed_over_at < until and o.ship_by is not null
    group by 1, 2 order by 1, 2;
end;

-- Which goods are inspected before they leave, in percent; a row without product and supplier is
-- for all others, and the most telling row decides.
create table inspection_plans (
    id bigint generated always as identity primary key,
    product_id bigint references products,
    supplier_id bigint references suppliers,
    percent smallint not null check (percent between 0 and 100)
);
create unique index inspection_plans_once on inspection_plans (coalesce(product_id, 0), coalesce(supplier_id, 0));
insert into inspection_plans (percent) values (5);
create index inspections_stock on inspections (stock_level_id) where stock_level_id is not null;

-- What comes again.
insert into jobs (kind, subject_kind, subject_id, dedupe_key, run_at, every) values
    ('sweep', 'shop', 0, 'sweep:0', 'epoch', '1 minute'),
    ('overdue', 'shop', 0, 'overdue:0', 'epoch', '1 hour'),
    ('housekeeping', 'shop', 0, 'housekeeping:0', 'epoch', '10 minutes'),
    ('scores', 'shop', 0, 'scores:0', 'epoch', '1 hour');

grant select on promise_changes, calendar_changes, business_calendar, business_hours, holidays, alerts, supplier_scores, inspection_plans
    to packline_viewer;
grant select on business_calendar, business_hours, holidays to packline_shop;
grant execute on function local_instant, business_day, promised_ship_by, promised_deliver_by,
    comes_first, is_unanswered, free_units, buying_currency, competing_offers, lead_days, option_refuses, refused_option,
    unfit_option, promised_day, quote, promises_kept, is_kept_back, is_known, is_to_be_asked, is_unmailed, is_overdue,
    leaves_on, units_sent, has_address, is_paid, is_wanted
    to packline_viewer;
grant execute on function enqueue to packline_supervisor, packline_worker;
grant execute on function local_instant, business_day, promised_ship_by, promised_deliver_by, lead_days, option_refuses, quote
    to packline_shop;
grant insert, update, delete on
    business_calendar, business_hours, holidays, alerts, supplier_scores, inspection_plans
    to packline_worker, packline_admin;

grant select on unsettled_promises to packline_viewer;
grant insert, delete on unsettled_promises to packline_worker, packline_admin;

select keep_history('business_calendar', 'shop', key => 'single');
select keep_history('business_hours', 'shop', key => 'weekday');
select keep_history('holidays', 'shop', key => 'day');
select keep_history('inspection_plans', 'shop');
