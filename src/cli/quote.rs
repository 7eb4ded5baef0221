//! `packline quote`: what may be promised to a customer before the purchase.

use std::process::ExitCode;
use std::time::Duration;

use chrono::{DateTime, Utc};
use clap::Args;
use color_eyre::eyre::{Result, eyre};
use serde::Serialize;

use super::database::Database;
use super::print;
use crate::config::Config;
use crate::domain::{money, promises};
use crate::store::calendar;

/// Say by when a product would leave and arrive if it were ordered now
///
/// The SQL function packline.quote says the same to the web shop.
#[derive(Debug, Args)]
pub(super) struct Quote {
    /// The product
    #[arg(long)]
    sku: String,
    /// The shipping option, by name
    #[arg(long, value_name = "NAME")]
    option: String,
    /// ISO 3166 code of the country it goes to
    #[arg(long, value_name = "CODE")]
    country: String,
    /// Units
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(i32).range(1..))]
    units: i32,
    /// As JSON, one object a line
    #[arg(long)]
    json: bool,
}

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
        let (sku, option, country) = (self.sku.clone(), self.option.clone(), self.country.clone());
        let units = self.units;
        let (business, facts) = database
            .db
            .call(Duration::from_secs(10), move |connection| {
                Box::pin(async move {
                    let business = calendar::load(connection, now).await?;
                    let facts =
                        calendar::quotable(connection, &sku, &option, &country, units).await?;
                    Ok((business, facts))
                })
            })
            .await?;
        if facts.product_id.is_none() {
            return Err(eyre!("there is no product {:?}", self.sku));
        }
        let Some(lead_days) = facts.lead_days else {
            return Err(eyre!(
                "nothing can be promised: {} is out of stock and no supplier offers it",
                self.sku
            ));
        };
        if facts.options.is_empty() {
            return Err(eyre!(
                "no shipping option {:?} serves {} with that weight",
                self.option,
                self.country.to_uppercase()
            ));
        }
        let calendar = &business.calendar;
        let lead = lead_days.unsigned_abs();
        let ship_by = promises::ship_by(now, lead, calendar, business.cut_off);
        for option in facts.options {
            let transit = option.transit_days_max.unsigned_abs();
            let promise = Promise {
                ship_by,
                deliver_by: promises::deliver_by(ship_by, transit, calendar),
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

impl Promise {
    fn told(&self, zone: chrono_tz::Tz) -> String {
        let shown =
            |at: DateTime<Utc>| at.with_timezone(&zone).format("%Y-%m-%d %H:%M").to_string();
        let free = self.free_over.map_or_else(String::new, |over| {
            format!(", free over {}", money::shown(over, &self.currency))
        });
        format!(
            "leaves by {}, arrives by {}; {}{free}",
            shown(self.ship_by),
            shown(self.deliver_by),
            money::shown(self.price, &self.currency)
        )
    }
}
