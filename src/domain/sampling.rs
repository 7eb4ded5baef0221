//! Sampling: which goods are inspected before they leave.

use sha2::{Digest as _, Sha256};

/// The share of a product's goods that is inspected, in percent: what the plan says, and after a
/// defect within the last 90 days at least half of them, after three all of them.
pub const fn percent(planned: i16, recent_defects: i64) -> i16 {
    let least = match recent_defects {
        ..=0 => 0,
        1..=2 => 50,
        _ => 100,
    };
    if planned > least { planned } else { least }
}

/// Whether this product in this order is in the sample. The same question has the same answer, so
/// that trying again does not dodge an inspection.
pub fn chosen(order_id: i64, product_id: i64, percent: i16) -> bool {
    let mut hash = Sha256::new();
    hash.update(order_id.to_be_bytes());
    hash.update(product_id.to_be_bytes());
    let bytes = hash.finalize();
    let draw = u16::from_be_bytes([bytes[0], bytes[1]]) % 100;
    i32::from(draw) < i32::from(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_one_in_five_is_about_one_in_five_and_the_same_each_time() {
        let draw = |id| chosen(id, 7, 20);
        let sample: Vec<i64> = (0..10_000).filter(|id| draw(*id)).collect();
        assert!((1_800..2_200).contains(&sample.len()), "{}", sample.len());
        assert!(sample.iter().all(|id| draw(*id)));
        assert!(!(0..1_000).any(|id| chosen(id, 7, 0)));
        assert!((0..1_000).all(|id| chosen(id, 7, 100)));
    }

    #[test]
    fn defects_raise_the_share() {
        assert_eq!(percent(5, 0), 5);
        assert_eq!(percent(5, 1), 50);
        assert_eq!(percent(80, 2), 80);
        assert_eq!(percent(5, 3), 100);
    }
}
