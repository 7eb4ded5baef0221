//! Shipping options: which serve an order, and what they cost it.

/// A shipping option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShippingOption {
    /// Primary key.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// ISO 4217 code of its price.
    pub currency: String,
    /// Minor units.
    pub price: i64,
    /// It is free for goods of this value and above, in minor units.
    pub free_over: Option<i64>,
    /// Days on the way at most.
    pub transit_days_max: i32,
    /// ISO 3166 codes of the countries that it serves; empty for everywhere.
    pub countries: Vec<String>,
    /// Grams that it takes at most.
    pub max_weight_g: Option<i32>,
}

/// What an option is asked to take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consignment {
    /// ISO 4217 code of the order's amounts.
    pub currency: String,
    /// What the goods cost after discounts, in minor units.
    pub goods: i64,
    /// ISO 3166 code of where it goes, where that is known.
    pub country: Option<String>,
    /// Grams, as far as the products' weights are known.
    pub weight_g: i64,
}

impl ShippingOption {
    /// Whether it takes an order.
    ///
    /// # Errors
    /// Why not, for people.
    pub fn takes(&self, order: &Consignment) -> Result<(), String> {
        if self.currency != order.currency {
            return Err(format!(
                "it has a price in {}, the order is in {}",
                self.currency, order.currency
            ));
        }
        if !self.countries.is_empty() {
            let served = |country: &&String| {
                let mut served = self.countries.iter();
                served.any(|code| code.eq_ignore_ascii_case(country))
            };
            match order.country.as_ref() {
                None => return Err("it is not known to which country the order goes".to_owned()),
                Some(country) if !served(&country) => {
                    return Err(format!("it does not serve {country}"));
                }
                Some(_) => {}
            }
        }
        match self.max_weight_g {
            Some(most) if order.weight_g > i64::from(most) => Err(format!(
                "it takes {most} g at most, the order weighs {} g",
                order.weight_g
            )),
            _ => Ok(()),
        }
    }

    /// What it costs an order, in minor units: nothing from its threshold on.
    pub const fn price_for(&self, order: &Consignment) -> i64 {
        match self.free_over {
            Some(over) if order.goods >= over => 0,
            _ => self.price,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_takes_what_fits_its_currency_countries_and_weight() {
        let option = ShippingOption {
            id: 1,
            name: "Express".to_owned(),
            currency: "EUR".to_owned(),
            price: 990,
            free_over: Some(10_000),
            transit_days_max: 2,
            countries: vec!["PT".to_owned(), "ES".to_owned()],
            max_weight_g: Some(2_000),
        };
        let order = |currency: &str, country: Option<&str>, weight_g, goods| Consignment {
            currency: currency.to_owned(),
            goods,
            country: country.map(ToOwned::to_owned),
            weight_g,
        };
        let fits = order("EUR", Some("pt"), 2_000, 9_999);
        assert_eq!(option.takes(&fits), Ok(()));
        assert_eq!(option.price_for(&fits), 990);
        assert_eq!(option.price_for(&order("EUR", Some("PT"), 1, 10_000)), 0);
        let cases = [
            (
                order("USD", Some("PT"), 1, 1),
                "it has a price in EUR, the order is in USD",
            ),
            (order("EUR", Some("US"), 1, 1), "it does not serve US"),
            (
                order("EUR", None, 1, 1),
                "it is not known to which country the order goes",
            ),
            (
                order("EUR", Some("PT"), 2_001, 1),
                "it takes 2000 g at most, the order weighs 2001 g",
            ),
        ];
        for (order, why) in cases {
            assert_eq!(option.takes(&order), Err(why.to_owned()));
        }
    }
}
