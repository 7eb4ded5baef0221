//! Mail as RFC 5322 text.
//!
//! No mail fails: what cannot be understood is yielded as [`Mail::broken`] with its bytes, so that
//! a person can look at it.

mod quote;

use std::collections::VecDeque;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use mail_parser::{Addr, Message, MessageParser, MessagePart, MimeHeaders, PartType};
use sha2::{Digest, Sha256};

use super::{Fault, LONGEST_ADDRESS, Rejection};

/// The largest mail that is read, in bytes. Mail servers stop at 25 to 50 MB.
const LARGEST: u64 = 64 << 20;
/// How many order numbers of one mail are worth looking up.
const MOST_ORDERS: usize = 16;

/// One mail, as far as it could be understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The file it came from, or `-`.
    pub file: String,
    /// The mail as it came.
    pub raw: Vec<u8>,
    /// Why it could not be understood as a mail from somebody; `None` for a sound one.
    pub broken: Option<&'static str>,
    /// Its Message-ID without the angle brackets.
    pub message_id: Option<String>,
    /// The mails that it answers, nearest last: References, then In-Reply-To.
    pub answers: Vec<String>,
    /// Who wrote it.
    pub from: Option<Mailbox>,
    /// To whom, To and Cc.
    pub to: Vec<Mailbox>,
    /// The subject, decoded; empty where there is none.
    pub subject: String,
    /// When it was written, by the sender's clock.
    pub sent_at: Option<DateTime<Utc>>,
    /// The header that shows a program wrote it; such a mail is never answered by a program.
    pub automatic: Option<String>,
    /// What could not be delivered, where this is a report of that.
    pub bounce: Option<Bounce>,
    /// What the sender wrote, without the mail that it quotes; HTML is turned into text.
    pub text: String,
    /// The quoted mail below it.
    pub quoted: String,
    /// Files that came with it.
    pub attachments: Vec<Attachment>,
    /// The ticket that its subject or an address of it names.
    pub ticket: Option<TicketToken>,
    /// Order numbers such as `#1042`, of the subject first, then of the text; each once.
    pub orders: Vec<String>,
}

/// A person at an address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mailbox {
    /// The person's name, empty where not given.
    pub name: String,
    /// The address as written.
    pub address: String,
}

/// A file that came with a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Its file name; made of its place and type where it has none.
    pub name: String,
    /// Its media type, for example `image/png`.
    pub content_type: String,
    /// Its content, decoded.
    pub bytes: Vec<u8>,
}

/// A report that a mail of ours did not arrive (RFC 3464, or a mailer's own way of saying so).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Bounce {
    /// For whom it was.
    pub recipient: Option<String>,
    /// `failed`, `delayed`, `delivered`, `relayed` or `expanded`.
    pub action: Option<String>,
    /// The enhanced status code, for example `5.1.1`.
    pub status: Option<String>,
    /// What the other server said.
    pub diagnostic: Option<String>,
    /// The Message-ID of the mail that did not arrive.
    pub original: Option<String>,
}

/// The sign by which an answer finds its ticket when a mail program drops In-Reply-To and
/// References: `[TKT-7·k3v9]` in a subject, or `+tkt-7-k3v9` in the local part of an address.
///
/// The token is a secret of the ticket: a number alone would let anyone write into any ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketToken {
    /// The ticket's number.
    pub number: i64,
    /// The ticket's token, letters and digits, in lower case.
    pub token: String,
}

impl TicketToken {
    /// Finds a sign in a subject. Programs that cannot write `·` put something else there, so any
    /// one character may stand for it.
    pub fn in_subject(subject: &str) -> Option<Self> {
        subject
            .split('[')
            .skip(1)
            .find_map(|rest| Self::parse(rest.split(']').next()?))
    }

    /// Finds a sign in an address.
    pub fn in_address(address: &str) -> Option<Self> {
        let (local, _) = address.rsplit_once('@')?;
        local.split('+').skip(1).find_map(Self::parse)
    }

