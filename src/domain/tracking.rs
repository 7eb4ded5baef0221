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

/// Where a parcel can be followed: a carrier's address with `{code}` in the place of its tracking
/// code. `None` where that is no web address.
pub fn link(address: &str, code: &str) -> Option<String> {
    let code = percent_encoding::utf8_percent_encode(code, percent_encoding::NON_ALPHANUMERIC);
    let link = address.replace("{code}", &code.to_string());
    let web = link.starts_with("https://") || link.starts_with("http://");
    let clean = link.bytes().all(|byte| byte.is_ascii_graphic());
    (web && clean).then_some(link)
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

    #[test]
    fn a_link_is_to_the_web_and_holds_the_code_as_text() {
        let at = "https://track.example/?n={code}&l=en";
        assert_eq!(
            link(at, "A 1&x=<").as_deref(),
            Some("https://track.example/?n=A%201%26x%3D%3C&l=en")
        );
        assert_eq!(link("javascript:alert({code})", "1"), None);
        assert_eq!(link("https://a b/{code}", "1"), None);
    }
}
