//! Stopping mails, and sending those after all that did not get through.

use super::error::ActError;
use super::work::{Outcome, Work};
use crate::domain::notices::NoticeState;
use crate::domain::verbs::{CAN_RESEND, CAN_STOP};
use crate::output::mailer::Mailbox;
use crate::store::notices::{self, Open};

/// Stops the mail that is meant.
pub(super) async fn stop(
    work: &mut Work<'_>,
    open: Vec<Open>,
) -> Result<(Open, Outcome), ActError> {
    let open = open
        .into_iter()
        .filter(|mail| mail.state != NoticeState::Cancelled)
        .collect();
    let mail = the_one(work, open, CAN_STOP)?;
    notices::cancel(work.connection, mail.id).await?;
    let outcome = Outcome::new(format!(
        "stopped the {} to {}",
        mail.kind.label(),
        mail.recipient
    ));
    Ok((mail, outcome))
}

/// Sends the mail that is meant and failed or was stopped, to another address where one is given.
pub(super) async fn resend(work: &mut Work<'_>, open: Vec<Open>) -> Result<Outcome, ActError> {
    let failed = open
        .into_iter()
        .filter(|mail| matches!(mail.state, NoticeState::Failed | NoticeState::Cancelled))
        .collect();
    let mail = the_one(work, failed, CAN_RESEND)?;
    if let Some(why) = mail.moot {
        return Err(ActError::refused(format!(
            "the {} no longer stands: {why}",
            mail.kind.label()
        )));
    }
    let to = work.given.optional_text("to").map(ToOwned::to_owned);
    if let Some(to) = &to
        && to.parse::<Mailbox>().is_err()
    {
        return Err(ActError::argument("to", "a mail address"));
    }
    notices::requeue(work.connection, mail.id, to.as_deref(), work.now).await?;
    let to = to.unwrap_or(mail.recipient);
    Ok(Outcome::new(format!(
        "the {} to {to} leaves again",
        mail.kind.label()
    )))
}

/// The mail that the argument names; without one, the only one that there is.
fn the_one(work: &Work<'_>, mut open: Vec<Open>, what: &str) -> Result<Open, ActError> {
    if let Some(wanted) = work.given.optional_text("mail") {
        let number: i64 = wanted
            .parse()
            .map_err(|_| ActError::argument("mail", "the number of a mail, such as 12"))?;
        return open
            .into_iter()
            .find(|mail| mail.id == number)
            .ok_or_else(|| ActError::refused(format!("no mail {number} of it {what}")));
    }
    match (open.pop(), open.len()) {
        (Some(only), 0) => Ok(only),
        (None, _) => Err(ActError::refused(format!("no mail of it {what}"))),
        (Some(last), _) => {
            let numbers: Vec<String> = open
                .iter()
                .chain([&last])
                .map(|mail| format!("{} ({} to {})", mail.id, mail.kind.label(), mail.recipient))
                .collect();
            let expected = format!("which mail: {}", numbers.join(", "));
            Err(ActError::argument("mail", &expected))
        }
    }
}
