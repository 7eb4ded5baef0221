//! Who sells labels, by the settings.

use color_eyre::eyre::{Result, eyre};

use crate::config::Config;
use crate::domain::countries;
use crate::domain::orders::Address;
use crate::output::carriers::{Limits, Provider};

/// The provider of carriers' labels, where one is set up.
///
/// # Errors
/// A provider without an address that parcels are sent from.
pub(super) fn provider(config: &Config) -> Result<Option<Provider>> {
    let Some(url) = config.carrier_url.value.clone() else {
        return Ok(None);
    };
    let lines = &config.carrier_from.value.0;
    let [name, street, zip, city, country, state @ ..] = lines.as_slice() else {
        return Err(eyre!(
            "carrier.url is set; carrier.from: expected name, street, postcode, town and country, \
             a line each, found {} lines",
            lines.len()
        ));
    };
    let Some(country) = countries::code(country) else {
        return Err(eyre!(
            "carrier.from: expected {} in its fifth line, found {country:?}",
            countries::EXPECTED
        ));
    };
    let from = Address {
        name: name.clone(),
        address1: street.clone(),
        zip: zip.clone(),
        city: city.clone(),
        country,
        province: state.first().cloned().unwrap_or_default(),
        ..Address::default()
    };
    Ok(Some(Provider::new(url, &from, Limits::default())))
}
