//! Shipping options: what each would cost an order and do to its promise, and giving it another.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sqlx::postgres::PgConnection;

use super::error::ActError;
use super::work::{Outcome, Work};
use crate::domain::money;
use crate::domain::options::ShippingOption;
use crate::domain::orders::OrderSummary;
use crate::domain::promises;
use crate::store::calendar;
use crate::store::db::DbError;
use crate::store::options::{self as store, ForOrder};
use crate::store::orders;

/// What an order would be with a shipping option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// The option.
    pub option: ShippingOption,
    /// Whether the order has it now.
    pub present: bool,
    /// What it costs the order, in minor units of the order's currency.
    pub price: i64,
    /// What that is more than the customer paid for shipping; less where it is negative.
    pub extra: i64,
    /// By when the order would arrive; none where it is not promised yet.
    pub deliver_by: Option<DateTime<Utc>>,
    /// Why it does not take the order.
    pub unfit: Option<String>,
}

/// What an order would be with each shipping option of its currency, the cheapest first.
///
/// # Errors
/// The database's.
pub async fn choices(
    connection: &mut PgConnection,
    order_id: i64,
    now: DateTime<Utc>,
) -> Result<Vec<Choice>, DbError> {
    let business = calendar::load(connection, now).await?;
    let Some(order) = store::order(connection, order_id).await? else {
        return Ok(Vec::new());
    };
    let all = store::for_order(connection, order_id).await?;
    let choice = |ForOrder { option, unfit }| {
        let price = option.price_for(order.goods);
        let days = option.transit_days_max.unsigned_abs();
        Choice {
            present: order.option_id == Some(option.id),
            price,
            extra: price - order.paid,
            deliver_by: order
                .ship_by
                .and_then(|ship_by| promises::deliver_by(ship_by, days, &business.calendar)),
            unfit,
            option,
        }
    };
    Ok(all.into_iter().map(choice).collect())
}

/// Gives an order another shipping option, and says what that changes.
pub(super) async fn set(work: &mut Work<'_>, order: &OrderSummary) -> Result<Outcome, ActError> {
    let wanted = work.given.text("to")?.to_owned();
    let choices = choices(work.connection, order.id, work.now).await?;
    let before = choices.iter().find(|choice| choice.present);
    let choice = fit(&choices, &wanted, work.terms.zone)?;
    orders::set_option(
        work.connection,
        order.id,
        choice.option.id,
        choice.deliver_by.or(order.deliver_by),
    )
    .await?;
    let told = format!("shipped by {}", choice.offered(work.terms.zone));
    let outcome = Outcome::new(told);
    Ok(match before {
        Some(before) => outcome.undone_by(
            "set-option",
            [("to", before.option.name.clone())],
            format!("ship {} by {} again", order.number, before.option.name),
        ),
        None => outcome,
    })
}

/// What another shipping option would cost an order and do to its promise, beside the others that take
/// it, for the question before it is given.
///
/// # Errors
/// Why it cannot be given, and the database's.
pub(super) async fn foretell(
    connection: &mut PgConnection,
    order_id: i64,
    wanted: &str,
    zone: Tz,
    now: DateTime<Utc>,
) -> Result<Vec<String>, ActError> {
    let choices = choices(connection, order_id, now).await?;
    let wanted = fit(&choices, wanted, zone)?;
    let present = choices.iter().find(|choice| choice.present);
    let now_by =
        present.map(|choice| format!("now {}{}", choice.option.name, choice.arrival(zone)));
    let others: Vec<String> = (open(&choices))
        .filter(|choice| choice.option.id != wanted.option.id)
        .map(|choice| choice.offered(zone))
        .collect();
    let others = (!others.is_empty()).then(|| format!("others: {}", others.join("; ")));
    let told = std::iter::once(format!("shipped by {}", wanted.offered(zone)));
    Ok(told.chain(now_by).chain(others).collect())
}

/// The option of this name that an order can be given.
fn fit<'c>(choices: &'c [Choice], wanted: &str, zone: Tz) -> Result<&'c Choice, ActError> {
    let Some(choice) = named(choices, wanted) else {
        return Err(ActError::argument("to", one_of(choices, zone)));
    };
    if choice.present {
        return Err(ActError::refused("it is shipped by that already"));
    }
    match &choice.unfit {
        Some(why) => Err(ActError::refused(format!("{}: {why}", choice.option.name))),
        None => Ok(choice),
    }
}

/// Those that an order can be given.
fn open(choices: &[Choice]) -> impl Iterator<Item = &Choice> {
    (choices.iter()).filter(|choice| !choice.present && choice.unfit.is_none())
}

/// The option of this name, or the only one whose name begins so.
fn named<'c>(choices: &'c [Choice], name: &str) -> Option<&'c Choice> {
    let name = name.to_lowercase();
    let called = |choice: &&Choice| choice.option.name.to_lowercase();
    let whole = choices.iter().find(|choice| called(choice) == name);
    let mut begin = (choices.iter()).filter(|choice| called(choice).starts_with(&name));
    match (whole, begin.next(), begin.next()) {
        (Some(choice), ..) | (None, Some(choice), None) => Some(choice),
        _ => None,
    }
}

fn one_of(choices: &[Choice], zone: Tz) -> String {
    let open: Vec<String> = open(choices).map(|choice| choice.offered(zone)).collect();
    if open.is_empty() {
        "another option that takes the order, and there is none".to_owned()
    } else {
        format!("one of {}", open.join("; "))
    }
}

impl Choice {
    /// `Express, 5.00 EUR more, arrives by 2026-11-25`.
    fn offered(&self, zone: Tz) -> String {
        let money = |minor| money::shown(minor, &self.option.currency);
        let price = match self.extra {
            0 => "for the price that was paid".to_owned(),
            extra if extra > 0 => format!("{} more", money(extra)),
            extra => format!("{} less", money(-extra)),
        };
        let (name, arrival) = (&self.option.name, self.arrival(zone));
        format!("{name}, {price}{arrival}")
    }

    fn arrival(&self, zone: Tz) -> String {
        self.deliver_by.map_or_else(String::new, |at| {
            format!(", arrives by {}", promises::arrival_day(at, zone))
        })
    }
}
