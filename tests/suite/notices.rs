//! Notices: from the transaction that lays them ready to a real mail server, once, whatever
//! happens on the way.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use mail_parser::{MessageParser, MimeHeaders as _};
use packline::actions::notices::{Delivered, deliver, deliver_due};
use packline::domain::notices::{
    Attachment, Mail, NewNotice, Notice, NoticeKind, NoticeState, Subject, SubjectKind,
};
use packline::domain::people::Role;
use packline::output::mailer::{Letter, Mailer, Outcome, Settings};
use packline::store::db::{Db, DbError};
use packline::store::notices::{self as store, Claim};

use crate::harness::{self, Manners, SmtpServer, deadline};
use crate::shop::{LIMIT, Shop};

/// The time at which the tests begin.
fn start() -> DateTime<Utc> {
    "2026-03-09T10:00:00Z".parse().expect("a time")
}

fn mailer(url: &str) -> Mailer {
    mailer_with(url, 0, LIMIT)
}

/// A mailer that a server must answer within `limit`.
fn mailer_with(url: &str, per_minute: u32, limit: Duration) -> Mailer {
    let from = "Loja & Filhos <ola@loja.test>".parse().expect("an address");
    let settings = Settings {
        per_minute,
        connect_limit: limit,
        send_limit: limit,
        ..Settings::new(from)
    };
    Mailer::new(&url.parse().expect("a URL"), settings).expect("a mailer")
}

fn to(server: &SmtpServer) -> Mailer {
    mailer(&format!("smtp://127.0.0.1:{}?tls=none", server.port))
}

fn notice(occasion: &str) -> NewNotice {
    NewNotice {
        kind: NoticeKind::Shipped,
        subject: Subject::new(SubjectKind::Order, 1),
        occasion: occasion.to_owned(),
        recipient: "Zoë Ørsted <zoe@example.org>".to_owned(),
        mail: Mail {
            subject: "On its way: ☕ #1042".to_owned(),
            text: "Hello Zoë,\n.\nthat was a dot.\n".to_owned(),
            html: Some("<p>Hello Zoë</p>".to_owned()),
        },
        attachment: None,
        answers: Vec::new(),
    }
}

/// The shop's notices, as its worker sees them.
struct Outbox {
    db: Db,
    _shop: Shop,
}

impl Outbox {
    async fn open() -> Self {
        let shop = Shop::open().await;
        Self {
            db: shop.colleague(Role::Worker),
            _shop: shop,
        }
    }

    /// Lays a notice ready, due at the start.
    async fn put(&self, notice: NewNotice) -> Option<i64> {
        self.try_put(notice).await.expect("a notice laid ready")
    }

    async fn try_put(&self, notice: NewNotice) -> Result<Option<i64>, DbError> {
        self.db
            .call(LIMIT, move |connection| {
                Box::pin(async move { store::enqueue(connection, &notice, start()).await })
            })
            .await
    }

    async fn all(&self) -> Vec<Notice> {
        self.db
            .call(LIMIT, |connection| {
                Box::pin(store::of_subject(
                    connection,
                    Subject::new(SubjectKind::Order, 1),
                ))
            })
            .await
            .expect("the notices")
    }

    async fn only(&self) -> Notice {
        let mut all = self.all().await;
        assert_eq!(all.len(), 1);
        all.remove(0)
    }

    async fn deliver(&self, mailer: &Mailer, now: DateTime<Utc>) -> Delivered {
        let delivered = Box::pin(deliver_due(&self.db, mailer, now, 1_000));
        deadline(LIMIT, "delivery", delivered)
            .await
            .expect("the database")
    }
}

const fn counts(sent: u64, later: u64, failed: u64) -> Delivered {
    Delivered {
        sent,
        later,
        failed,
    }
}