    fn parse(text: &str) -> Option<Self> {
        let (prefix, rest) = text.trim().split_at_checked(4)?;
        if !prefix.eq_ignore_ascii_case("TKT-") {
            return None;
        }
        let digits = rest.find(|char: char| !char.is_ascii_digit())?;
        let (number, rest) = rest.split_at(digits);
        let mut token = rest.chars();
        token.next()?;
        let token = token.as_str();
        let sound = !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_alphanumeric());
        sound.then_some(Self {
            number: number.parse().ok()?,
            token: token.to_ascii_lowercase(),
        })
    }
}

/// The form for a subject.
impl fmt::Display for TicketToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[TKT-{}·{}]", self.number, self.token)
    }
}

impl Mail {
    /// Understands a mail as far as it can be understood.
    pub fn read(file: &str, raw: Vec<u8>) -> Self {
        let mut mail = Self::unread(file);
        let parsed = MessageParser::default().parse(&raw);
        match &parsed {
            Some(message) => mail.fill(message),
            None => mail.broken = Some("it has no header"),
        }
        drop(parsed);
        mail.raw = raw;
        mail
    }

    /// The SHA-256 of the mail as it came.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.raw).into()
    }

    fn unread(file: &str) -> Self {
        Self {
            file: file.to_owned(),
            raw: Vec::new(),
            broken: None,
            message_id: None,
            answers: Vec::new(),
            from: None,
            to: Vec::new(),
            subject: String::new(),
            sent_at: None,
            automatic: None,
            bounce: None,
            text: String::new(),
            quoted: String::new(),
            attachments: Vec::new(),
            ticket: None,
            orders: Vec::new(),
        }
    }

    fn fill(&mut self, message: &Message<'_>) {
        let senders = [message.from(), message.sender(), message.reply_to()];
        self.from = senders
            .into_iter()
            .flatten()
            .find_map(|list| list.iter().find_map(mailbox));
        if self.from.is_none() {
            self.broken = Some("it names no sender");
        }
        self.to = [message.to(), message.cc()]
            .into_iter()
            .flatten()
            .flat_map(|list| list.iter().filter_map(mailbox))
            .collect();
        self.message_id = message.message_id().map(clean).filter(|id| !id.is_empty());
        let answers = [message.references(), message.in_reply_to()];
        self.answers = answers.into_iter().flat_map(identifiers).collect();
        self.subject = message.subject().map(clean).unwrap_or_default();
        self.sent_at = message
            .date()
            .filter(|date| date.is_valid())
            .and_then(|date| DateTime::from_timestamp(date.to_timestamp(), 0));
        self.automatic = automatic(message);
        self.bounce = bounce(message);
        let body: Vec<_> = (0..message.text_body_count())
            .filter_map(|at| message.body_text(at))
            .map(|text| clean(&text))
            .collect();
        let body = body.join("\n\n");
        let (text, quoted) = quote::split(&body);
        self.ticket = TicketToken::in_subject(&self.subject).or_else(|| {
            self.to
                .iter()
                .find_map(|to| TicketToken::in_address(&to.address))
        });
        self.orders = order_numbers(&[&self.subject, &text]);
        self.text = text;
        self.quoted = quoted;
        self.attachments = message
            .attachments()
            .filter(|part| !matches!(part.body, PartType::Multipart(_)))
            .enumerate()
            .map(|(at, part)| attachment(at + 1, part))
            .collect();
    }
}

/// Text without the NUL that a mail can hold and the database cannot, and with plain newlines.
fn clean(text: &str) -> String {
    text.replace("\r\n", "\n")
        .replace('\0', "\u{FFFD}")
        .trim()
        .to_owned()
}

fn mailbox(address: &Addr<'_>) -> Option<Mailbox> {
    let text = clean(address.address.as_deref()?);
    // "From: Whomever" is read as an address without an @: nobody can be answered there. Nor at one
    // that no server would take.
    (text.contains('@') && text.len() <= LONGEST_ADDRESS).then(|| Mailbox {
        name: address.name.as_deref().map(clean).unwrap_or_default(),
        address: text,
    })
}

