//! Promises: by when an order ships and arrives.