#[tokio::test]
async fn a_notice_leaves_once_when_its_undo_window_has_ended() {
    let (outbox, server) = (Outbox::open().await, SmtpServer::plain().await);
    let mailer = to(&server);
    let id = outbox.put(notice("SHP-7")).await.expect("it is new");
    let stopped = outbox.put(notice("SHP-8")).await.expect("it is new");
    assert_eq!(outbox.put(notice("SHP-7")).await, None, "told once");
    let before = start() - TimeDelta::seconds(1);
    assert_eq!(outbox.deliver(&mailer, before).await, counts(0, 0, 0));
    let cancel = |id| {
        outbox.db.call(LIMIT, move |connection| {
            Box::pin(store::cancel(connection, id))
        })
    };
    assert!(cancel(stopped).await.expect("the database"));
    assert_eq!(outbox.deliver(&mailer, start()).await, counts(1, 0, 0));
    assert_eq!(outbox.deliver(&mailer, start()).await, counts(0, 0, 0));
    assert!(!cancel(id).await.expect("the database"), "it has left");

    let all = outbox.all().await;
    assert_eq!(all[0].state, NoticeState::Cancelled);
    assert_eq!(all[1].state, NoticeState::Sent);
    assert_eq!(all[1].sent_at, Some(start()));
    let taken = server.taken();
    assert_eq!(taken.len(), 1);
    assert_eq!(taken[0].from, "ola@loja.test");
    assert_eq!(taken[0].to, ["zoe@example.org"]);
    let mail = MessageParser::new().parse(&taken[0].mail).expect("a mail");
    assert_eq!(mail.subject(), Some("On its way: ☕ #1042"));
    let sender = mail.from().and_then(|from| from.first()).expect("a sender");
    assert_eq!(sender.name(), Some("Loja & Filhos"));
    let reader = mail.to().and_then(|to| to.first()).expect("a reader");
    assert_eq!(reader.name(), Some("Zoë Ørsted"));
    assert_eq!(
        mail.body_text(0).as_deref(),
        Some("Hello Zoë,\r\n.\r\nthat was a dot.\r\n")
    );
    assert_eq!(mail.body_html(0).as_deref(), Some("<p>Hello Zoë</p>"));
    assert_eq!(
        mail.header_raw("Auto-Submitted").map(str::trim),
        Some("auto-generated")
    );
    assert_eq!(
        mail.date().map(mail_parser::DateTime::to_timestamp),
        Some(start().timestamp())
    );
    let message_id = mail.message_id().expect("a Message-ID");
    assert!(
        message_id.starts_with(&format!("shipped.{id}.")),
        "{message_id}"
    );
    assert!(message_id.ends_with("@loja.test"), "{message_id}");
}

#[tokio::test]
async fn what_the_server_puts_off_is_tried_again_as_the_same_mail() {
    let (outbox, server) = (Outbox::open().await, SmtpServer::plain().await);
    let mailer = to(&server);
    outbox.put(notice("SHP-7")).await;
    server.behave(Manners::AnswersRecipients(451));
    assert_eq!(outbox.deliver(&mailer, start()).await, counts(0, 1, 0));
    let waiting = outbox.only().await;
    assert_eq!(waiting.state, NoticeState::Queued);
    assert_eq!(waiting.retry_at, Some(start() + TimeDelta::minutes(1)));
    assert!(waiting.error.expect("why").contains("451"));

    // It takes the mail, but the answer is lost.
    server.behave(Manners::TakesAndHangsUp);
    let second = start() + TimeDelta::minutes(1);
    assert_eq!(outbox.deliver(&mailer, second).await, counts(0, 1, 0));
    let third = second + TimeDelta::minutes(2);
    assert_eq!(outbox.only().await.retry_at, Some(third));
    server.behave(Manners::Takes);
    assert_eq!(outbox.deliver(&mailer, third).await, counts(1, 0, 0));
    let taken = server.taken();
    assert_eq!(taken.len(), 2);
    assert_eq!(taken[0], taken[1], "the same mail to the byte");
    assert_eq!(outbox.only().await.error, None);
}

