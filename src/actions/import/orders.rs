//! Importing orders of a sales channel.
//!
//! An order that changed in the channel (paid, refunded, cancelled, another address, other lines)
//! changes here as far as it still can. What the channel no longer wants is cancelled here unless a
//! supplier was asked for it or it has left: then the order is rejected, for a person to decide. A
//! cancellation takes back what has not left; where all has left, it is rejected and noted at the
//! order, and the rest of what the channel says is taken. What was promised when an order came stays
//! promised, unless an older order of the same import wants the stock.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::promises::{self, promise};
use super::{Failed, Import, Run, Summary, Verdict};
use crate::domain::incoming::{Line, Order};
use crate::domain::orders::Stage;
use crate::intake::shopify::Orders;
use crate::intake::{Fault, Rejection, digest, hex};
use crate::store::calendar;
use crate::store::db::{Db, DbError};
use crate::store::import::orders::{self as store, Known, KnownLine, Told};
use crate::store::import::promises::{leads, unsettle};

/// Imports Shopify's `orders_export` CSV into a channel, which is made where it is not there yet.
/// New orders are promised by the business calendar.
pub async fn import(
    run: Run<'_>,
    source: impl Read + Send,
    file: &str,
    channel: &str,
) -> Result<Summary, Failed> {
    match Orders::open(source, file) {
        Ok(orders) => put(run, orders, file, channel).await,
        Err(fault) => super::unopened(fault),
    }
}

/// As [`import`], of orders that were read before.
pub(in crate::actions) async fn put(
    run: Run<'_>,
    orders: impl Iterator<Item = Result<Order, Fault>> + Send,
    file: &str,
    channel: &str,
) -> Result<Summary, Failed> {
    let importer = ChannelOrders {
        file: file.to_owned(),
        channel: channel.to_owned(),
        made: Mutex::default(),
    };
    super::run(run, importer, orders).await
}

struct ChannelOrders {
    file: String,
    channel: String,
    /// The keys of new orders, by transaction; of those that were rolled back too.
    made: Mutex<Vec<Vec<i64>>>,
}

impl Import for ChannelOrders {
    type Value = Order;

    const BATCH: usize = 100;

    async fn write(
        &self,
        connection: &mut PgConnection,
        orders: &[Order],
    ) -> Result<Vec<Verdict>, DbError> {
        let channel = store::channel(connection, &self.channel).await?;
        let keys: Vec<_> = orders
            .iter()
            .map(|order| order.external_id.clone())
            .collect();
        let numbers: Vec<_> = orders.iter().map(|order| order.number.clone()).collect();
        let known = store::known(connection, channel, &keys, &numbers).await?;
        let told: Vec<_> = orders.iter().map(told).collect();
        let too_late = too_late(connection, &told, &known).await?;
        let plans = plan(&told, &known, &too_late);
        let fresh: Vec<_> = told
            .iter()
            .zip(&plans)
            .filter(|(_, plan)| matches!(plan, Plan::Create))
            .map(|(told, _)| told)
            .collect();
        let touched: Vec<_> = told
            .iter()
            .zip(&plans)
            .filter(|(_, plan)| matches!(plan, Plan::Create | Plan::Update { .. }))
            .map(|(told, _)| told)
            .collect();
        if !touched.is_empty() {
            store::put_parties(connection, &touched).await?;
        }
        if !fresh.is_empty() {
            let leads = leads(connection, &fresh).await?;
            let placed = fresh.iter().map(|told| told.order.placed_at);
            let business =
                calendar::load(connection, placed.min().unwrap_or(DateTime::UNIX_EPOCH)).await?;
            let promised: Vec<_> = fresh
                .iter()
                .map(|told| promise(told, &leads, &business))
                .collect();
            let promised: Vec<_> = promised.iter().collect();
            let made = store::insert(connection, channel, &promised).await?;
            unsettle(connection, &made, &self.file).await?;
            self.made().push(made);
        }
        let mut verdicts = Vec::with_capacity(orders.len());
        for (told, plan) in told.iter().zip(plans) {
            verdicts.push(match plan {
                Plan::Create => Verdict::Created,
                Plan::Keep { too_late: None } => Verdict::Unchanged,
                Plan::Keep {
                    too_late: Some(too_late),
                } => Verdict::Rejected(vec![self.rejection(told, &too_late)]),
                Plan::Update { id, too_late: None } => {
                    self.change(connection, id, told, false).await?;
                    Verdict::Updated
                }
                Plan::Update {
                    id,
                    too_late: Some(too_late),
                } => {
                    self.change(connection, id, told, true).await?;
                    store::note_once(connection, id, &too_late.note()).await?;
                    Verdict::UpdatedBut(vec![self.rejection(told, &too_late)])
                }
                Plan::Reject {
                    field,
                    value,
                    reason,
                } => Verdict::Rejected(vec![Rejection::new(
                    &self.file,
                    told.order.line,
                    field,
                    &value,
                    &reason,
                )]),
            });
        }
        if !touched.is_empty() {
            store::put_money(connection, channel, &touched).await?;
        }
        Ok(verdicts)
    }

