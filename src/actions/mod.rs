//! Floor 3: what can be done. One use case is one transaction: load and lock, decide in the
//! domain, write, and let the database's triggers write the history.

pub mod addresses;
mod arguments;
pub mod carriers;
pub mod demo;
mod engine;
mod error;
mod foretell;
mod holds;
pub mod import;
mod inspections;
mod jobs;
pub mod labels;
pub mod letters;
mod mails;
mod next;
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

use chrono::{DateTime, Utc};

pub use engine::{News, Since, act, news, undo};
pub use error::{ActError, Conflict};
pub use foretell::{foretell, foretells};
pub use next::{Taken, take};
pub use work::Terms;

use crate::domain::act::{Act, Done};
use crate::store::db::Db;

/// Does an act, and what belongs to it outside the database.
///
/// # Errors
/// As [`act`]; refused where what belongs to it could not be done.
pub async fn act_and_print(
    db: &Db,
    wanted: Act,
    printing: &labels::Printing,
    source: &str,
    terms: Terms,
    now: DateTime<Utc>,
) -> Result<Done, ActError> {
    if labels::prints(&wanted) {
        labels::print(db, wanted, printing, source, terms, now).await
    } else {
        act(db, wanted, source, terms, now).await
    }
}