#[tokio::test]
async fn what_the_server_refuses_is_given_to_a_person_who_may_send_it_elsewhere() {
    let (outbox, server) = (Outbox::open().await, SmtpServer::plain().await);
    let mailer = to(&server);
    let id = outbox.put(notice("SHP-7")).await.expect("it is new");
    server.behave(Manners::AnswersRecipients(550));
    assert_eq!(outbox.deliver(&mailer, start()).await, counts(0, 0, 1));
    let failed = outbox.only().await;
    assert_eq!(failed.state, NoticeState::Failed);
    assert!(failed.error.expect("why").contains("550"));
    let later = start() + TimeDelta::days(2);
    assert_eq!(outbox.deliver(&mailer, later).await, counts(0, 0, 0));

    server.behave(Manners::AnswersMails(554));
    let requeue = |recipient: &'static str| {
        outbox.db.call(LIMIT, move |connection| {
            Box::pin(store::requeue(connection, id, Some(recipient), later))
        })
    };
    assert!(requeue("zoe@example.net").await.expect("the database"));
    assert_eq!(outbox.deliver(&mailer, later).await, counts(0, 0, 1));
    server.behave(Manners::Takes);
    assert!(requeue("zoe@example.com").await.expect("the database"));
    assert_eq!(outbox.deliver(&mailer, later).await, counts(1, 0, 0));
    assert_eq!(server.taken()[0].to, ["zoe@example.com"]);
}

#[tokio::test]
async fn a_server_that_is_silent_or_gone_holds_nobody_up() {
    let (outbox, server) = (Outbox::open().await, SmtpServer::plain().await);
    let url = format!("smtp://127.0.0.1:{}?tls=none", server.port);
    let hasty = mailer_with(&url, 0, Duration::from_secs(1));
    let id = outbox.put(notice("SHP-7")).await.expect("it is new");
    server.behave(Manners::FallsSilent);
    let outcome = deadline(
        LIMIT,
        "delivery",
        Box::pin(deliver(&outbox.db, &hasty, id, start())),
    )
    .await;
    let Ok(Some(Outcome::Later(reason))) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(
        reason.contains("did not take the mail within 1s"),
        "{reason}"
    );

    // The first that finds no server is the last that looks for one.
    server.behave(Manners::NeverGreets);
    for occasion in 0..20 {
        outbox.put(notice(&occasion.to_string())).await;
    }
    let later = start() + TimeDelta::minutes(1);
    assert_eq!(outbox.deliver(&hasty, later).await, counts(0, 8, 0));
    let tried = outbox
        .all()
        .await
        .iter()
        .filter(|notice| notice.attempts > 0)
        .count();
    assert!(tried <= 9, "{tried}");
    let gone = mailer_to_nobody().await;
    assert_eq!(outbox.deliver(&gone, later).await, counts(0, 8, 0));
    server.behave(Manners::Takes);
    let in_the_end = later + TimeDelta::hours(1);
    assert_eq!(
        outbox.deliver(&to(&server), in_the_end).await,
        counts(21, 0, 0)
    );
}

/// A mailer whose server is not there.
async fn mailer_to_nobody() -> Mailer {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let port = listener.local_addr().expect("an address").port();
    mailer(&format!("smtp://127.0.0.1:{port}?tls=none"))
}

#[tokio::test]
async fn a_sender_that_never_comes_back_leaves_the_mail_to_the_next() {
    let (outbox, server) = (Outbox::open().await, SmtpServer::plain().await);
    outbox.put(notice("SHP-7")).await;
    let until = start() + TimeDelta::minutes(5);
    let claim = Claim {
        id: None,
        limit: 10,
        except_hosts: Vec::new(),
        domain: "loja.test".to_owned(),
        now: start(),
        until,
    };
    let claimed = outbox
        .db
        .call(LIMIT, move |connection| {
            Box::pin(async move { store::claim(connection, &claim).await })
        })
        .await
        .expect("the database");
    let mailer = to(&server);
    let meanwhile = until - TimeDelta::seconds(1);
    assert_eq!(outbox.deliver(&mailer, meanwhile).await, counts(0, 0, 0));
    assert_eq!(outbox.deliver(&mailer, until).await, counts(1, 0, 0));
    let taken = server.taken();
    let mail = MessageParser::new().parse(&taken[0].mail).expect("a mail");
    assert_eq!(
        mail.message_id(),
        Some(claimed.readable[0].message_id.as_str())
    );
    // The one that was lost comes back after all, and changes nothing.
    let late = outbox
        .db
        .call(LIMIT, move |connection| {
            Box::pin(async move {
                store::fail(connection, claimed.readable[0].claim(), "too late").await
            })
        })
        .await;
    assert!(!late.expect("the database"));
    assert_eq!(outbox.only().await.state, NoticeState::Sent);
}

