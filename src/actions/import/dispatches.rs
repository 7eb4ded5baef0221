//! Importing suppliers' dispatch files: each run of lines with one order, carrier, tracking number
//! and day is a parcel, written whole or not at all.

use std::collections::BTreeMap;
use std::io::Read;
use std::iter::Peekable;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::{AHEAD, Failed, Import, Run, Summary, Verdict};
use crate::domain::incoming::Dispatch;
use crate::intake::dispatches::Dispatches;
use crate::intake::{Fault, Rejection};
use crate::store::db::DbError;
use crate::store::import::dispatches::{
    self as store, Content, KnownLine, KnownOrder, KnownParcel, KnownPart, Parcel, Sender,
};

/// Imports a supplier's dispatch file; see [`crate::intake::dispatches`] for its columns. Counts
/// lines, not parcels. A line that left later than `now` and a day is rejected.
pub async fn import(
    run: Run<'_>,
    source: impl Read + Send,
    file: &str,
    now: DateTime<Utc>,
) -> Result<Summary, Failed> {
    let lines = match Dispatches::open(source, file) {
        Ok(lines) => lines.map(|line| line.and_then(|line| left(line, file, now))),
        Err(fault) => return super::unopened(fault),
    };
    put(run, Parcels::of(lines), file).await
}

/// The line, if its parcel can have left by now.
fn left(line: Dispatch, file: &str, now: DateTime<Utc>) -> Result<Dispatch, Fault> {
    if line.shipped_at <= now + AHEAD {
        return Ok(line);
    }
    let at = line.shipped_at.to_rfc3339();
    let reason = "expected a time that has come";
    Err(Rejection::new(file, line.line, "Shipped at", &at, reason).into())
}

/// As [`import`], of parcels that were read before; each is at least one line.
pub(in crate::actions) async fn put(
    run: Run<'_>,
    parcels: impl Iterator<Item = Result<Vec<Dispatch>, Fault>> + Send,
    file: &str,
) -> Result<Summary, Failed> {
    let importer = SentParcels {
        file: file.to_owned(),
    };
    super::run(run, importer, parcels).await
}

/// Lines that follow one another and are in one parcel.
pub(in crate::actions) struct Parcels<I: Iterator> {
    lines: Peekable<I>,
}

impl<I: Iterator> Parcels<I> {
    /// The parcels of these lines.
    pub(in crate::actions) fn of(lines: I) -> Self {
        Self {
            lines: lines.peekable(),
        }
    }
}

impl<I: Iterator<Item = Result<Dispatch, Fault>>> Iterator for Parcels<I> {
    type Item = Result<Vec<Dispatch>, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        let first = match self.lines.next()? {
            Ok(first) => first,
            Err(fault) => return Some(Err(fault)),
        };
        let mut parcel = vec![first];
        let same = |next: &Result<Dispatch, Fault>| {
            next.as_ref().is_ok_and(|next| key(next) == key(&parcel[0]))
        };
        let mut rest = Vec::new();
        while let Some(Ok(next)) = self.lines.next_if(same) {
            rest.push(next);
        }
        parcel.append(&mut rest);
        Some(Ok(parcel))
    }
}

fn key(line: &Dispatch) -> (&str, String, &str, chrono::NaiveDate) {
    let carrier = line.carrier.to_lowercase();
    (
        &line.order,
        carrier,
        &line.tracking_number,
        line.shipped_at.date_naive(),
    )
}

struct SentParcels {
    file: String,
}

impl Import for SentParcels {
    type Value = Vec<Dispatch>;

    const BATCH: usize = 100;

    async fn write(
        &self,
        connection: &mut PgConnection,
        parcels: &[Vec<Dispatch>],
    ) -> Result<Vec<Verdict>, DbError> {
        let known = Known::load(connection, parcels).await?;
        let mut verdicts = Vec::with_capacity(parcels.len());
        let mut fresh = Vec::new();
        for parcel in parcels {
            verdicts.push(match known.plan(parcel) {
                Ok(Plan::Keep) => Verdict::Unchanged,
                Ok(Plan::HandOver(id)) => {
                    store::hand_over(connection, &[id], &[parcel[0].shipped_at]).await?;
                    Verdict::Updated
                }
                Ok(Plan::Create(parcel)) => {
                    fresh.push(parcel);
                    Verdict::Created
                }
                Err(fault) => Verdict::Rejected(self.rejections(parcel, &fault)),
            });
        }
        if !fresh.is_empty() {
            store::put(connection, &fresh).await?;
        }
        Ok(verdicts)
    }

