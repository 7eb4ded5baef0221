//! What the worker writes to customers and suppliers.

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use chrono_tz::Tz;
use sqlx::postgres::PgConnection;

use crate::domain::money::{Currency, Money};
use crate::domain::notices::{
    Attachment, Locale, Mail, NewNotice, NoticeKind, Subject, SubjectKind,
};
use crate::domain::orders::Address;
use crate::output::notices::{
    DelayValues, LineValues, OrderValues, PurchaseOrderValues, TemplateError, Templates, Values,
};
use crate::store::db::DbError;
use crate::store::notices;
use crate::store::progress::{self as store, Draft, Moving, Ordered};

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
        zone: Tz,
        now: DateTime<Utc>,
    ) -> Result<bool, StepError> {
        let Some(recipient) = order.email.clone() else {
            return Ok(false);
        };
        let parties = parties(connection, order).await?;
        let values = Values {
            order: Some(parties.order(order, order.deliver_by, zone)?),
            ..self.values(order)
        };
        let kind = NoticeKind::OrderConfirmation;
        let notice = NewNotice {
            kind,
            subject: Subject::new(SubjectKind::Order, order.id),
            occasion: "confirmed".to_owned(),
            recipient,
            mail: self.templates.render(kind, parties.locale, &values)?,
            attachment: None,
            answers: Vec::new(),
        };
        Ok(self.lay_ready(connection, &notice, now).await?)
    }

    /// Tells the customer of a delay, once for each new day.
    pub(super) async fn delay(
        &self,
        connection: &mut PgConnection,
        order: &Moving,
        (ship_by, deliver_by): (DateTime<Utc>, Option<DateTime<Utc>>),
        zone: Tz,
        now: DateTime<Utc>,
    ) -> Result<bool, StepError> {
        let Some(recipient) = order.email.clone() else {
            return Ok(false);
        };
        let parties = parties(connection, order).await?;
        // Customers count on arrival; where no day of arrival was said, on leaving.
        let until = deliver_by.map_or_else(|| day(ship_by, zone), |at| last_day(at, zone));
        let was = match (order.deliver_by, order.ship_by) {
            (Some(at), _) => Some(last_day(at, zone)),
            (None, at) => at.map(|at| day(at, zone)),
        };
        let values = Values {
            order: Some(parties.order(order, deliver_by, zone)?),
            delay: Some(DelayValues {
                until,
                was,
                reason: None,
            }),
            ..self.values(order)
        };
        let kind = NoticeKind::Delay;
        let notice = NewNotice {
            kind,
            subject: Subject::new(SubjectKind::Order, order.id),
            occasion: format!("late:{until}"),
            recipient,
            mail: self.templates.render(kind, parties.locale, &values)?,
            attachment: None,
            answers: Vec::new(),
        };
        Ok(self.lay_ready(connection, &notice, now).await?)
    }

    /// Asks a supplier for goods, for an order or for our own stock, with a table that can be filled
    /// in and imported. False where no address of the supplier's is known: it is told by other means.
    pub(super) async fn purchase(
        &self,
        connection: &mut PgConnection,
        draft: &Draft,
        order: Option<&Moving>,
        zone: Tz,
        now: DateTime<Utc>,
    ) -> Result<bool, StepError> {
        let Some(recipient) = draft.email.clone().filter(|email| email.contains('@')) else {
            return Ok(false);
        };
        let address = match order {
            Some(order) => parties(connection, order).await?.address.lines(),
            None => self.address.clone(),
        };
        let file = format!("PO-{}.csv", draft.id);
        let currency = currency(&draft.currency)?;
        let cost = |minor| Money { minor, currency };
        let total = draft
            .lines
            .iter()
            .map(|line| line.unit_cost.saturating_mul(i64::from(line.units)))
            .fold(0, i64::saturating_add);
        let values = Values {
            supplier: Some(draft.supplier.clone()),
            purchase_order: Some(PurchaseOrderValues {
                number: format!("PO-{}", draft.id),
                lines: draft
                    .lines
                    .iter()
                    .map(|line| LineValues {
                        sku: line.sku.clone(),
                        title: line.title.clone(),
                        quantity: line.units.into(),
                        amount: Some(cost(line.unit_cost)),
                    })
                    .collect(),
                total: cost(total),
                to_customer: order.is_some(),
                address,
                ship_by: order.and_then(|order| Some(day(order.ship_by?, zone))),
                accept_hours: draft.acceptance_hours,
                file: file.clone(),
            }),
            shop: self.shop.clone(),
            customer: order.map_or_else(String::new, |order| order.customer.clone()),
            ..Values::default()
        };
        let kind = NoticeKind::PurchaseOrder;
        let mail: Mail = self.templates.render(kind, Locale::En, &values)?;
        let notice = NewNotice {
            kind,
            subject: Subject::new(SubjectKind::PurchaseOrder, draft.id),
            occasion: "sent".to_owned(),
            recipient,
            mail,
            attachment: Some(Attachment {
                name: file,
                text: purchase_order_file(draft, order.map_or("", |order| &order.number)),
            }),
            answers: Vec::new(),
        };
        Ok(self.lay_ready(connection, &notice, now).await?)
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
    fn order(
        &self,
        order: &Moving,
        deliver_by: Option<DateTime<Utc>>,
        zone: Tz,
    ) -> Result<OrderValues, StepError> {
        let currency = currency(&order.currency)?;
        let price = |minor| Money { minor, currency };
        Ok(OrderValues {
            number: order.number.clone(),
            lines: self
                .ordered
                .lines
                .iter()
                .map(|line| LineValues {
                    sku: line.sku.clone(),
                    title: line.title.clone(),
                    quantity: line.units.into(),
                    amount: Some(price(line.amount)),
                })
                .collect(),
            total: price(self.ordered.total),
            address: self.address.lines(),
            deliver_by: deliver_by.map(|at| last_day(at, zone)),
        })
    }
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
    let name = format!("PO-{}", draft.id);
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
    for line in &draft.lines {
        let units = line.units.to_string();
        let supplier = &draft.supplier;
        let _ = file.write_record([&name, number, &line.sku, &units, "", "", "", "", supplier]);
    }
    String::from_utf8(file.into_inner().unwrap_or_default()).unwrap_or_default()
}

fn day(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    at.with_timezone(&zone).date_naive()
}

/// The day that ends at that instant.
fn last_day(at: DateTime<Utc>, zone: Tz) -> NaiveDate {
    day(at - TimeDelta::seconds(1), zone)
}