    fn line(&self, order: &Order) -> u64 {
        order.lines.last().map_or(order.line, |line| line.line)
    }

    fn file<'v>(&'v self, _: &'v Order) -> &'v str {
        &self.file
    }

    fn refused(&self, order: &Order, reason: &str) -> Vec<Rejection> {
        vec![Rejection::new(
            &self.file,
            order.line,
            "Name",
            &order.number,
            reason,
        )]
    }

    /// Promises hold within a transaction: only where there were more may they have to move, in this run
    /// or in one that was killed.
    async fn finish(&self, db: &Db) -> Result<(), DbError> {
        let made = std::mem::take(&mut *self.made());
        promises::settle(db, &self.file, &made).await
    }

    /// The same key twice under two numbers is for two transactions.
    fn apart(&self, batch: &[Order], order: &Order) -> bool {
        batch
            .iter()
            .any(|other| other.external_id == order.external_id)
    }
}

impl ChannelOrders {
    fn made(&self) -> MutexGuard<'_, Vec<Vec<i64>>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn rejection(&self, told: &Told<'_>, too_late: &TooLate) -> Rejection {
        Rejection::new(
            &self.file,
            told.order.line,
            "Cancelled at",
            &too_late.at.to_rfc3339(),
            format!(
                "expected an order of which some has not left, it is {}: \
                 what a customer does not want then is a return",
                too_late.stage.label()
            ),
        )
    }

    /// Changes an order that is there to what the channel now says; with `too_late` it is not cancelled.
    async fn change(
        &self,
        connection: &mut PgConnection,
        id: i64,
        told: &Told<'_>,
        too_late: bool,
    ) -> Result<(), DbError> {
        if told.order.cancelled_at.is_some() && !too_late {
            store::release(connection, id).await?;
        }
        let lines = store::lines(connection, id).await?;
        for step in steps(told.order, lines) {
            match step {
                Step::Set {
                    line,
                    ordered,
                    cancelled,
                    release,
                    told,
                } => {
                    if release {
                        store::release_line(connection, line).await?;
                    }
                    store::update_line(connection, line, ordered, cancelled, told).await?;
                }
                Step::Add {
                    position,
                    cancelled,
                    told,
                } => {
                    store::add_line(connection, id, position, cancelled, told).await?;
                }
            }
        }
        store::update(connection, id, told, too_late).await
    }
}

/// What is to be done with an order.
enum Plan {
    Create,
    /// Cancelled or not, the rest of what the channel says is taken.
    Update {
        id: i64,
        too_late: Option<TooLate>,
    },
    /// The channel says what it said before.
    Keep {
        too_late: Option<TooLate>,
    },
    Reject {
        field: &'static str,
        value: String,
        reason: String,
    },
}

/// That the channel cancels an order of which all has left.
struct TooLate {
    at: DateTime<Utc>,
    stage: Stage,
}

