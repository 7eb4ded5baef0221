//! What the worker writes to customers and suppliers.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use sqlx::postgres::PgConnection;

use crate::domain::money::{Currency, Money};
use crate::domain::notices::{
    Attachment, Locale, Mail, NewNotice, NoticeKind, Subject, SubjectKind,
};
use crate::domain::orders::Address;
use crate::domain::progress::Delay;
use crate::domain::text;
use crate::output::notices::{
    DelayValues, LineValues, OrderValues, PurchaseOrderValues, TemplateError, Templates, Values,
};
use crate::store::db::DbError;
use crate::store::progress::{self as store, Cancelled, Draft, DraftLine, Moving, Ordered};
use crate::store::{addresses, notices};

/// What letters are written with.
#[derive(Debug)]
pub struct Desk {
    /// The texts.
    pub templates: Templates,
    /// The shop's name.
    pub shop: String,
    /// The lines of its address, for what suppliers send to us.
    pub address: Vec<String>,
    /// Whether labels are printed when parcels are packed.
    pub labels: bool,
    /// How long a notice can be taken back.
    pub hold: TimeDelta,
    /// Whether carriers' labels are bought for parcels of our own.
    pub carriers: bool,
}

/// Why a step was not taken. Nothing has been written.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// The database could not be asked, or refused.
    #[error(transparent)]
    Db(#[from] DbError),
    /// A notice cannot be written.
    #[error("the notice cannot be written: {0}")]
    Template(#[from] TemplateError),
    /// The facts and the steps go round in a circle.
    #[error("its steps come to no end")]
    Circle,
    /// An amount cannot be written.
    #[error("ISO 4217 knows no currency {0:?}")]
    Currency(String),
}

/// A customer's order in its notices.
struct Parties {
    ordered: Ordered,
    address: Address,
    locale: Locale,
}

impl Desk {
    /// Tells the customer that the order is confirmed, with its promise. False where there is nobody
    /// to tell, or it was told before.
    pub(super) async fn confirm(
        &self,
        connection: &mut PgConnection,
        order: &Moving,
        now: DateTime<Utc>,
    ) -> Result<bool, StepError> {
        match self.confirmation(connection, order).await? {
            Some(notice) => Ok(self.lay_ready(connection, &notice, now).await?),
            None => Ok(false),
        }
    }

    /// Writes the confirmation anew. False where it has left or is leaving.
    pub(super) async fn correct(
        &self,
        connection: &mut PgConnection,
        order: &Moving,
    ) -> Result<bool, StepError> {
        match self.confirmation(connection, order).await? {
            Some(notice) => Ok(notices::rewrite(connection, &notice).await?),
            None => Ok(false),
        }
    }

    /// The mail that an order is confirmed; none where there is nobody to tell.
    async fn confirmation(
        &self,
        connection: &mut PgConnection,
        order: &Moving,
    ) -> Result<Option<NewNotice>, StepError> {
        let Some(recipient) = order.email.clone() else {
            return Ok(None);
        };
        let parties = parties(connection, order).await?;
        let values = Values {
            order: Some(parties.order(order)?),
            ..self.values(order)
        };
        let kind = NoticeKind::OrderConfirmation;
        Ok(Some(NewNotice {
            kind,
            subject: Subject::new(SubjectKind::Order, order.id),
            occasion: "confirmed".to_owned(),
            recipient,
            mail: self.templates.render(kind, parties.locale, &values)?,
            attachment: None,
            answers: Vec::new(),
        }))
    }

    /// Tells the customer, who knows of another day, of a delay: once for each new day, and once that
    /// a day is lost and no other is known. What was to be told of earlier ones is stopped.
    pub(super) async fn delay(
        &self,
        connection: &mut PgConnection,
        order: &Moving,
        delay: Delay,
        known: NaiveDate,
        now: DateTime<Utc>,
    ) -> Result<bool, StepError> {
        let Some(recipient) = order.email.clone() else {
            return Ok(false);
        };
        let parties = parties(connection, order).await?;
        let values = Values {
            order: Some(parties.order(order)?),
            delay: Some(DelayValues {
                until: delay.until,
                was: known,
            }),
            ..self.values(order)
        };
        let kind = NoticeKind::Delay;
        let notice = NewNotice {
            kind,
            subject: Subject::new(SubjectKind::Order, order.id),
            occasion: match delay.until {
                Some(until) => format!("late:{until}"),
                None => format!("open:{}", delay.told),
            },
            recipient,
            mail: self.templates.render(kind, parties.locale, &values)?,
            attachment: None,
            answers: Vec::new(),
        };
        keep_delays(connection, order.id).await?;
        Ok(self.lay_ready(connection, &notice, now).await?
            || notices::revive(connection, &notice, now + self.hold).await?)
    }

    /// Asks a supplier for goods, for an order or for our own stock, with a table that can be filled
    /// in and imported. False where no address of the supplier's is known.
    pub(super) async fn purchase(
        &self,
        connection: &mut PgConnection,
        draft: &Draft,
        order: Option<&Moving>,
        zone: Tz,
        now: DateTime<Utc>,
    ) -> Result<bool, StepError> {
        match self.asking(connection, draft, order, zone).await? {
            Some(notice) => Ok(self.lay_ready(connection, &notice, now).await?),
            None => Ok(false),
        }
    }

    /// Tells a supplier that a purchase order is to be sent elsewhere than it was told: its mail is
    /// written anew where that has not left, else another follows it. `known` where the supplier knows
    /// of the purchase order without that mail. False where no address of the supplier's is known.
    pub(super) async fn readdress(
        &self,
        connection: &mut PgConnection,
        draft: &Draft,
        known: bool,
        order: &Moving,
        zone: Tz,
        now: DateTime<Utc>,
    ) -> Result<bool, StepError> {
        let Some(asking) = self.asking(connection, draft, Some(order), zone).await? else {
            return Ok(false);
        };
        if notices::rewrite(connection, &asking).await? && !known {
            return Ok(true);
        }
        let address = parties(connection, order).await?.address.lines();
        let values = self.supplies(draft, Some(order), address, zone)?;
        let kind = NoticeKind::AddressChanged;
        let Some(mut notice) = self.to_supplier(draft, kind, &values, None)? else {
            return Ok(false);
        };
        let version = addresses::version(connection, order.id).await?;
        notice.occasion = format!("address:{version}");
        keep_address(connection, draft.id).await?;
        Ok(self.lay_ready(connection, &notice, now).await?)
    }

    /// The mail that asks a supplier for goods.
    async fn asking(
        &self,
        connection: &mut PgConnection,
        draft: &Draft,
        order: Option<&Moving>,
        zone: Tz,
    ) -> Result<Option<NewNotice>, StepError> {
        let address = match order {
            Some(order) => parties(connection, order).await?.address.lines(),
            None => self.address.clone(),
        };
        let number = order.map_or("", |order| &order.number);
        let attachment = Attachment {
            name: file(draft),
            text: purchase_order_file(draft, number),
        };
        let values = self.supplies(draft, order, address, zone)?;
        let kind = NoticeKind::PurchaseOrder;
        self.to_supplier(draft, kind, &values, Some(attachment))
    }

    /// Tells a supplier that what it has not sent of a purchase order is no longer wanted. False where it
    /// has no address.
    pub(super) async fn recall(
        &self,
        connection: &mut PgConnection,
        cancelled: &Cancelled,
        zone: Tz,
        now: DateTime<Utc>,
    ) -> Result<bool, StepError> {
        let Cancelled { rest, begun, .. } = cancelled;
        let mut values = self.supplies(rest, None, Vec::new(), zone)?;
        if let Some(purchase) = &mut values.purchase_order {
            purchase.begun = *begun;
        }
        let kind = NoticeKind::PurchaseOrderCancelled;
        match self.to_supplier(rest, kind, &values, None)? {
            Some(notice) => {
                self.lay_ready(connection, &notice, now).await?;
                Ok(true)
            }
            None => Ok(false),
        }
    }

    /// What mails to suppliers tell of a purchase order.
    fn supplies(
        &self,
        draft: &Draft,
        order: Option<&Moving>,
        address: Vec<String>,
        zone: Tz,
    ) -> Result<Values, StepError> {
        let currency = currency(&draft.currency)?;
        let cost = |minor| Money { minor, currency };
        let line = |line: &DraftLine| LineValues {
            sku: line.sku.clone(),
            title: line.title.clone(),
            quantity: line.units.into(),
            amount: Some(cost(line.unit_cost)),
        };
        let total = draft
            .lines
            .iter()
            .map(|line| line.unit_cost.saturating_mul(i64::from(line.units)))
            .fold(0, i64::saturating_add);
        let ship_by = order
            .and_then(|order| order.facts.standing.as_ref())
            .map(|standing| day(standing.promise.ship_by, zone));
        Ok(Values {
            supplier: Some(draft.supplier.clone()),
            purchase_order: Some(PurchaseOrderValues {
                number: format!("PO-{}", draft.number),
                lines: draft.lines.iter().map(line).collect(),
                total: cost(total),
                to_customer: order.is_some(),
                address,
                ship_by,
                begun: false,
                accept_hours: draft.acceptance_hours,
                file: file(draft),
            }),
            shop: self.shop.clone(),
            customer: order.map_or_else(String::new, |order| order.customer.clone()),
            ..Values::default()
        })
    }

    /// A mail about a purchase order, which is sent once of each kind; none where no address of the
    /// supplier's is known.
    fn to_supplier(
        &self,
        draft: &Draft,
        kind: NoticeKind,
        values: &Values,
        attachment: Option<Attachment>,
    ) -> Result<Option<NewNotice>, StepError> {
        let Some(recipient) = draft.email.clone().filter(|email| email.contains('@')) else {
            return Ok(None);
        };
        let mail: Mail = self.templates.render(kind, Locale::En, values)?;
        Ok(Some(NewNotice {
            kind,
            subject: Subject::new(SubjectKind::PurchaseOrder, draft.id),
            occasion: "sent".to_owned(),
            recipient,
            mail,
            attachment,
            answers: Vec::new(),
        }))
    }

    async fn lay_ready(
        &self,
        connection: &mut PgConnection,
        notice: &NewNotice,
        now: DateTime<Utc>,
    ) -> Result<bool, DbError> {
        Ok(notices::enqueue(connection, notice, now + self.hold)
            .await?
            .is_some())
    }

    fn values(&self, order: &Moving) -> Values {
        Values {
            shop: self.shop.clone(),
            customer: order.customer.clone(),
            ..Values::default()
        }
    }
}

impl Parties {
    fn order(&self, order: &Moving) -> Result<OrderValues, StepError> {
        let currency = currency(&order.currency)?;
        let price = |minor| Money { minor, currency };
        let amount = |minor| (minor != 0).then(|| price(minor));
        let ordered = &self.ordered;
        let goods: i64 = ordered.lines.iter().map(|line| line.amount).sum();
        // Where the prices have it already, the rest comes to the total without it.
        let tax_included = goods + ordered.shipping - ordered.discount == ordered.total;
        Ok(OrderValues {
            number: order.number.clone(),
            lines: ordered
                .lines
                .iter()
                .map(|line| LineValues {
                    sku: line.sku.clone(),
                    title: line.title.clone(),
                    quantity: line.units.into(),
                    amount: Some(price(line.amount)),
                })
                .collect(),
            shipping: amount(ordered.shipping),
            tax: amount(ordered.tax).filter(|_| !tax_included),
            discount: amount(-ordered.discount),
            total: price(ordered.total),
            address: self.address.lines(),
            deliver_by: order.facts.promised_day,
        })
    }
}

/// Stops what a customer was to be told of an order's delays and has not been told. The same day may be
/// told later.
pub(super) async fn keep_delays(
    connection: &mut PgConnection,
    order_id: i64,
) -> Result<(), DbError> {
    let subject = Subject::new(SubjectKind::Order, order_id);
    notices::supersede(connection, NoticeKind::Delay, subject).await
}

/// Stops what a supplier was to be told of another address for a purchase order and has not been told.
pub(super) async fn keep_address(
    connection: &mut PgConnection,
    purchase_order_id: i64,
) -> Result<(), DbError> {
    let subject = Subject::new(SubjectKind::PurchaseOrder, purchase_order_id);
    notices::supersede(connection, NoticeKind::AddressChanged, subject).await
}

async fn parties(connection: &mut PgConnection, order: &Moving) -> Result<Parties, DbError> {
    let ordered = store::ordered(connection, order.id).await?;
    // Every field is optional, and what is no address is none.
    let address: Address = serde_json::from_value(ordered.address.clone()).unwrap_or_default();
    let locale = Locale::of_country(&address.country);
    Ok(Parties {
        ordered,
        address,
        locale,
    })
}

fn currency(code: &str) -> Result<Currency, StepError> {
    Currency::from_code(code).ok_or_else(|| StepError::Currency(code.to_owned()))
}

/// The columns of a dispatch file (see [`crate::intake::dispatches`]), with the supplier's answer
/// beside the quantity: what we know is filled in.
fn purchase_order_file(draft: &Draft, number: &str) -> String {
    let mut file = csv::Writer::from_writer(Vec::new());
    let name = format!("PO-{}", draft.number);
    // Writing to memory does not fail.
    let _ = file.write_record([
        "Purchase order",
        "Order",
        "SKU",
        "Quantity",
        "Accepted",
        "Tracking company",
        "Tracking number",
        "Shipped at",
        "Supplier",
    ]);
    let (number, supplier) = (text::cell(number), text::cell(&draft.supplier));
    for line in &draft.lines {
        let (sku, units) = (text::cell(&line.sku), line.units.to_string());
        let cells = [&name, &number, &sku, &units, "", "", "", "", &supplier];
        let _ = file.write_record(cells);
    }
    String::from_utf8(file.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn day(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The name of the table that goes with a purchase order.
fn file(draft: &Draft) -> String {
    format!("PO-{}.csv", draft.number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purchase_order_s_file_has_no_formula_and_nothing_that_acts() {
        let draft = Draft {
            id: 7,
            number: 7,
            supplier: "@SUM(1+1)\u{9b}2J".to_owned(),
            email: None,
            acceptance_hours: 8,
            currency: "EUR".to_owned(),
            lines: vec![DraftLine {
                sku: "=HYPERLINK(\"http://evil\",\"x\")".to_owned(),
                title: "Lamp".to_owned(),
                units: 2,
                unit_cost: 300,
            }],
        };
        assert_eq!(
            purchase_order_file(&draft, "+1\u{1b}").lines().last(),
            Some(
                "PO-7,'+1␛,\"'=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\",2,,,,,'@SUM(1+1)\u{fffd}2J"
            )
        );
    }
}