    fn lines(&self, parcel: &Vec<Dispatch>) -> u64 {
        parcel.len() as u64
    }

    fn line(&self, parcel: &Vec<Dispatch>) -> u64 {
        parcel.first().map_or(0, |line| line.line)
    }

    fn file<'v>(&'v self, _: &'v Vec<Dispatch>) -> &'v str {
        &self.file
    }

    fn refused(&self, parcel: &Vec<Dispatch>, reason: &str) -> Vec<Rejection> {
        self.rejections(
            parcel,
            &Refusal {
                at: 0,
                field: "Tracking number",
                reason: reason.into(),
            },
        )
    }

    /// A later parcel of an order must see what the earlier one left; and a tracking number that
    /// comes again must see the parcel that has it.
    fn apart(&self, batch: &[Vec<Dispatch>], parcel: &Vec<Dispatch>) -> bool {
        let new = &parcel[0];
        batch.iter().any(|old| {
            number(&old[0].order).1 == number(&new.order).1
                || old[0].tracking_number == new.tracking_number
        })
    }
}

/// Why a parcel is not accepted, and because of which of its lines.
struct Refusal {
    at: usize,
    field: &'static str,
    reason: String,
}

/// What is to be done with a parcel.
enum Plan {
    Create(Parcel),
    /// It was packed here, and this says that it has left.
    HandOver(i64),
    Keep,
}

impl SentParcels {
    /// One rejection for the line at fault, and one for each other line of its parcel.
    fn rejections(&self, parcel: &[Dispatch], refusal: &Refusal) -> Vec<Rejection> {
        let culprit = &parcel[refusal.at];
        let rejection = |(at, line): (usize, &Dispatch)| {
            if at == refusal.at {
                let value = match refusal.field {
                    "Order" => line.order.clone(),
                    "SKU" => line.sku.clone(),
                    "Quantity" => line.quantity.to_string(),
                    "Supplier" => line.supplier.clone().unwrap_or_default(),
                    _ => line.tracking_number.clone(),
                };
                Rejection::new(
                    &self.file,
                    line.line,
                    refusal.field,
                    &value,
                    &*refusal.reason,
                )
            } else {
                let reason = format!("line {} of the same parcel was rejected", culprit.line);
                let code = &line.tracking_number;
                Rejection::new(&self.file, line.line, "Tracking number", code, reason)
            }
        };
        parcel.iter().enumerate().map(rejection).collect()
    }
}

/// A channel's name where the file gives it, and the number: `shop/#1042` or `#1042`.
fn number(order: &str) -> (Option<&str>, &str) {
    match order.rsplit_once('/') {
        Some((channel, number)) => (Some(channel), number),
        None => (None, order),
    }
}

/// What the database knows of the orders and parcels of a batch.
struct Known {
    orders: Vec<KnownOrder>,
    lines: Vec<KnownLine>,
    parts: Vec<KnownPart>,
    parcels: Vec<KnownParcel>,
    senders: Vec<Sender>,
}

impl Known {
    async fn load(
        connection: &mut PgConnection,
        parcels: &[Vec<Dispatch>],
    ) -> Result<Self, DbError> {
        let firsts = || parcels.iter().map(|parcel| &parcel[0]);
        let numbers: Vec<_> = firsts()
            .map(|line| number(&line.order).1.to_owned())
            .collect();
        let codes: Vec<_> = firsts().map(|line| line.tracking_number.clone()).collect();
        let names: Vec<_> = firsts().filter_map(|line| line.supplier.clone()).collect();
        let unnamed = parcels
            .iter()
            .flatten()
            .filter(|line| line.supplier.is_none());
        let skus: Vec<_> = unnamed.map(|line| line.sku.clone()).collect();
        let orders = store::orders(connection, &numbers).await?;
        let ids: Vec<_> = orders.iter().map(|order| order.id).collect();
        Ok(Self {
            lines: store::lines(connection, &ids).await?,
            parts: store::parts(connection, &ids).await?,
            parcels: store::parcels(connection, &codes).await?,
            senders: store::senders(connection, &names, &skus).await?,
            orders,
        })
    }

