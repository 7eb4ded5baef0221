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
