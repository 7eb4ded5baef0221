//! Floor 2: formats out.

pub mod mailer;
pub mod notices;
pub mod slip;
pub mod zpl;
