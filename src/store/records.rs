//! Full views.
