//! Carriers' labels through an HTTP interface as EasyPost has it: rate, buy, give back.
//!
//! As in EasyPost's API reference (`/v2/shipments`): a shipment is made with its addresses and its
//! weight in ounces and answers with rates, `…/buy` takes one of them, `…/label?file_format=ZPL`
//! says where the label is, `…/refund` gives it back. Making a shipment costs nothing; what it is
//! called is kept before anything is bought, so that a purchase whose answer was lost is found
//! again: a second one of the same shipment is refused with `SHIPMENT.POSTAGE.EXISTS`. Each call
//! carries an `Idempotency-Key` as well, for providers that heed it.

mod url;

use std::time::Duration;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use ureq::Agent;
use ureq::http::Response;

pub use self::url::{ProviderUrl, ProviderUrlError};
use crate::domain::carriers::{Bought, Parcel, Rate};
use crate::domain::money::{Currency, Money};
use crate::domain::orders::Address;
use crate::domain::text;

/// An answer, or a label, is no larger than this.
const LARGEST: u64 = 1 << 20;

/// What somebody else said is kept to this many characters.
const LONGEST_REASON: usize = 500;

/// Grams of an ounce (avoirdupois), times ten thousand.
const OUNCE: u64 = 283_495;

/// Codes of refusals that say nothing yet of what became of the purchase.
const UNDECIDED: [&str; 3] = [
    "SHIPMENT.POSTAGE.TIMED_OUT",
    "SHIPMENT.POSTAGE.NO_RESPONSE",
    "SHIPMENT.PURCHASE.IN_PROGRESS",
];

/// Why a call did not do what it should. Reasons are safe for a terminal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// It may go better later: the connection broke, the answer took too long, or the server said so
    /// (429, 5xx), perhaps with how long to wait.
    Later(String, Option<Duration>),
    /// It never will, and nothing was paid.
    Refused(String),
}

/// How long a server may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// To accept a connection, TLS included.
    pub connect: Duration,
    /// To answer a call in full.
    pub call: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            call: Duration::from_secs(30),
        }
    }
}

/// What a parcel is called by the provider, and what it would be carried for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rated {
    /// The provider's name of the parcel.
    pub id: String,
    /// Offers.
    pub rates: Vec<Rate>,
}

/// Sells labels. A copy uses the same connections.
#[derive(Debug, Clone)]
pub struct Provider {
    agent: Agent,
    url: ProviderUrl,
    from: Value,
}

impl Provider {
    /// A provider that is connected to at the first call. Parcels are sent from this address.
    pub fn new(url: ProviderUrl, from: &Address, limits: Limits) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(limits.call))
            .timeout_connect(Some(limits.connect))
            .http_status_as_error(false)
            // A key is not carried elsewhere.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .user_agent(concat!("packline/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: config.into(),
            url,
            from: address(from, None),
        }
    }

    /// Makes the parcel known and asks what it would be carried for.
    ///
    /// # Errors
    /// See [`Fault`].
    pub async fn rate(&self, parcel: &Parcel, key: &str) -> Result<Rated, Fault> {
        // In tenths of an ounce, rounded up; a carrier weighs again.
        let tenths = (parcel
            .weight_g
            .max(1)
            .unsigned_abs()
            .saturating_mul(100_000))
        .div_ceil(OUNCE);
        let body = json!({ "shipment": {
            "reference": parcel.reference,
            "to_address": address(&parcel.to, parcel.email.as_deref()),
            "from_address": self.from,
            "parcel": { "weight": tenths as f64 / 10.0 },
            "options": { "label_format": "ZPL", "label_size": "4x6" },
        }});
        let made: Shipment = self
            .post("shipments", &format!("{key}-rate"), &body)
            .await?;
        Ok(Rated {
            rates: made.rates.into_iter().filter_map(offer).collect(),
            id: made.id,
        })
    }

    /// Buys a label, or finds the one again that was bought before.
    ///
    /// # Errors
    /// See [`Fault`]. Until it is [`Fault::Refused`] it may have been bought.
    pub async fn buy(&self, id: &str, rate: &str, key: &str) -> Result<Bought, Fault> {
        let path = format!("shipments/{}", segment(id));
        let body = json!({ "rate": { "id": rate } });
        let bought: Result<Shipment, Fault> = self
            .post(&format!("{path}/buy"), &format!("{key}-buy"), &body)
            .await;
        let bought = match bought {
            Err(Fault::Refused(reason)) => {
                // It may have been bought by an attempt whose answer was lost.
                let found: Shipment = self.get(&path).await?;
                if found.postage_label.is_none() {
                    return Err(Fault::Refused(reason));
                }
                found
            }
            answered => answered?,
        };
        let named = bought.selected_rate.map(|rate| rate.carrier);
        let (Some(tracking_code), Some(carrier)) = (bought.tracking_code, named) else {
            // The carrier has not answered the provider yet.
            return Err(Fault::Later("no tracking code yet".to_owned(), None));
        };
        let labelled: Shipment = self.get(&format!("{path}/label?file_format=ZPL")).await?;
        let address = labelled
            .postage_label
            .and_then(|label| label.label_zpl_url)
            .ok_or_else(|| Fault::Later("the label is not made in ZPL yet".to_owned(), None))?;
        Ok(Bought {
            zpl: self.label(&address).await?,
            tracking_code,
            carrier,
        })
    }

    /// Gives a label back. What was never bought is given back already.
    ///
    /// # Errors
    /// See [`Fault`].
    pub async fn give_back(&self, id: &str, key: &str) -> Result<(), Fault> {
        let path = format!("shipments/{}", segment(id));
        let given: Result<Shipment, Fault> = self
            .post(
                &format!("{path}/refund"),
                &format!("{key}-refund"),
                &json!({}),
            )
            .await;
        let Err(Fault::Refused(reason)) = given else {
            return given.map(|_| ());
        };
        let found: Shipment = self.get(&path).await?;
        let refunded = (found.refund_status.as_deref())
            .is_some_and(|status| matches!(status, "submitted" | "refunded"));
        if refunded || found.postage_label.is_none() {
            Ok(())
        } else {
            Err(Fault::Refused(reason))
        }
    }

    async fn label(&self, address: &str) -> Result<String, Fault> {
        if !self.url.may_fetch(address) {
            // It has been paid for: what is wrong is mended where the address is given.
            let reason = format!("a label is not fetched from {address}");
            return Err(Fault::Later(said(&reason), None));
        }
        let (agent, address) = (self.agent.clone(), address.to_owned());
        let zpl = outside(move || agent.get(&address).call()).await?;
        if zpl.contains("^XA") {
            Ok(zpl)
        } else {
            Err(Fault::Later("the label is no ZPL".to_owned(), None))
        }
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Fault> {
        let (agent, url) = (self.agent.clone(), self.url.at(path));
        parsed(&outside(move || agent.get(&url).call()).await?)
    }

    async fn post<T: DeserializeOwned>(
        &self,
        path: &str,
        key: &str,
        body: &Value,
    ) -> Result<T, Fault> {
        let (agent, url) = (self.agent.clone(), self.url.at(path));
        let (key, body) = (key.to_owned(), body.to_string());
        let answer = outside(move || {
            agent
                .post(&url)
                .header("Content-Type", "application/json")
                .header("Idempotency-Key", &key)
                .send(&body)
        });
        parsed(&answer.await?)
    }
}

