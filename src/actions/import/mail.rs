//! Importing mail into tickets.
//!
//! A mail finds its ticket by what it answers (In-Reply-To, then References), by our token, or as
//! another mail of the same sender about the same order; else it makes one. An answer to a resolved
//! ticket reopens it, one to a closed ticket starts a linked one. What a program wrote neither
//! reopens anything nor starts a clock. No mail is dropped: what could not be understood is kept
//! whole beside its ticket's message.

use std::io::Read;
use std::path::PathBuf;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::{Failed, Import, Run, Summary, Verdict};
use crate::domain::calendar::Calendar;
use crate::domain::clocks::Clocks;
use crate::domain::tickets::{MessageKind, Priority, TicketState};
use crate::intake::mail::{Mail, Mails};
use crate::intake::{Fault, Rejection, hex};
use crate::store::db::DbError;
use crate::store::import::begin;
use crate::store::import::mail::{self as store, NewMail, NewTicket};
use crate::store::{clocks, tickets};

/// The longest Message-ID that is kept; a longer one is a hostile one.
const LONGEST_ID: usize = 500;

/// Imports mails from files and folders; `-` is `input`. Clocks run in the hours of `calendar`; a
/// mail without a date, or from the future, is of `now`.
pub async fn import(
    run: Run<'_>,
    paths: Vec<PathBuf>,
    input: impl Read + Send,
    calendar: Calendar,
    now: DateTime<Utc>,
) -> Result<Summary, Failed> {
    put(run, Mails::open(paths, input), calendar, now).await
}

/// As [`import`], of mails that were read before.
pub(in crate::actions) async fn put(
    run: Run<'_>,
    mails: impl Iterator<Item = Result<Mail, Fault>> + Send,
    calendar: Calendar,
    now: DateTime<Utc>,
) -> Result<Summary, Failed> {
    super::run(run, Mailbox { calendar, now }, mails).await
}

struct Mailbox {
    calendar: Calendar,
    now: DateTime<Utc>,
}

impl Import for Mailbox {
    type Value = Mail;

    const BATCH: usize = 20;

    async fn write(
        &self,
        connection: &mut PgConnection,
        mails: &[Mail],
    ) -> Result<Vec<Verdict>, DbError> {
        let mut verdicts = Vec::with_capacity(mails.len());
        for mail in mails {
            // Each mail is a source of its own.
            begin(connection, &mail.file).await?;
            verdicts.push(self.file_away(connection, mail).await?);
        }
        Ok(verdicts)
    }

    fn line(&self, _: &Mail) -> u64 {
        1
    }

    fn file<'v>(&'v self, mail: &'v Mail) -> &'v str {
        &mail.file
    }

    fn refused(&self, mail: &Mail, reason: &str) -> Vec<Rejection> {
        vec![Rejection::new(&mail.file, 1, "", &mail.subject, reason)]
    }
}

impl Mailbox {
    async fn file_away(
        &self,
        connection: &mut PgConnection,
        mail: &Mail,
    ) -> Result<Verdict, DbError> {
        let mailbox = mail
            .to
            .first()
            .map_or(String::new(), |to| to.address.to_lowercase());
        let body = body(mail);
        let Some(message_id) = unused_id(connection, &mailbox, mail, &body).await? else {
            return Ok(Verdict::Unchanged);
        };
        let at = mail
            .sent_at
            .filter(|sent| *sent <= self.now)
            .unwrap_or(self.now);
        let ticket = self.ticket(connection, mail, at).await?;
        let sender = mail.from.as_ref().map_or("", |from| &from.address);
        let new = NewMail {
            kind: kind(mail),
            at,
            sender,
            subject: &mail.subject,
            body: &body,
            mailbox: &mailbox,
            message_id: &message_id,
            in_reply_to: mail
                .answers
                .last()
                .map(String::as_str)
                .filter(|id| id.len() <= LONGEST_ID),
        };
        let message = store::insert_message(connection, ticket, &new).await?;
        if mail.broken.is_some() {
            let kind = "message/rfc822";
            store::insert_attachment(connection, message, "message.eml", kind, &mail.raw).await?;
        }
        if !mail.quoted.is_empty() {
            let (name, quoted) = ("quoted.txt", mail.quoted.as_bytes());
            store::insert_attachment(connection, message, name, "text/plain", quoted).await?;
        }
        for file in &mail.attachments {
            let kind = &file.content_type;
            store::insert_attachment(connection, message, &file.name, kind, &file.bytes).await?;
        }
        Ok(Verdict::Created)
    }

