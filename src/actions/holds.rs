//! Records that nobody can be assigned to, and that are held for a while by who took them.

use super::error::ActError;
use super::work::{Outcome, Work};
use crate::store::presence;

/// Gives back what this person took and could not claim.
pub(super) async fn give_back(work: &mut Work<'_>) -> Result<Outcome, ActError> {
    if presence::let_go(work.connection, work.act.record).await? {
        Ok(Outcome::new("left to others"))
    } else {
        Err(ActError::refused("you have not taken it"))
    }
}
