//! Floor 2: formats out.

pub mod mailer;