    fn plan(&self, parcel: &[Dispatch]) -> Result<Plan, Refusal> {
        let order = self.order(&parcel[0])?;
        self.skus(order, parcel)?;
        if let Some(plan) = self.again(order, parcel)? {
            return Ok(plan);
        }
        if order.cancelled {
            let reason = "its order was cancelled".to_owned();
            return Err(Refusal {
                at: 0,
                field: "Order",
                reason,
            });
        }
        if let Some(reason) = &order.hold_reason {
            let reason = format!("its order is on hold: {reason}");
            return Err(Refusal {
                at: 0,
                field: "Order",
                reason,
            });
        }
        let location_id = self.location(parcel)?;
        let (fulfilment_id, contents) = match self.part(order, location_id, parcel) {
            Some((fulfilment, contents)) => (Some(fulfilment), contents),
            None => (None, self.unplanned(order, parcel)?),
        };
        let first = &parcel[0];
        Ok(Plan::Create(Parcel {
            order_id: order.id,
            fulfilment_id,
            location_id,
            carrier: first.carrier.clone(),
            tracking_code: first.tracking_number.clone(),
            ship_date: first.shipped_at.date_naive(),
            shipped_at: first.shipped_at,
            contents,
        }))
    }

    fn order(&self, line: &Dispatch) -> Result<&KnownOrder, Refusal> {
        let (channel, number) = number(&line.order);
        let fits = |order: &&KnownOrder| {
            order.number == number && channel.is_none_or(|channel| order.channel == channel)
        };
        let refuse = |reason: String| Refusal {
            at: 0,
            field: "Order",
            reason,
        };
        let mut found = self.orders.iter().filter(fits);
        let order = found
            .next()
            .ok_or_else(|| refuse("expected an order of ours: none has this number".to_owned()))?;
        match found.next() {
            None => Ok(order),
            Some(other) => Err(refuse(format!(
                "expected {}/{number} or {}/{number}: both channels have this number",
                order.channel, other.channel
            ))),
        }
    }

    /// Demands that every line is of the order.
    fn skus(&self, order: &KnownOrder, parcel: &[Dispatch]) -> Result<(), Refusal> {
        for (at, line) in parcel.iter().enumerate() {
            if !self
                .lines
                .iter()
                .any(|known| known.order_id == order.id && known.sku == line.sku)
            {
                let reason = format!("expected a SKU of order {}", order.number);
                return Err(Refusal {
                    at,
                    field: "SKU",
                    reason,
                });
            }
        }
        Ok(())
    }

    /// The parcel that already has this carrier and tracking number, and either left on this day or
    /// has not left yet: the day of a label is not the day of its parcel.
    fn again(&self, order: &KnownOrder, parcel: &[Dispatch]) -> Result<Option<Plan>, Refusal> {
        let first = &parcel[0];
        let of_code = || {
            self.parcels.iter().filter(|known| {
                known.carrier == first.carrier.to_lowercase()
                    && known.tracking_code == first.tracking_number
            })
        };
        let day = Some(first.shipped_at.date_naive());
        let unsent =
            || of_code().filter(|known| matches!(known.state.as_str(), "draft" | "labelled"));
        let found = of_code()
            .find(|known| known.ship_date == day)
            .or_else(|| unsent().find(|known| known.order_id == order.id))
            .or_else(|| unsent().next());
        let Some(one) = found else {
            return Ok(None);
        };
        let refuse = |reason: &str| {
            Err(Refusal {
                at: 0,
                field: "Tracking number",
                reason: reason.to_owned(),
            })
        };
        let before: BTreeMap<_, _> = of_code()
            .filter(|known| known.id == one.id)
            .map(|known| (known.sku.as_str(), known.quantity))
            .collect();
        let now = units(parcel)
            .into_iter()
            .map(|(sku, units)| (sku, i64::from(units)));
        if one.order_id != order.id {
            return refuse("expected a tracking number of its own: another order's parcel has it");
        }
        if before != now.collect() {
            return refuse("this parcel is already known with other contents");
        }
        match one.state.as_str() {
            "draft" | "labelled" => Ok(Some(Plan::HandOver(one.id))),
            "void" => refuse("the label of this parcel is void"),
            _ => Ok(Some(Plan::Keep)),
        }
    }

