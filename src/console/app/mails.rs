//! What a page says of the mails about its record.

use super::document::{Document, Span, Tone, bad, muted, plain, strong};
use super::facts::{Context, count, dotted};
use crate::domain::notices::{Notice, NoticeState, SubjectKind};

/// How many mails wait for a person, how many can still be stopped, and how many were stopped that
/// may have to leave after all.
pub(super) fn waiting(held: i64, failed: i64, stopped: i64) -> Vec<Span> {
    let mut pieces = Vec::new();
    if failed > 0 {
        let words = count(failed, "mail failed", "mails failed");
        pieces.push(bad(format!("{words}: resend-mail or stop-mail")));
    }
    if held > 0 {
        let words = count(held, "mail has not left", "mails have not left");
        pieces.push(plain(format!("{words}: stop-mail")));
    }
    if stopped > 0 {
        let words = count(
            stopped,
            "purchase order was stopped",
            "purchase orders were stopped",
        );
        pieces.push(bad(format!("{words}: resend-mail")));
    }
    dotted(pieces)
}

/// The mails, newest first, each as it leaves or left.
pub(super) fn mails(document: &mut Document, mails: &[Notice], ctx: Context) {
    if mails.is_empty() {
        return;
    }
    document.heading("Mail");
    for (index, mail) in mails.iter().enumerate() {
        if index > 0 {
            document.gap();
        }
        document.flow(dotted(vec![
            strong(format!("mail {}", mail.id)),
            state(mail, ctx),
            plain(match mail.subject.kind {
                SubjectKind::Shipment => format!("{}, SHP-{}", mail.kind.label(), mail.subject.id),
                SubjectKind::Ticket => format!("{}, TKT-{}", mail.kind.label(), mail.subject.id),
                _ => mail.kind.label(),
            }),
            plain(format!("to {}", mail.recipient)),
        ]));
        if let Some(error) = mail
            .error
            .as_ref()
            .filter(|_| mail.state != NoticeState::Sent)
        {
            document.flow(vec![bad(error)]);
        }
        document.flow(vec![strong(&mail.mail.subject)]);
        document.text(mail.mail.text.trim_end());
        if let Some(name) = &mail.attachment {
            document.flow(vec![muted("attached: "), plain(name)]);
        }
    }
}

/// How far it has come, and when.
fn state(mail: &Notice, ctx: Context) -> Span {
    let until = |at| ctx.moment(at);
    match (mail.state, mail.sent_at, mail.retry_at) {
        (NoticeState::Held, ..) => {
            Span::new(format!("held until {}", until(mail.held_until)), Tone::Warn)
        }
        (NoticeState::Sent, Some(at), _) => Span::new(format!("sent {}", until(at)), Tone::Good),
        (NoticeState::Queued, _, Some(at)) => {
            let words = format!("on its way, tried again {}", until(at));
            Span::new(words, Tone::Warn)
        }
        (NoticeState::Failed, ..) => bad("failed"),
        (NoticeState::Cancelled, ..) => muted("stopped"),
        (state, ..) => plain(state.as_str()),
    }
}
