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

/// Where carriers tell of a parcel, by the carrier's name in small letters; `{code}` stands for its
/// code. An address of one's own in the table `carriers` counts more.
const PAGES: [(&str, &str); 9] = [
    (
        "dhl",
        "https://www.dhl.com/global-en/home/tracking.html?tracking-id={code}",
    ),
    ("dpd", "https://tracking.dpd.de/status/en_US/parcel/{code}"),
    ("evri", "https://www.evri.com/track/parcel/{code}"),
    ("fedex", "https://www.fedex.com/fedextrack/?trknbr={code}"),
    (
        "gls",
        "https://gls-group.com/EU/en/parcel-tracking/?match={code}",
    ),
    (
        "la poste",
        "https://www.laposte.fr/outils/suivre-vos-envois?code={code}",
    ),
    (
        "royal mail",
        "https://www.royalmail.com/track-your-item#/tracking-results/{code}",
    ),
    ("ups", "https://www.ups.com/track?tracknum={code}"),
    (
        "usps",
        "https://tools.usps.com/go/TrackConfirmAction?tLabels={code}",
    ),
];

/// The page on which a carrier tells of a parcel. The code is others' text: whatever it holds, it
/// stays a part of the address. None for a carrier whose page is not known, or where what an
/// administrator wrote is no address of the web.
pub fn page(own: Option<&str>, carrier: &str, code: &str) -> Option<String> {
    let carrier = carrier.trim().to_lowercase();
    let known = PAGES.iter().find(|(name, _)| *name == carrier);
    let template = own.or(known.map(|(_, template)| *template))?;
    link(template, code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_is_the_carriers_and_holds_the_code() {
        let ups = page(None, "UPS", "1Z999AA10123456784");
        let expected = "https://www.ups.com/track?tracknum=1Z999AA10123456784";
        assert_eq!(ups.as_deref(), Some(expected));
        assert_eq!(page(None, "Pigeon Post", "1"), None);
        let own = page(Some("https://pigeon.example/{code}"), "Pigeon Post", "1");
        assert_eq!(own.as_deref(), Some("https://pigeon.example/1"));
    }

    #[test]
    fn a_hostile_code_or_address_stays_an_address() {
        let code = "x\u{1b}]8;;https://evil.example\u{7}&a=/../\u{202e}é?#";
        let page = super::page(None, "UPS", code).expect("a page");
        assert!(
            page.starts_with("https://www.ups.com/track?tracknum=x%1B"),
            "{page}"
        );
        assert!(
            page.bytes().all(|byte| (0x21..0x7f).contains(&byte)),
            "{page}"
        );
        assert_eq!(page.matches("://").count(), 1, "{page}");
        assert_eq!(
            super::page(Some("javascript:alert({code})"), "UPS", "1"),
            None
        );
        assert_eq!(super::page(Some("nonsense"), "UPS", "1"), None);
    }

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