impl TooLate {
    fn note(&self) -> String {
        format!(
            "the channel cancelled it on {}, when all of it had left: \
             what the customer does not want is a return",
            self.at.format("%Y-%m-%d")
        )
    }
}

/// The orders of which all has left, of those that the channel cancels now.
async fn too_late(
    connection: &mut PgConnection,
    orders: &[Told<'_>],
    known: &[Known],
) -> Result<Vec<i64>, DbError> {
    let cancelled: HashSet<_> = orders
        .iter()
        .filter(|told| told.order.cancelled_at.is_some())
        .map(|told| told.order.external_id.as_str())
        .collect();
    let cancelled: Vec<_> = known
        .iter()
        .filter(|order| !order.cancelled && cancelled.contains(order.external_id.as_str()))
        .map(|order| order.id)
        .collect();
    if cancelled.is_empty() {
        return Ok(Vec::new());
    }
    store::all_left(connection, &cancelled).await
}

fn plan(orders: &[Told<'_>], known: &[Known], left: &[i64]) -> Vec<Plan> {
    let by_key: HashMap<_, _> = known
        .iter()
        .map(|order| (order.external_id.as_str(), order))
        .collect();
    let taken: HashMap<_, _> = known
        .iter()
        .map(|order| (order.number.as_str(), order.external_id.as_str()))
        .collect();
    let mut names = HashSet::new();
    let plan = |told: &Told<'_>| {
        let order = told.order;
        let owner = taken.get(order.number.as_str());
        if owner.is_some_and(|owner| *owner != order.external_id)
            || !names.insert(order.number.as_str().to_owned())
        {
            return Plan::Reject {
                field: "Name",
                value: order.number.clone(),
                reason: format!("another order of this channel is {}", order.number),
            };
        }
        match by_key.get(order.external_id.as_str()) {
            None => Plan::Create,
            Some(before) => {
                let too_late = order
                    .cancelled_at
                    .filter(|_| left.contains(&before.id))
                    .map(|at| TooLate {
                        at,
                        stage: before.stage,
                    });
                if before.digest.as_deref().map(hex).as_ref() == Some(&told.digest) {
                    return Plan::Keep { too_late };
                }
                // It is there in another currency, and what was paid with it.
                if before.currency != order.currency.code() {
                    return Plan::Reject {
                        field: "Currency",
                        value: order.currency.code().to_owned(),
                        reason: format!("expected {}, as before", before.currency),
                    };
                }
                Plan::Update {
                    id: before.id,
                    too_late,
                }
            }
        }
    };
    orders.iter().map(plan).collect()
}

fn told(order: &Order) -> Told<'_> {
    let name = [&order.shipping.name, &order.billing.name]
        .into_iter()
        .find(|name| !name.is_empty());
    let phone = [&order.shipping.phone, &order.billing.phone];
    Told {
        order,
        customer_name: name.or(order.email.as_ref()).map_or("", String::as_str),
        contact_phone: order.phone.as_deref().or_else(|| {
            phone
                .into_iter()
                .map(String::as_str)
                .find(|phone| !phone.is_empty())
        }),
        digest: hex(&digest(order)),
        ship_by: None,
        deliver_by: None,
    }
}

/// One change of an order's lines.
#[derive(Debug, PartialEq)]
enum Step<'a> {
    /// Sets the units of a line; with `release` its reservations end first.
    Set {
        line: i64,
        ordered: i32,
        cancelled: i32,
        release: bool,
        told: Option<&'a Line>,
    },
    /// Adds a line.
    Add {
        position: i32,
        cancelled: i32,
        told: &'a Line,
    },
}

