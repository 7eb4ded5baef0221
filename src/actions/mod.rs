//! Floor 3: what can be done. One use case is one transaction: load and lock, decide in the
//! domain, write, and let the database's triggers write the history.

mod arguments;
pub mod demo;
mod engine;
mod error;
pub mod import;
mod inspections;
pub mod labels;
pub mod letters;
pub mod notices;
pub mod options;
mod orders;
pub mod progress;
mod purchases;
mod shipments;
mod shipping;
mod stock;
pub mod sweep;
mod tickets;
mod work;

pub use engine::{act, undo};
pub use error::{ActError, Conflict};
