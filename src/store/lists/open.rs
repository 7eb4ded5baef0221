//! Open work: what a pane shows without a filter, in the words of the partial indexes.

use chrono::{DateTime, Utc};
use sqlx::{Postgres, QueryBuilder};

use crate::domain::filter::Filter;
use crate::domain::record::Kind;
use crate::store::stock;

/// Stock levels of which open orders want more than there is.
const SHORT: &str = "
    select short.id from (
        select line.product_id, sum(line.unallocated) as units
        from order_lines line
        where line.unallocated > 0 and line.product_id is not null
          and (select is_wanted(asks) from orders asks where asks.id = line.order_id)
        group by line.product_id) wanted
    join stock_levels short on short.product_id = wanted.product_id
    where wanted.units > short.on_hand - short.reserved";

/// Open work: what the pane shows without a filter. The words are those of the partial indexes.
pub(super) fn push_open(
    sql: &mut QueryBuilder<Postgres>,
    kind: Kind,
    filter: &Filter,
    now: DateTime<Utc>,
) {
    match kind {
        Kind::Order => {
            sql.push(
                "o.stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')",
            );
        }
        Kind::Stock if filter.names_state("muted") => {
            sql.push("s.muted_until > ").push_bind(now);
        }
        Kind::Stock => {
            sql.push("s.id in (");
            stock::push_low(sql, now);
            sql.push(" union ").push(SHORT).push(")");
        }
        Kind::Shipment => {
            sql.push("p.is_open");
        }
        Kind::Inspection => {
            sql.push("i.state in ('pending', 'failed')");
        }
        Kind::Ticket => {
            sql.push("t.state in ('new', 'open', 'pending')");
            if !filter.names_snoozed() {
                sql.push(" and (t.snoozed_until is null or t.snoozed_until <= ");
                sql.push_bind(now).push(")");
            }
        }
    }
}

/// Open work with a promise, each promise once. The words are those of the partial indexes.
///
/// An order all of whose units are covered waits for its checks and its parcels: its promise stands
/// there, where something can be done about it. So does that of a parcel that waits for a check.
pub(super) fn push_next(sql: &mut QueryBuilder<Postgres>, kind: Kind, now: DateTime<Utc>) {
    match kind {
        Kind::Order => {
            sql.push(
                "o.stage in ('new', 'confirmed', 'processing', 'on_hold', 'partially_shipped')
                 and (o.stage = 'on_hold'
                      or exists (select from order_lines open
                                 where open.order_id = o.id and open.unallocated > 0)
                      or not exists (select from inspections open
                                     where open.order_id = o.id and open.state in ('pending', 'failed'))
                         and not exists (select from shipments open
                                         where open.order_id = o.id and open.state in ('draft', 'labelled')))",
            );
        }
        Kind::Stock => {
            sql.push("s.id in (").push(SHORT).push(")");
        }
        Kind::Shipment => {
            sql.push(
                "p.is_open
                 and (p.state not in ('draft', 'labelled')
                      or not exists (select from inspections open
                                     where open.order_id = p.order_id and open.state in ('pending', 'failed')))",
            );
        }
        Kind::Inspection => {
            sql.push("i.state in ('pending', 'failed')");
        }
        Kind::Ticket => {
            sql.push("t.state in ('new', 'open', 'pending') and (t.snoozed_until is null or t.snoozed_until <= ");
            sql.push_bind(now).push(")");
        }
    }
    sql.push(format_args!(
        " and {} < '9999-12-31 00:00+00'",
        due_of(kind)
    ));
}

/// When a kind's promise breaks; an index has it, but for stock.
pub(super) const fn due_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Order => "o.due_at",
        Kind::Stock => stock::DUE,
        Kind::Shipment => "p.due_at",
        Kind::Inspection => "i.due_at",
        Kind::Ticket => "t.due_at",
    }
}