/// How the lines that are there become those that the channel tells. The channel does not name its
/// lines, so the first line of a SKU is the first line of that SKU, and so on.
fn steps(order: &Order, known: Vec<KnownLine>) -> Vec<Step<'_>> {
    let mut next = known.iter().map(|line| line.position).max().unwrap_or(0);
    let mut left = known;
    let mut steps = Vec::new();
    // What a cancelled order sent before stays sent.
    let cancelled = order.cancelled_at.is_some();
    for told in &order.lines {
        if let Some(at) = left.iter().position(|line| line.sku == told.sku) {
            let line = left.remove(at);
            let wanted = if cancelled {
                line.committed
            } else {
                told.quantity
            };
            steps.push(set(&line, wanted, Some(told)));
        } else {
            next += 1;
            let cancelled = if cancelled { told.quantity } else { 0 };
            steps.push(Step::Add {
                position: next,
                cancelled,
                told,
            });
        }
    }
    for line in &left {
        steps.push(set(line, if cancelled { line.committed } else { 0 }, None));
    }
    steps
}

/// Sets how many units of a line are wanted. Units that are not wanted any more are cancelled, never
/// taken off what was ordered, and those that were cancelled stay so. Reservations end where they
/// are in the way; where committed units are, the database refuses.
fn set<'a>(line: &KnownLine, wanted: i32, told: Option<&'a Line>) -> Step<'a> {
    let ordered = line.ordered.max(wanted + line.cancelled);
    let cancelled = ordered - wanted;
    let release = line.reserved > 0 && line.reserved + line.committed > wanted;
    Step::Set {
        line: line.id,
        ordered,
        cancelled,
        release,
        told,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(id: i64, sku: &str, ordered: i32, reserved: i32, committed: i32) -> KnownLine {
        let position = id as i32;
        let sku = sku.to_owned();
        KnownLine {
            id,
            position,
            sku,
            ordered,
            reserved,
            committed,
            cancelled: 0,
        }
    }

    fn order(lines: &[(&str, i32)], cancelled: bool) -> Order {
        let header = "Name,Financial Status,Currency,Subtotal,Total,Created at,Cancelled at,\
                      Lineitem quantity,Lineitem name,Lineitem price,Lineitem sku\n";
        let at = "2026-01-31 14:05:00 +0100";
        let cancelled = if cancelled { at } else { "" };
        let lines: Vec<_> = lines
            .iter()
            .map(|(sku, units)| format!("#1,paid,EUR,1,1,{at},{cancelled},{units},x,1,{sku}\n"))
            .collect();
        let text = header.to_owned() + &lines.concat();
        Orders::open(text.as_bytes(), "o.csv")
            .unwrap()
            .next()
            .unwrap()
            .unwrap()
    }

    fn units(steps: &[Step<'_>]) -> Vec<(i64, i32, i32, bool)> {
        steps
            .iter()
            .map(|step| match step {
                Step::Set {
                    line,
                    ordered,
                    cancelled,
                    release,
                    ..
                } => (*line, *ordered, *cancelled, *release),
                Step::Add {
                    position,
                    cancelled,
                    told,
                } => (-i64::from(*position), told.quantity, *cancelled, false),
            })
            .collect()
    }

    #[test]
    fn fewer_units_are_cancelled_more_are_ordered_and_new_lines_follow() {
        let order = order(&[("B", 5), ("A", 1), ("C", 2)], false);
        let before = vec![
            known(1, "A", 3, 0, 0),
            known(2, "B", 2, 0, 0),
            known(3, "D", 1, 0, 0),
        ];
        assert_eq!(
            units(&steps(&order, before)),
            [
                (2, 5, 0, false),
                (1, 3, 2, false),
                (-4, 2, 0, false),
                (3, 1, 1, false)
            ]
        );
    }

    #[test]
    fn a_cancelled_order_keeps_what_has_left() {
        let order = order(&[("A", 3), ("A", 2)], true);
        let before = vec![known(1, "A", 3, 2, 1), known(2, "A", 2, 0, 0)];
        assert_eq!(
            units(&steps(&order, before)),
            [(1, 3, 2, true), (2, 2, 2, false)]
        );
    }

    #[test]
    fn units_that_came_back_are_ordered_anew() {
        let mut line = known(1, "A", 3, 0, 0);
        line.cancelled = 3;
        let order = order(&[("A", 2)], false);
        assert_eq!(units(&steps(&order, vec![line])), [(1, 5, 3, false)]);
    }
}