fn identifiers(value: &mail_parser::HeaderValue<'_>) -> Vec<String> {
    match value.as_text_list() {
        Some(list) => list.iter().map(|id| clean(id)).collect(),
        None => value.as_text().map(clean).into_iter().collect(),
    }
}

fn attachment(at: usize, part: &MessagePart<'_>) -> Attachment {
    let content_type = part.content_type().map_or_else(
        || match part.body {
            PartType::Message(_) => "message/rfc822".to_owned(),
            PartType::Text(_) => "text/plain".to_owned(),
            _ => "application/octet-stream".to_owned(),
        },
        |kind| {
            let subtype = kind.subtype().unwrap_or("octet-stream");
            format!("{}/{subtype}", kind.ctype()).to_lowercase()
        },
    );
    let bytes = match &part.body {
        PartType::Message(message) => message.raw_message().to_vec(),
        _ => part.contents().to_vec(),
    };
    let name = part
        .attachment_name()
        .map(clean)
        .filter(|name| !name.is_empty());
    let unnamed = || {
        format!(
            "part-{at}.{}",
            content_type.rsplit('/').next().unwrap_or("bin")
        )
    };
    Attachment {
        name: name.unwrap_or_else(unnamed),
        content_type,
        bytes,
    }
}

/// The header by which a program says that it wrote this (RFC 3834, and what mailers used before).
fn automatic(message: &Message<'_>) -> Option<String> {
    let header = |name: &'static str| {
        let raw = message.header_raw(name)?;
        Some(clean(raw)).map(|value| (name, value))
    };
    let word = |value: &str| {
        let end = value.find([';', ' ', '(']).unwrap_or(value.len());
        value[..end].to_ascii_lowercase()
    };
    let telling = [
        header("Auto-Submitted").filter(|(_, value)| word(value) != "no"),
        header("Precedence").filter(|(_, value)| {
            matches!(
                word(value).as_str(),
                "bulk" | "junk" | "list" | "auto_reply"
            )
        }),
        header("X-Autoreply").filter(|(_, value)| word(value) != "no"),
        header("X-Autorespond"),
        header("X-Auto-Response-Suppress")
            .filter(|(_, value)| matches!(word(value).as_str(), "all" | "oof" | "autoreply")),
        header("List-Id"),
        header("Return-Path").filter(|(_, value)| value == "<>"),
    ];
    telling
        .into_iter()
        .flatten()
        .next()
        .map(|(name, value)| format!("{name}: {value}"))
}

/// What a delivery report says (RFC 3464), or that a mailer sent one in its own words.
fn bounce(message: &Message<'_>) -> Option<Bounce> {
    let report = message.content_type().is_some_and(|kind| {
        kind.ctype().eq_ignore_ascii_case("multipart")
            && kind
                .subtype()
                .is_some_and(|kind| kind.eq_ignore_ascii_case("report"))
            && kind
                .attribute("report-type")
                .is_none_or(|report| report.eq_ignore_ascii_case("delivery-status"))
    });
    let failed = message.header_raw("X-Failed-Recipients").map(clean);
    let unanswerable = message
        .header_raw("Return-Path")
        .is_some_and(|path| path.trim() == "<>");
    let by_mailer = message
        .from()
        .and_then(|from| from.first())
        .and_then(|from| from.address.as_deref())
        .and_then(|address| address.split('@').next())
        .is_some_and(|local| {
            ["mailer-daemon", "postmaster"]
                .iter()
                .any(|name| local.eq_ignore_ascii_case(name))
        });
    if !report && failed.is_none() && !(unanswerable && by_mailer) {
        return None;
    }
    let mut bounce = Bounce {
        recipient: failed,
        ..Bounce::default()
    };
    for part in &message.parts {
        let kind = part
            .content_type()
            .and_then(|kind| kind.subtype())
            .unwrap_or_default();
        match &part.body {
            PartType::Message(original) => {
                bounce.original = original.message_id().map(clean);
            }
            _ if kind.eq_ignore_ascii_case("rfc822-headers") => {
                let original = MessageParser::default().parse(part.contents());
                bounce.original = original.and_then(|mail| mail.message_id().map(clean));
            }
            _ if kind.eq_ignore_ascii_case("delivery-status") => {
                delivery_status(&String::from_utf8_lossy(part.contents()), &mut bounce);
            }
            _ => {}
        }
    }
    Some(bounce)
}

