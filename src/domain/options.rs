//! Shipping options, and what they cost an order. Which of them takes an order is said by the
//! database's function `option_refuses`, which the web shop's quotes ask too.

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
}

impl ShippingOption {
    /// What it costs for goods of this value after discounts, in minor units: nothing from its
    /// threshold on.
    pub const fn price_for(&self, goods: i64) -> i64 {
        match self.free_over {
            Some(over) if goods >= over => 0,
            _ => self.price,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_option_is_free_from_its_threshold_on() {
        let mut option = ShippingOption {
            id: 1,
            name: "Express".to_owned(),
            currency: "EUR".to_owned(),
            price: 990,
            free_over: Some(10_000),
            transit_days_max: 2,
        };
        assert_eq!(option.price_for(9_999), 990);
        assert_eq!(option.price_for(10_000), 0);
        option.free_over = None;
        assert_eq!(option.price_for(10_000), 990);
    }
}
