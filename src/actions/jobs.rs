//! What is done with work for a record that the worker gave up.

use super::error::ActError;
use super::work::{Outcome, Work};
use crate::store::jobs::{self, Settled};

pub(super) async fn retry(work: &mut Work<'_>) -> Result<Outcome, ActError> {
    jobs::settle(work.connection, work.act.record, Settled::Retried).await?;
    Ok(Outcome::new("the worker tries it again"))
}

pub(super) async fn forget(work: &mut Work<'_>) -> Result<Outcome, ActError> {
    jobs::settle(work.connection, work.act.record, Settled::Done).await?;
    Ok(Outcome::new("forgot what the worker gave up"))
}
