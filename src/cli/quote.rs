//! `packline quote`: what may be promised to a customer before the purchase.

use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use color_eyre::eyre::{Result, eyre};
use serde::Serialize;

use super::database::Database;
use super::print;
use crate::actions::options;
use crate::config::Config;
use crate::domain::record::RecordName;
use crate::domain::{countries, money, promises, text};
use crate::store::calendar;
use crate::store::names::{self, NameError};
use crate::store::options as store;

/// Say by when a product would leave and arrive if it were ordered now
///
/// The SQL function packline.quote says the same to the web shop. With --order, say what each
/// shipping option would cost an order and do to its promise; `packline act set-option` makes the
/// change.
#[derive(Debug, Args)]
pub(super) struct Quote {
    /// The product
    #[arg(long, required_unless_present = "order")]
    sku: Option<String>,
    /// The shipping option, by name
    #[arg(long, value_name = "NAME", required_unless_present = "order")]
    option: Option<String>,
    /// The country it goes to, by its two letters of ISO 3166-1
    #[arg(long, value_name = "CODE", required_unless_present = "order", value_parser = country)]
    country: Option<String>,
    /// An order, by number, instead of a product
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["sku", "option", "country", "units"])]
    order: Option<String>,
    /// Units
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..=MOST_UNITS))]
    units: i32,
    /// As JSON, one object a line
    #[arg(long)]
    json: bool,
}

fn country(text: &str) -> Result<String, String> {
    countries::code(text).ok_or_else(|| format!("expected {}", countries::EXPECTED))
}

/// Units that the SQL function quotes at most.
const MOST_UNITS: i64 = 1_000_000;

/// One promise; an option has one for each currency.
#[derive(Debug, Serialize)]
struct Promise {
    ship_by: DateTime<Utc>,
    deliver_by: DateTime<Utc>,
    lead_days: i32,
    currency: String,
    price: i64,
    free_over: Option<i64>,
}

impl Quote {
    pub(super) async fn run(self, config: &Config, now: DateTime<Utc>) -> Result<ExitCode> {
        let database = Database::open(config, "quote").await?;
        if let Some(order) = &self.order {
            return self.choices(&database, order, now).await;
        }
        let given = |text: &Option<String>| text.clone().unwrap_or_default();
        let (sku, option, country) = (given(&self.sku), given(&self.option), given(&self.country));
        let (asked_sku, asked_option) = (sku.clone(), option.clone());
        let asked_country = country.clone();
        let units = self.units;
        let (business, facts, names) = database
            .db
            .call(Duration::from_secs(10), move |connection| {
                Box::pin(async move {
                    let business = calendar::load(connection, now).await?;
                    let facts =
                        calendar::quotable(connection, &sku, &option, &country, units).await?;
                    let names = store::names(connection).await?;
                    Ok((business, facts, names))
                })
            })
            .await?;
        if !facts.known {
            return Err(eyre!("there is no product {asked_sku:?}"));
        }
        if !names.contains(&asked_option) {
            return Err(eyre!(
                "there is no shipping option {asked_option:?}: expected one of {}",
                names.join(", ")
            ));
        }
        if facts.options.is_empty() {
            return Err(eyre!(
                "no shipping option {asked_option:?} serves {asked_country} with that weight"
            ));
        }
        if facts
            .options
            .iter()
            .all(|option| option.lead_days.is_none())
        {
            return Err(eyre!(
                "nothing can be promised: {asked_sku} is out of stock and no supplier offers it"
            ));
        }
        let calendar = &business.calendar;
        for option in facts.options {
            let Some(lead_days) = option.lead_days else {
                continue;
            };
            let lead = lead_days.unsigned_abs();
            let transit = option.transit_days_max.unsigned_abs();
            let told = promises::ship_by(now, lead, calendar, business.cut_off)
                .and_then(|at| Some((at, promises::deliver_by(at, transit, calendar)?)));
            let Some((ship_by, deliver_by)) = told else {
                return Err(eyre!(
                    "nothing can be promised: the business calendar is closed for too long"
                ));
            };
            let promise = Promise {
                ship_by,
                deliver_by,
                lead_days,
                currency: option.currency,
                price: option.price,
                free_over: option.free_over,
            };
            if self.json {
                print::line(serde_json::to_string(&promise)?);
            } else {
                print::line(promise.told(calendar.zone()));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// What an order would be with a shipping option.
#[derive(Debug, Serialize)]
struct Offered {
    option: String,
    present: bool,
    price: i64,
    extra: i64,
    currency: String,
    deliver_by: Option<DateTime<Utc>>,
    unfit: Option<String>,
}

impl Quote {
    async fn choices(
        &self,
        database: &Database,
        order: &str,
        now: DateTime<Utc>,
    ) -> Result<ExitCode> {
        let Ok(name) = order.parse::<RecordName>();
        let (zone, found) = database
            .db
            .call(Duration::from_secs(10), move |connection| {
                Box::pin(async move {
                    let zone = calendar::load(connection, now).await?.calendar.zone();
                    let found = match names::resolve(connection, &name).await {
                        Ok(order) => Ok(options::choices(connection, order.id, now).await?),
                        Err(NameError::Db(error)) => return Err(error),
                        Err(error) => Err(error),
                    };
                    Ok((zone, found))
                })
            })
            .await?;
        let found = found?;
        if found.is_empty() {
            return Err(eyre!(
                "no shipping option has a price in the order's currency"
            ));
        }
        for choice in found {
            let offered = Offered {
                option: choice.option.name,
                present: choice.present,
                price: choice.price,
                extra: choice.extra,
                currency: choice.option.currency,
                deliver_by: choice.deliver_by,
                unfit: choice.unfit,
            };
            if self.json {
                print::line(serde_json::to_string(&offered)?);
            } else {
                print::line(offered.told(zone));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Offered {
    fn told(&self, zone: chrono_tz::Tz) -> String {
        let name = text::plain(&self.option);
        if let Some(why) = &self.unfit {
            return format!("{name}: not possible, {}", text::plain(why));
        }
        let price = money::shown(self.price, &self.currency);
        let extra = match self.extra {
            0 => "as paid".to_owned(),
            extra if extra > 0 => format!("{} more than paid", money::shown(extra, &self.currency)),
            extra => format!("{} less than paid", money::shown(-extra, &self.currency)),
        };
        let arrival = self.deliver_by.map_or_else(
            || "no promise yet".to_owned(),
            |at| format!("arrives by {}", promises::arrival_day(at, zone)),
        );
        let present = if self.present { " (as it is)" } else { "" };
        format!("{name}{present}: {price}, {extra}; {arrival}")
    }
}

fn shown(at: DateTime<Utc>, zone: chrono_tz::Tz) -> String {
    at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string()
}

impl Promise {
    fn told(&self, zone: chrono_tz::Tz) -> String {
        let free = self.free_over.map_or_else(String::new, |over| {
            format!(", free over {}", money::shown(over, &self.currency))
        });
        format!(
            "leaves by {}, arrives by {}; {}{free}",
            shown(self.ship_by, zone),
            promises::arrival_day(self.deliver_by, zone),
            money::shown(self.price, &self.currency)
        )
    }
}
