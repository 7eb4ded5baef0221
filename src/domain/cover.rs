//! Cover: for how long stock lasts, when it is low, and how much to order.

/// What is known of a product's stock. Counts are units.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Cover {
    /// Units that may be set aside.
    pub available: i64,
    /// Units that open orders want and nothing covers.
    pub wanted: i64,
    /// Units that were ordered from suppliers for our stock and have not arrived.
    pub on_order: i64,
    /// Units that customers ordered in the last 28 days.
    pub demand_28d: i64,
    /// Days from an order to a supplier until the goods are here; 7 where none is known.
    pub lead_time_days: Option<i32>,
    /// At or under this many available units it is low, whatever the demand.
    pub reorder_point: i64,
}

/// The days of demand that a reorder covers beyond the lead time.
const REVIEW_DAYS: i64 = 14;
/// Days from an order to a supplier until the goods are here, where none is known.
pub(super) const USUAL_LEAD_TIME: i64 = 7;

impl Cover {
    /// For how many days what is available and on order lasts at the last four weeks' demand; none
    /// without demand.
    pub const fn days(&self) -> Option<i64> {
        let units = self.available + self.on_order - self.wanted;
        if self.demand_28d == 0 {
            None
        } else if units <= 0 {
            Some(0)
        } else {
            Some(units * 28 / self.demand_28d)
        }
    }

    /// Why it is low, for people; none where it is not: it would be gone before a delivery that is
    /// ordered today, or it is at its reorder point and nothing is on order.
    pub fn low(&self) -> Option<String> {
        let lead = self.lead();
        match self.days() {
            Some(days) if days <= lead => Some(format!(
                "{} left: {days} days of cover, {lead} days to get more",
                units(self.available)
            )),
            _ if self.available + self.on_order - self.wanted <= self.reorder_point => {
                Some(format!(
                    "{} left, reorder point {}",
                    units(self.available),
                    self.reorder_point
                ))
            }
            _ => None,
        }
    }

    /// How many units to order now so that it lasts through the lead time and two weeks more, and is
    /// above its reorder point then.
    pub const fn reorder_quantity(&self) -> i64 {
        let through = self.demand_28d * (self.lead() + REVIEW_DAYS);
        let target = (through + 27) / 28 + self.reorder_point + self.wanted;
        let quantity = target - self.available - self.on_order;
        if quantity > 0 { quantity } else { 0 }
    }

    const fn lead(&self) -> i64 {
        match self.lead_time_days {
            Some(days) => days as i64,
            None => USUAL_LEAD_TIME,
        }
    }
}

fn units(count: i64) -> String {
    match count {
        1 => "1 unit".to_owned(),
        _ => format!("{count} units"),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn two_a_day(available: i64) -> Cover {
        Cover {
            available,
            demand_28d: 56,
            lead_time_days: Some(5),
            ..Cover::default()
        }
    }

    #[test]
    fn it_is_low_once_a_delivery_would_come_too_late() {
        assert_eq!(two_a_day(12).low(), None);
        assert_eq!(
            two_a_day(11).low().as_deref(),
            Some("11 units left: 5 days of cover, 5 days to get more")
        );
        let ordered = Cover {
            on_order: 10,
            ..two_a_day(11)
        };
        assert_eq!(ordered.low(), None, "more is on its way");
    }

    #[test]
    fn without_demand_the_reorder_point_decides() {
        let slow = |available| Cover {
            available,
            reorder_point: 3,
            ..Cover::default()
        };
        assert_eq!(slow(4).low(), None);
        assert_eq!(
            slow(3).low().as_deref(),
            Some("3 units left, reorder point 3")
        );
        assert_eq!(slow(3).reorder_quantity(), 0);
        assert_eq!(slow(1).reorder_quantity(), 2);
    }

    proptest! {
        #[test]
        fn what_is_ordered_as_suggested_is_no_longer_low(
            available in 0_i64..500, wanted in 0_i64..100, demand_28d in 0_i64..2000,
            lead in 0_i32..60, reorder_point in 0_i64..50,
        ) {
            let cover = Cover {
                available, wanted, demand_28d, reorder_point,
                on_order: 0, lead_time_days: Some(lead),
            };
            let after = Cover { on_order: cover.reorder_quantity(), ..cover };
            if demand_28d > 0 && cover.low().is_some() {
                prop_assert_eq!(after.low(), None);
            }
        }
    }
}