    /// The ticket that a mail belongs to, made or moved as the mail demands.
    async fn ticket(
        &self,
        connection: &mut PgConnection,
        mail: &Mail,
        at: DateTime<Utc>,
    ) -> Result<i64, DbError> {
        let sender = mail.from.as_ref().map(|from| from.address.as_str());
        let mut order = store::order(connection, &mail.orders, sender).await?;
        let mut found = conversation(connection, mail, &mut order).await?;
        if let (None, Some(order), Some(sender)) = (found, order, sender) {
            found = store::open_ticket(connection, order, sender).await?;
        }
        let mut continues = None;
        if let Some(id) = found {
            let (id, standing) = present(connection, id).await?;
            if standing.state != TicketState::Closed.as_str() {
                self.continue_ticket(connection, mail, id, &standing, at)
                    .await?;
                if let Some(order) = order {
                    store::link_order(connection, id, order).await?;
                }
                return Ok(id);
            }
            continues = Some(id);
            order = order.or(standing.order_id);
        }
        let kind = kind(mail);
        let priority = match kind {
            MessageKind::Inbound => Priority::Normal,
            _ => Priority::Low,
        };
        let name = mail
            .from
            .as_ref()
            .map_or("", |from| match from.name.as_str() {
                "" => &from.address,
                name => name,
            });
        let subject = if mail.subject.is_empty() {
            "(no subject)"
        } else {
            &mail.subject
        };
        let new = NewTicket {
            subject,
            email: sender,
            name,
            order_id: order,
            priority,
            continues,
            at,
        };
        let id = store::insert_ticket(connection, &new).await?;
        if kind != MessageKind::Auto {
            let (clocks, events) = Clocks::opened(priority, at, &self.calendar);
            clocks::store(connection, id, &clocks, &events).await?;
        }
        Ok(id)
    }

    /// A mail of a person, or one of ours that did not arrive, is ours to act on.
    async fn continue_ticket(
        &self,
        connection: &mut PgConnection,
        mail: &Mail,
        id: i64,
        standing: &store::Standing,
        at: DateTime<Utc>,
    ) -> Result<(), DbError> {
        if kind(mail) == MessageKind::Auto {
            return Ok(());
        }
        store::wake(connection, id).await?;
        let priority = standing.priority.parse().unwrap_or(Priority::Normal);
        let mut clocks = clocks::read(connection, id).await?;
        let events = clocks.customer_wrote(priority, at, &self.calendar);
        clocks::store(connection, id, &clocks, &events).await
    }
}

/// What a mail is in its ticket. A report that a mail arrived, or will later, is a program's word.
fn kind(mail: &Mail) -> MessageKind {
    match &mail.bounce {
        Some(bounce)
            if bounce
                .action
                .as_deref()
                .is_none_or(|action| action == "failed") =>
        {
            MessageKind::Bounce
        }
        Some(_) => MessageKind::Auto,
        None if mail.automatic.is_some() => MessageKind::Auto,
        None => MessageKind::Inbound,
    }
}

/// The text of a mail, with what is known of it where there is none.
fn body(mail: &Mail) -> String {
    let mut body = mail.text.clone();
    let mut note = |text: String| {
        if !body.is_empty() {
            body.push_str("\n\n");
        }
        body.push_str(&text);
    };
    if let Some(reason) = mail.broken {
        note(format!(
            "[This mail is kept as it came, in message.eml: {reason}.]"
        ));
    }
    if let Some(bounce) = &mail.bounce {
        let parts = [
            &bounce.recipient,
            &bounce.action,
            &bounce.status,
            &bounce.diagnostic,
        ];
        let parts: Vec<_> = parts.into_iter().flatten().map(String::as_str).collect();
        if !parts.is_empty() {
            note(format!("[Not delivered: {}]", parts.join(", ")));
        }
    }
    body
}

/// The Message-ID to keep a mail under, `None` where it is there already. A mail without one, and
/// another mail with a Message-ID that was used before, is kept under its digest.
async fn unused_id(
    connection: &mut PgConnection,
    mailbox: &str,
    mail: &Mail,
    body: &str,
) -> Result<Option<String>, DbError> {
    if let Some(id) = mail.message_id.as_ref().filter(|id| id.len() <= LONGEST_ID) {
        match store::message(connection, mailbox, id).await? {
            None => return Ok(Some(id.clone())),
            Some(known) if known.subject == mail.subject && known.body == body => return Ok(None),
            Some(_) => {}
        }
    }
    let id = format!("{}@digest.packline.invalid", hex(&mail.digest()));
    let known = store::message(connection, mailbox, &id).await?;
    Ok(known.is_none().then_some(id))
}

/// The ticket that a mail answers; or the order, where what it answers is a notice about one.
async fn conversation(
    connection: &mut PgConnection,
    mail: &Mail,
    order: &mut Option<i64>,
) -> Result<Option<i64>, DbError> {
    let original = mail
        .bounce
        .as_ref()
        .and_then(|bounce| bounce.original.clone());
    let answers: Vec<_> = original
        .into_iter()
        .chain(mail.answers.iter().rev().cloned())
        .collect();
    if let Some(ticket) = store::thread(connection, &answers).await? {
        return Ok(Some(ticket));
    }
    for id in &answers {
        match store::notice(connection, id).await? {
            Some((kind, ticket)) if kind == "ticket" => return Ok(Some(ticket)),
            Some((kind, id)) if kind == "order" => *order = Some(id),
            _ => {}
        }
    }
    match &mail.ticket {
        Some(sign) => store::by_token(connection, sign.number, &sign.token).await,
        None => Ok(None),
    }
}

/// Where a ticket went, locked.
async fn present(
    connection: &mut PgConnection,
    mut id: i64,
) -> Result<(i64, store::Standing), DbError> {
    loop {
        tickets::lock(connection, id).await?;
        let standing = store::standing(connection, id).await?;
        match standing.merged_into_id {
            Some(into) => id = into,
            None => return Ok((id, standing)),
        }
    }
}