    /// Where the parcel left: the supplier's own location.
    fn location(&self, parcel: &[Dispatch]) -> Result<i64, Refusal> {
        let refuse = |reason: &str| Refusal {
            at: 0,
            field: "Supplier",
            reason: reason.to_owned(),
        };
        if let Some(name) = &parcel[0].supplier {
            let sender = self.senders.iter().find(|sender| sender.supplier == *name);
            return sender
                .map(|sender| sender.location_id)
                .ok_or_else(|| refuse("expected a supplier with a location"));
        }
        let mut all = self.senders.iter().filter(|sender| {
            let offers = |line: &Dispatch| {
                self.senders.iter().any(|other| {
                    other.location_id == sender.location_id && other.sku.as_ref() == Some(&line.sku)
                })
            };
            sender.sku.is_some() && parcel.iter().all(offers)
        });
        let unclear =
            || refuse("expected a supplier: not exactly one offers what is in the parcel");
        let one = all.next().ok_or_else(unclear)?.location_id;
        all.all(|other| other.location_id == one)
            .then_some(one)
            .ok_or_else(unclear)
    }

    /// The part of the order that was already given to this supplier and has all of these units
    /// still to be sent.
    fn part(
        &self,
        order: &KnownOrder,
        location: i64,
        parcel: &[Dispatch],
    ) -> Option<(i64, Vec<Content>)> {
        let here = |part: &&KnownPart| part.order_id == order.id && part.location_id == location;
        let mut tried = None;
        for part in self.parts.iter().filter(here) {
            if tried.replace(part.fulfilment_id) == Some(part.fulfilment_id) {
                continue;
            }
            let lines = self
                .parts
                .iter()
                .filter(|line| line.fulfilment_id == part.fulfilment_id);
            let room = |sku: &str| {
                let of_sku = lines.clone().filter(|line| line.sku == sku);
                of_sku.map(|line| (line.order_line_id, line.left)).collect()
            };
            let contents = units(parcel)
                .into_iter()
                .map(|(sku, units)| share(room(sku), units));
            if let Some(contents) = contents.collect::<Option<Vec<_>>>() {
                return Some((part.fulfilment_id, contents.into_iter().flatten().collect()));
            }
        }
        None
    }

    /// The units, of what nothing and nobody covers yet.
    fn unplanned(&self, order: &KnownOrder, parcel: &[Dispatch]) -> Result<Vec<Content>, Refusal> {
        let mut contents = Vec::new();
        for (sku, sent) in units(parcel) {
            let lines = self
                .lines
                .iter()
                .filter(|line| line.order_id == order.id && line.sku == sku);
            let room = lines
                .clone()
                .map(|line| (line.id, line.unallocated))
                .collect();
            let Some(mut shares) = share(room, sent) else {
                let ordered: i32 = lines.clone().map(|line| line.ordered).sum();
                let open: i32 = lines.map(|line| line.unallocated).sum();
                let at = parcel.iter().rposition(|line| line.sku == sku).unwrap_or(0);
                let reason = format!(
                    "expected at most {open} units: of {ordered} ordered the others are already \
                     sent, reserved, asked of a supplier or cancelled"
                );
                return Err(Refusal {
                    at,
                    field: "Quantity",
                    reason,
                });
            };
            contents.append(&mut shares);
        }
        Ok(contents)
    }
}

/// Units by SKU.
fn units(parcel: &[Dispatch]) -> BTreeMap<&str, i32> {
    let mut units = BTreeMap::new();
    for line in parcel {
        *units.entry(line.sku.as_str()).or_default() += line.quantity;
    }
    units
}

/// Shares units out over lines with room for them; `None` where there is not enough room.
fn share(room: Vec<(i64, i32)>, mut units: i32) -> Option<Vec<Content>> {
    let mut shares = Vec::new();
    for (order_line_id, room) in room {
        let quantity = units.min(room);
        if quantity > 0 {
            shares.push(Content {
                order_line_id,
                quantity,
            });
            units -= quantity;
        }
    }
    (units == 0).then_some(shares)
}
