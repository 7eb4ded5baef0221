//! A mail server on loopback: real SMTP by the `mailin` state machine, over real sockets, with the
//! manners that a test asks for.

use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use mailin::{Action, AuthMechanism, Handler, Response, SessionBuilder, response};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Manners {
    /// Takes every mail.
    Takes,
    /// Answers each recipient with this code.
    AnswersRecipients(u16),
    /// Reads a mail and answers with this code.
    AnswersMails(u16),
    /// Takes a mail and hangs up instead of saying so.
    TakesAndHangsUp,
    /// Reads a mail and says nothing more.
    FallsSilent,
    /// Accepts connections and never says a word.
    NeverGreets,
}

/// A mail that it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) from: String,
    pub(crate) to: Vec<String>,
    pub(crate) mail: Vec<u8>,
    /// Who had logged in.
    pub(crate) user: Option<String>,
}

#[derive(Debug)]
struct State {
    manners: Manners,
    taken: Vec<Taken>,
    connections: usize,
}

/// A mail server of the test's own.
pub(crate) struct SmtpServer {
    pub(crate) port: u16,
    /// The certificate to trust, where it has STARTTLS.
    pub(crate) certificate: PathBuf,
    state: Arc<Mutex<State>>,
    accepting: JoinHandle<()>,
    _dir: TempDir,
}

impl SmtpServer {
    /// A server without TLS and without logins.
    pub(crate) async fn plain() -> Self {
        Self::start(false).await
    }

    /// A server with STARTTLS; `ana` may log in with `s3cret`.
    pub(crate) async fn with_tls() -> Self {
        Self::start(true).await
    }

    async fn start(tls: bool) -> Self {
        let dir = super::scratch_dir();
        let certificate = dir.path().join("ca.pem");
        let acceptor = tls.then(|| {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])
                .expect("a certificate");
            std::fs::write(&certificate, made.cert.pem()).expect("a file");
            let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
            let config = ServerConfig::builder_with_provider(Arc::new(
                tokio_rustls::rustls::crypto::ring::default_provider(),
            ))
            .with_safe_default_protocol_versions()
            .expect("versions of TLS")
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], PrivateKeyDer::from(key))
            .expect("a certificate that fits its key");
            TlsAcceptor::from(Arc::new(config))
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let state = Arc::new(Mutex::new(State {
            manners: Manners::Takes,
            taken: Vec::new(),
            connections: 0,
        }));
        let shared = Arc::clone(&state);
        let accepting = tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.expect("a connection");
                shared.lock().expect("the state").connections += 1;
                let (shared, acceptor) = (Arc::clone(&shared), acceptor.clone());
                // A client that hangs up is nothing to complain of.
                tokio::spawn(
                    async move { converse(Box::new(socket), shared, acceptor).await.ok() },
                );
            }
        });
        Self {
            port,
            certificate,
            state,
            accepting,
            _dir: dir,
        }
    }

    pub(crate) fn behave(&self, manners: Manners) {
        self.state.lock().expect("the state").manners = manners;
    }

    /// The mails that it took, in their order.
    pub(crate) fn taken(&self) -> Vec<Taken> {
        self.state.lock().expect("the state").taken.clone()
    }

    /// How many connections there were.
    pub(crate) fn connections(&self) -> usize {
        self.state.lock().expect("the state").connections
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

async fn converse(
    stream: Box<dyn Stream>,
    state: Arc<Mutex<State>>,
    acceptor: Option<TlsAcceptor>,
) -> io::Result<()> {
    let manners = || state.lock().expect("the state").manners;
    if manners() == Manners::NeverGreets {
        return std::future::pending().await;
    }
    let ended = Arc::new(Mutex::new(false));
    let mut builder = SessionBuilder::new("mail.test");
    if acceptor.is_some() {
        builder.enable_start_tls().enable_auth(AuthMechanism::Plain);
    }
    let mut session = builder.build(
        IpAddr::V4(Ipv4Addr::LOCALHOST),
        Reader {
            state: Arc::clone(&state),
            ended: Arc::clone(&ended),
            mail: Taken {
                from: String::new(),
                to: Vec::new(),
                mail: Vec::new(),
                user: None,
            },
        },
    );
    let mut stream = BufReader::new(stream);
    stream.write_all(&session.greeting().buffer()?).await?;
    let mut line = Vec::new();
    loop {
        line.clear();
        if stream.read_until(b'\n', &mut line).await? == 0 {
            return Ok(());
        }
        let answer = session.process(&line);
        if std::mem::take(&mut *ended.lock().expect("the end")) {
            match manners() {
                Manners::TakesAndHangsUp => return Ok(()),
                Manners::FallsSilent => return std::future::pending().await,
                _ => {}
            }
        }
        if answer.action == Action::NoReply {
            continue;
        }
        stream.write_all(&answer.buffer()?).await?;
        stream.flush().await?;
        match (&answer.action, &acceptor) {
            (Action::Close, _) => return Ok(()),
            (Action::UpgradeTls, Some(acceptor)) => {
                let upgraded = acceptor.accept(stream.into_inner()).await?;
                stream = BufReader::new(Box::new(upgraded));
                session.tls_active();
            }
            _ => {}
        }
    }
}

/// One conversation's mails.
struct Reader {
    state: Arc<Mutex<State>>,
    /// A mail has just been read to its end.
    ended: Arc<Mutex<bool>>,
    mail: Taken,
}

impl Reader {
    fn answer(code: u16) -> Response {
        Response::custom(code, "as the test wants it".to_owned())
    }
}

impl Handler for Reader {
    fn rcpt(&mut self, _to: &str) -> Response {
        match self.state.lock().expect("the state").manners {
            Manners::AnswersRecipients(code) => Self::answer(code),
            _ => response::OK,
        }
    }

    fn data_start(&mut self, _domain: &str, from: &str, _is8bit: bool, to: &[String]) -> Response {
        from.clone_into(&mut self.mail.from);
        self.mail.to = to.to_vec();
        self.mail.mail.clear();
        response::OK
    }

    fn data(&mut self, buffer: &[u8]) -> io::Result<()> {
        self.mail.mail.extend_from_slice(buffer);
        Ok(())
    }

    fn data_end(&mut self) -> Response {
        *self.ended.lock().expect("the end") = true;
        let mut state = self.state.lock().expect("the state");
        match state.manners {
            Manners::AnswersMails(code) => return Self::answer(code),
            Manners::FallsSilent => {}
            _ => state.taken.push(self.mail.clone()),
        }
        response::OK
    }

    fn auth_plain(&mut self, _authorization: &str, user: &str, password: &str) -> Response {
        if (user, password) == ("ana", "s3cret") {
            self.mail.user = Some(user.to_owned());
            response::AUTH_OK
        } else {
            response::INVALID_CREDENTIALS
        }
    }
}