/// Reads the fields of the first recipient of a `message/delivery-status` part.
fn delivery_status(text: &str, bounce: &mut Bounce) {
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else {
            continue;
        };
        // "rfc822; ann@example.com" and "smtp; 550 no such user" carry their kind in front.
        let bare = || clean(value.split_once(';').map_or(value, |(_, value)| value));
        let field = match name.trim().to_ascii_lowercase().as_str() {
            "final-recipient" => (&mut bounce.recipient, bare()),
            "action" => (&mut bounce.action, clean(value).to_ascii_lowercase()),
            "status" => (&mut bounce.status, clean(value)),
            "diagnostic-code" => (&mut bounce.diagnostic, bare()),
            _ => continue,
        };
        field.0.get_or_insert(field.1);
    }
}

/// Numbers of orders, as people quote them: `#` and then digits, with letters and hyphens between
/// where the shop has them (`#EN-1042`). The `#` of a word's middle or of `&#39;` is none.
fn order_numbers(texts: &[&str]) -> Vec<String> {
    let mut numbers: Vec<String> = Vec::new();
    for text in texts {
        let mut before = ' ';
        for (at, char) in text.char_indices() {
            if char == '#' && !before.is_alphanumeric() && before != '&' && before != '/' {
                let rest = &text[at + 1..];
                let end = rest
                    .find(|char: char| !char.is_ascii_alphanumeric() && char != '-')
                    .unwrap_or(rest.len());
                let name = rest[..end].trim_end_matches('-');
                let number = format!("#{name}");
                if name.ends_with(|char: char| char.is_ascii_digit())
                    && name.len() <= 32
                    && numbers.len() < MOST_ORDERS
                    && !numbers.contains(&number)
                {
                    numbers.push(number);
                }
            }
            before = char;
        }
    }
    numbers
}

/// Reads mails from files, folders (their files in the order of their names) and, as `-`, standard
/// input.
pub struct Mails<R> {
    paths: VecDeque<PathBuf>,
    input: Option<R>,
}

impl<R: Read> Mails<R> {
    /// Starts with paths in the order given; `input` is what `-` stands for.
    pub fn open(paths: impl IntoIterator<Item = PathBuf>, input: R) -> Self {
        Self {
            paths: paths.into_iter().collect(),
            input: Some(input),
        }
    }

    /// How many mails are known to be ahead; folders not yet opened count as one.
    pub fn ahead(&self) -> usize {
        self.paths.len()
    }
}

impl<R: Read> Iterator for Mails<R> {
    type Item = Result<Mail, Fault>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let path = self.paths.pop_front()?;
            let file = path.display().to_string();
            let raw = if file == "-" {
                let Some(input) = self.input.take() else {
                    continue;
                };
                whole(input)
            } else if path.is_dir() {
                match files(&path) {
                    Ok(files) => {
                        for file in files.into_iter().rev() {
                            self.paths.push_front(file);
                        }
                        continue;
                    }
                    Err(error) => Err(error),
                }
            } else {
                File::open(&path).and_then(whole)
            };
            return Some(raw.map(|raw| Mail::read(&file, raw)).map_err(|error| {
                Rejection::new(
                    &file,
                    1,
                    "",
                    "",
                    format!("expected a readable mail: {error}"),
                )
                .into()
            }));
        }
    }
}

/// The files of a folder by name; hidden files and folders in it are no mail.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let hidden = entry.file_name().as_encoded_bytes().starts_with(b".");
        let path = entry.path();
        if !hidden && path.is_file() {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn whole(source: impl Read) -> io::Result<Vec<u8>> {
    let mut raw = Vec::new();
    if source.take(LARGEST + 1).read_to_end(&mut raw)? as u64 > LARGEST {
        return Err(io::Error::new(
            io::ErrorKind::FileTooLarge,
            "it is over 64 MiB",
        ));
    }
    Ok(raw)
}

#[cfg(test)]
mod tests;
