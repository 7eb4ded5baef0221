//! SMTP by way of one relay.
//!
//! The connections are kept here and not by lettre's own pool: lettre 0.11 sets a limit on
//! connecting only, so that a silent server holds a mail for ever; and a send that is given up
//! goes back to its pool with an answer still on its way, which the next mail would take for its
//! own. Here a connection is kept only after a mail that went through to its end.

use std::fs;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, DEFAULT_MECHANISMS};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, MailParameter};
use tokio::time::{Instant, timeout};

use super::url::{MailUrlError, Relay, Security};
use super::{Outcome, said};

/// Servers close what is idle for longer than some minutes (RFC 5321, 4.5.3.2.7 has five).
const KEEP_IDLE: Duration = Duration::from_mins(1);

/// Idle connections at most.
const MOST_IDLE: usize = 8;

/// How long a server gets to answer QUIT.
const FAREWELL: Duration = Duration::from_secs(5);

/// How long an idle connection gets to show that it is still there.
const FITNESS: Duration = Duration::from_secs(5);

pub(super) struct Smtp {
    relay: Relay,
    tls: Option<TlsParameters>,
    hello: ClientId,
    connect_limit: Duration,
    send_limit: Duration,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Smtp {
    pub(super) fn new(
        relay: &Relay,
        connect_limit: Duration,
        send_limit: Duration,
    ) -> Result<Self, MailUrlError> {
        let tls = match relay.security {
            Security::Plain => None,
            Security::Tls | Security::StartTls | Security::Opportunistic => Some(tls(relay)?),
        };
        Ok(Self {
            relay: relay.clone(),
            tls,
            hello: ClientId::default(),
            connect_limit,
            send_limit,
            idle: Mutex::default(),
        })
    }

    pub(super) async fn send(&self, envelope: &Envelope, mail: &[u8]) -> Outcome {
        let mut connection = match self.connection().await {
            Ok(connection) => connection,
            Err(reason) => return Outcome::Unreachable(reason),
        };
        let outcome = match timeout(self.send_limit, say(&mut connection, envelope, mail)).await {
            Ok(Ok(())) => {
                self.keep(connection);
                return Outcome::Sent;
            }
            Ok(Err(error)) if error.is_permanent() => Outcome::Refused(self.reason(&error)),
            Ok(Err(error)) => Outcome::Later(self.reason(&error)),
            Err(_) => Outcome::Later(self.said(format_args!(
                "did not take the mail within {:?}",
                self.send_limit
            ))),
        };
        // The answer stands; a server that does not listen to the farewell holds nobody up.
        tokio::spawn(async move { timeout(FAREWELL, connection.abort()).await });
        outcome
    }

    /// A connection that is logged in. Errors here are not the mail's, whatever their code.
    async fn connection(&self) -> Result<AsyncSmtpConnection, String> {
        while let Some(mut idle) = self.pop() {
            if timeout(FITNESS, idle.test_connected()).await == Ok(true) {
                return Ok(idle);
            }
        }
        match timeout(self.connect_limit, self.connect()).await {
            Ok(Ok(connection)) => Ok(connection),
            Ok(Err(error)) => Err(self.reason(&error)),
            Err(_) => Err(self.said(format_args!("no answer within {:?}", self.connect_limit))),
        }
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, Error> {
        let wrapped = match self.relay.security {
            Security::Tls => self.tls.clone(),
            Security::StartTls | Security::Opportunistic | Security::Plain => None,
        };
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            (self.relay.host.as_str(), self.relay.port),
            Some(self.connect_limit),
            &self.hello,
            wrapped,
            None,
        )
        .await?;
        if let Some(tls) = &self.tls
            && (self.relay.security == Security::StartTls
                || self.relay.security == Security::Opportunistic && connection.can_starttls())
        {
            connection.starttls(tls.clone(), &self.hello).await?;
        }
        if let Some((user, password)) = &self.relay.credentials {
            let credentials = Credentials::new(user.clone(), password.clone());
            connection.auth(DEFAULT_MECHANISMS, &credentials).await?;
        }
        Ok(connection)
    }

    fn pop(&self) -> Option<AsyncSmtpConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < KEEP_IDLE);
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.len() < MOST_IDLE && !connection.has_broken() {
            idle.push((connection, Instant::now()));
        }
    }

    /// An error with its causes, which lettre leaves out where a reader sees only the first.
    fn reason(&self, error: &Error) -> String {
        let mut reason = error.to_string();
        let mut source = std::error::Error::source(error);
        while let Some(cause) = source {
            let cause_said = cause.to_string();
            if !reason.contains(&cause_said) {
                reason = format!("{reason}: {cause_said}");
            }
            source = cause.source();
        }
        self.said(reason)
    }

    fn said(&self, reason: impl std::fmt::Display) -> String {
        said(format_args!(
            "{}:{}: {reason}",
            self.relay.host, self.relay.port
        ))
    }
}

/// One mail transaction (RFC 5321, 3.3). lettre's own ends a refused one with QUIT and waits for
/// the answer to that, and the refusal would be lost where none comes.
async fn say(
    connection: &mut AsyncSmtpConnection,
    envelope: &Envelope,
    mail: &[u8],
) -> Result<(), Error> {
    let mut parameters = Vec::new();
    let addresses = || envelope.to().iter().chain(envelope.from());
    if !addresses().all(|address| AsRef::<str>::as_ref(address).is_ascii()) {
        // A server without RFC 6531 refuses the parameter.
        parameters.push(MailParameter::SmtpUtfEight);
    }
    connection
        .command(Mail::new(envelope.from().cloned(), parameters))
        .await?;
    for address in envelope.to() {
        connection
            .command(Rcpt::new(address.clone(), Vec::new()))
            .await?;
    }
    connection.command(Data).await?;
    connection.message(mail).await?;
    Ok(())
}

fn tls(relay: &Relay) -> Result<TlsParameters, MailUrlError> {
    let mut builder = TlsParameters::builder(relay.host.clone());
    let certificate = |reason: String| MailUrlError::Certificate {
        path: relay.ca.clone().unwrap_or_default(),
        reason,
    };
    if let Some(path) = &relay.ca {
        let pem = fs::read(path).map_err(|error| certificate(error.to_string()))?;
        let trusted =
            Certificate::from_pem(&pem).map_err(|error| certificate(error.to_string()))?;
        builder = builder.add_root_certificate(trusted);
    }
    builder
        .build_rustls()
        .map_err(|error| certificate(error.to_string()))
}