#[tokio::test]
async fn many_workers_send_each_notice_once() {
    let (outbox, server) = (Outbox::open().await, SmtpServer::plain().await);
    for occasion in 0..60 {
        outbox.put(notice(&occasion.to_string())).await;
    }
    let mailers: Vec<Mailer> = (0..4).map(|_| to(&server)).collect();
    let workers = mailers.iter().map(|mailer| outbox.deliver(mailer, start()));
    let delivered = futures_util::future::join_all(workers).await;
    assert_eq!(delivered.iter().map(|one| one.sent).sum::<u64>(), 60);
    let ids: BTreeSet<String> = server
        .taken()
        .iter()
        .map(|taken| {
            let mail = MessageParser::new().parse(&taken.mail).expect("a mail");
            mail.message_id().expect("a Message-ID").to_owned()
        })
        .collect();
    assert_eq!((ids.len(), server.taken().len()), (60, 60));
    assert!(server.connections() <= 32, "{}", server.connections());
}

#[tokio::test]
async fn a_login_and_a_mail_travel_in_private_or_not_at_all() {
    let (outbox, server) = (Outbox::open().await, SmtpServer::with_tls().await);
    outbox.put(notice("SHP-7")).await;
    let ca = server.certificate.display().to_string();
    let url = |login: &str, host: &str, query: &str| {
        mailer(&format!("smtp://{login}@{host}:{}?{query}", server.port))
    };
    let required = format!("tls=required&ca={ca}");
    let mut now = start();
    for (mailer, expected) in [
        (url("ana:wrong", "localhost", &required), "535"),
        (
            url("ana:s3cret", "localhost", "tls=required"),
            "certificate",
        ),
        (url("ana:s3cret", "127.0.0.1", &required), "certificate"),
    ] {
        assert_eq!(outbox.deliver(&mailer, now).await, counts(0, 1, 0));
        let waiting = outbox.only().await;
        let error = waiting.error.expect("why");
        assert!(error.contains(expected), "{expected}: {error}");
        assert!(!error.contains("s3cret"), "{error}");
        now = waiting.retry_at.expect("a time");
    }
    let plain = SmtpServer::plain().await;
    let strict = mailer(&format!(
        "smtp://ana:s3cret@localhost:{}?tls=required",
        plain.port
    ));
    assert_eq!(outbox.deliver(&strict, now).await, counts(0, 1, 0));
    let waiting = outbox.only().await;
    assert!(waiting.error.expect("why").contains("STARTTLS"));
    assert_eq!((server.taken(), plain.taken()), (Vec::new(), Vec::new()));

    let now = waiting.retry_at.expect("a time");
    let right = url("ana:s3cret", "localhost", &required);
    assert_eq!(outbox.deliver(&right, now).await, counts(1, 0, 0));
    assert_eq!(server.taken()[0].user.as_deref(), Some("ana"));
}

