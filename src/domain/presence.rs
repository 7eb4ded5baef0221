//! Who is where: what the people at other consoles are at.

use super::kind::RecordId;

/// Somebody at a record.
#[derive(Debug, Clone, PartialEq)]
pub struct Attendance {
    /// The login.
    pub who: String,
    /// At which record.
    pub record: RecordId,
    /// What they do there.
    pub doing: Doing,
    /// For how many seconds from now on this is true, unless they say so again.
    pub seconds: f64,
}

/// What somebody does at a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Doing {
    /// Has it open.
    Looking,
    /// Has taken it as the next to be done, where the record itself cannot say so.
    Holding,
    /// Writes a text for it.
    Writing,
}
