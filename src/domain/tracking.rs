//! Carriers' tracking statuses, mapped to one vocabulary.

use super::words::words;

words! {
    /// What a carrier says of a parcel, in EasyPost's words for a tracker's status.
    pub enum TrackingStatus {
        /// Nothing, or nothing that is known.
        Unknown = "unknown",
        /// A label exists.
        PreTransit = "pre_transit",
        /// Under way.
        InTransit = "in_transit",
        /// On the van.
        OutForDelivery = "out_for_delivery",
        /// Waits to be fetched.
        AvailableForPickup = "available_for_pickup",
        /// Arrived.
        Delivered = "delivered",
        /// On its way back.
        ReturnToSender = "return_to_sender",
        /// Could not be delivered.
        Failure = "failure",
        /// The label was cancelled.
        Cancelled = "cancelled",
        /// The carrier's system failed.
        Error = "error",
    }
}

impl TrackingStatus {
    /// The status of a carrier's word. A word that is not known stays [`Self::Unknown`]; keep the
    /// word itself beside it.
    pub fn of_word(word: &str) -> Self {
        word.parse().unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_that_is_not_known_stays_unknown() {
        assert_eq!(
            TrackingStatus::of_word("out_for_delivery"),
            TrackingStatus::OutForDelivery
        );
        assert_eq!(
            TrackingStatus::of_word("teleported"),
            TrackingStatus::Unknown
        );
    }
}