#[tokio::test]
async fn nothing_that_a_customer_typed_becomes_a_header_or_a_recipient() {
    let (outbox, server) = (Outbox::open().await, SmtpServer::plain().await);
    for (place, recipient) in [
        "zoe@example.org>\r\nRCPT TO:<eve@example.org",
        "zoe@example.org, eve@example.org",
        "Zoë\r\nBcc: eve@example.org\r\n <zoe@example.org>",
        "nobody",
    ]
    .into_iter()
    .enumerate()
    {
        let mut hostile = notice(&place.to_string());
        recipient.clone_into(&mut hostile.recipient);
        // The database takes no line end; the mailer, asked directly, no such address.
        let letter = Letter {
            message_id: "direct@loja.test",
            to: recipient,
            date: start(),
            mail: &hostile.mail,
            attachment: None,
            answers: &[],
            automatic: true,
        };
        let outcome = to(&server).send(&letter).await;
        assert!(
            matches!(outcome, Outcome::Refused(_)),
            "{recipient:?}: {outcome:?}"
        );
        let stored = outbox.try_put(hostile).await;
        assert_eq!(stored.is_err(), recipient.contains('\n'), "{stored:?}");
    }
    let mut hostile = notice("threads");
    hostile.kind = NoticeKind::TicketReply;
    hostile.answers = vec![
        "first@example.org".to_owned(),
        "x@y>, <eve@example.org".to_owned(),
        "last@example.org".to_owned(),
    ];
    hostile.attachment = Some(Attachment {
        name: "PO\"; X-Evil: 1.csv".to_owned(),
        text: "sku;units\nMUG;2\n".to_owned(),
    });
    outbox.put(hostile).await;
    outbox.deliver(&to(&server), start()).await;
    for taken in server.taken() {
        assert_eq!(taken.to, ["zoe@example.org"], "{taken:?}");
        let mail = MessageParser::new().parse(&taken.mail).expect("a mail");
        assert!(
            mail.bcc().is_none() && mail.header_raw("X-Evil").is_none(),
            "{taken:?}"
        );
    }
    let replies = server.taken();
    let reply = replies.last().expect("the reply");
    let mail = MessageParser::new().parse(&reply.mail).expect("a mail");
    assert_eq!(mail.in_reply_to().as_text(), Some("last@example.org"));
    let references = mail.references().as_text_list().expect("references");
    assert_eq!(references, ["first@example.org", "last@example.org"]);
    assert!(
        mail.header_raw("Auto-Submitted").is_none(),
        "a person wrote it"
    );
    let file = mail.attachments().next().expect("a file");
    assert_eq!(file.contents(), b"sku;units\r\nMUG;2\r\n");
    assert!(file.is_content_type("text", "csv"));
}

#[tokio::test]
async fn one_mail_host_gets_no_more_than_its_share() {
    let (outbox, server) = (Outbox::open().await, SmtpServer::plain().await);
    for occasion in 0..14 {
        outbox.put(notice(&occasion.to_string())).await;
    }
    let mut elsewhere = notice("elsewhere");
    elsewhere.recipient = "bo@Example.net".to_owned();
    outbox.put(elsewhere).await;
    let url = format!("smtp://127.0.0.1:{}?tls=none", server.port);
    // Six a minute: ten seconds' worth of turns is one, and none comes back within the test.
    let slow = mailer_with(&url, 6, LIMIT);
    let delivered = outbox.deliver(&slow, start()).await;
    assert_eq!((delivered.sent, delivered.failed), (2, 0));
    let all = outbox.all().await;
    let sent: BTreeSet<&str> = all
        .iter()
        .filter(|notice| notice.state == NoticeState::Sent)
        .map(|notice| notice.recipient.as_str())
        .collect();
    assert_eq!(sent.len(), 2, "one of each host: {sent:?}");
    let waiting = all
        .iter()
        .filter(|notice| notice.state != NoticeState::Sent);
    assert!(
        waiting
            .clone()
            .all(|notice| notice.attempts == 0 && notice.error.is_none())
    );
    assert_eq!(
        outbox.deliver(&slow, start()).await,
        counts(0, 0, 0),
        "the host is busy"
    );
}

#[tokio::test]
async fn without_a_server_mails_are_files_and_the_same_mail_is_the_same_file() {
    let outbox = Outbox::open().await;
    let folder = harness::scratch_dir();
    let path = folder.path().join("out box");
    let url = format!("file://{}", path.display().to_string().replace(' ', "%20"));
    let id = outbox.put(notice("SHP-7")).await.expect("it is new");
    outbox.put(notice("SHP-8")).await;
    assert_eq!(
        outbox.deliver(&mailer(&url), start()).await,
        counts(2, 0, 0)
    );
    let names = || {
        let mut names: Vec<String> = std::fs::read_dir(&path)
            .expect("a folder")
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    };
    let found = names();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].starts_with(&format!("shipped.{id}.")), "{found:?}");
    assert!(
        found.iter().all(|name| name.ends_with("@loja.test.eml")),
        "{found:?}"
    );
    let mail = std::fs::read(path.join(&found[0])).expect("a file");
    let mail = MessageParser::new().parse(&mail).expect("a mail");
    assert_eq!(mail.subject(), Some("On its way: ☕ #1042"));

    let nowhere = mailer("file:///dev/null/mails");
    outbox.put(notice("SHP-9")).await;
    assert_eq!(outbox.deliver(&nowhere, start()).await, counts(0, 1, 0));
}
