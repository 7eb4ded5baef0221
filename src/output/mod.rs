//! Floor 2: formats out.

pub mod carriers;
pub mod mailer;
pub mod notices;
pub mod printer;
pub mod slip;
pub mod zpl;