/// Makes a call where it holds nobody up.
async fn outside(
    call: impl FnOnce() -> Result<Response<ureq::Body>, ureq::Error> + Send + 'static,
) -> Result<String, Fault> {
    tokio::task::spawn_blocking(move || read(call))
        .await
        .map_err(|error| Fault::Later(said(&error.to_string()), None))?
}

fn read(call: impl FnOnce() -> Result<Response<ureq::Body>, ureq::Error>) -> Result<String, Fault> {
    // What a URL that makes no sense is, may have the key in it.
    let later = |error: ureq::Error| match error {
        ureq::Error::BadUri(_) => Fault::Refused("the address makes no sense".to_owned()),
        error => Fault::Later(said(&error.to_string()), None),
    };
    let mut response = call().map_err(later)?;
    let status = response.status();
    // In seconds; a date is for browsers, and a wait of its own does for it.
    let wait = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok()?.trim().parse().ok())
        .map(Duration::from_secs);
    let text = response
        .body_mut()
        .with_config()
        .limit(LARGEST)
        .read_to_string()
        .map_err(later)?;
    if status.is_success() {
        return Ok(text);
    }
    let told: Told = serde_json::from_str(&text).unwrap_or_default();
    let reason = said(&format!(
        "{}: {} {}",
        status.as_u16(),
        told.error.code,
        told.error.message.as_str().unwrap_or_default()
    ));
    Err(match status.as_u16() {
        // 401, 402 and 403 are a matter of the account, which people mend for every parcel at once.
        401..=403 | 408 | 409 | 425 | 429 | 500.. => Fault::Later(reason, wait),
        _ if UNDECIDED.contains(&told.error.code.as_str()) => Fault::Later(reason, wait),
        _ => Fault::Refused(reason),
    })
}

fn parsed<T: DeserializeOwned>(answer: &str) -> Result<T, Fault> {
    serde_json::from_str(answer)
        .map_err(|error| Fault::Later(said(&format!("the answer makes no sense: {error}")), None))
}

/// A parcel, as far as it matters here.
#[derive(Deserialize)]
struct Shipment {
    id: String,
    #[serde(default)]
    rates: Vec<Offer>,
    selected_rate: Option<Offer>,
    tracking_code: Option<String>,
    postage_label: Option<PostageLabel>,
    refund_status: Option<String>,
}

#[derive(Deserialize)]
struct Offer {
    id: String,
    carrier: String,
    service: String,
    rate: String,
    currency: String,
    delivery_days: Option<i64>,
}

#[derive(Deserialize)]
struct PostageLabel {
    label_zpl_url: Option<String>,
}

#[derive(Default, Deserialize)]
struct Told {
    #[serde(default)]
    error: Trouble,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Trouble {
    code: String,
    /// A text, or lists of texts by field.
    message: Value,
}

/// An offer in money that we know.
fn offer(offer: Offer) -> Option<Rate> {
    let currency = Currency::from_code(&offer.currency)?;
    Some(Rate {
        price: Money::parse(&offer.rate, currency).ok()?,
        id: offer.id,
        carrier: offer.carrier,
        service: offer.service,
        days: offer.delivery_days,
    })
}

fn address(address: &Address, email: Option<&str>) -> Value {
    json!({
        "name": address.name,
        "company": address.company,
        "street1": address.address1,
        "street2": address.address2,
        "city": address.city,
        "state": address.province,
        "zip": address.zip,
        "country": address.country,
        "phone": address.phone,
        "email": email,
    })
}

/// A name as part of a path.
fn segment(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// What somebody else said, as one short line.
fn said(reason: &str) -> String {
    let mut line = text::plain(reason.trim()).into_owned();
    if let Some((end, _)) = line.char_indices().nth(LONGEST_REASON) {
        line.truncate(end);
    }
    line
}
