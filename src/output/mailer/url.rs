//! Where mail goes: `smtp://…`, `smtps://…` or `file:///…`.

use std::fmt::{self, Display};
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use url::{Host, Url};

/// Why a text does not say where mail goes. The password is never in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailUrlError {
    /// It is none of the forms.
    #[error("expected smtp://USER:PASSWORD@HOST:PORT, smtps://… or file:///FOLDER, {0}")]
    Form(String),
    /// A parameter after `?` is not known, or its value is not.
    #[error("{0}: expected tls=required, tls=opportunistic, tls=none or ca=FILE")]
    Parameter(String),
    /// The certificate file is no good.
    #[error("ca={}: {reason}", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
}

/// How a connection is kept private.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Security {
    /// TLS from the first byte (`smtps://`, RFC 8314).
    Tls,
    /// STARTTLS, or no mail (`smtp://`, RFC 3207).
    StartTls,
    /// STARTTLS where the server has it (`?tls=opportunistic`; `smtp://` to this machine).
    Opportunistic,
    /// In the clear (`?tls=none`).
    Plain,
}

/// The server that takes our mail.
#[derive(Clone, PartialEq, Eq)]
pub struct Relay {
    /// Its name or address.
    pub host: String,
    /// 587 for `smtp://` and 465 for `smtps://` where the URL names none.
    pub port: u16,
    /// How the connection is kept private.
    pub security: Security,
    /// User and password.
    pub credentials: Option<(String, String)>,
    /// A file with a certificate that is trusted besides the public ones (`?ca=FILE`, PEM).
    pub ca: Option<PathBuf>,
}

/// Where mail goes.
#[derive(Clone, PartialEq, Eq)]
pub enum MailUrl {
    /// Through a server.
    Smtp(Relay),
    /// Into a folder, a file a mail.
    Folder(PathBuf),
}

impl FromStr for MailUrl {
    type Err = MailUrlError;

    fn from_str(text: &str) -> Result<Self, MailUrlError> {
        let url = Url::parse(text)
            .map_err(|error| MailUrlError::Form(format!("found what is no URL: {error}")))?;
        match url.scheme() {
            "file" => match (url.to_file_path(), url.query()) {
                (Ok(path), None) => Ok(Self::Folder(path)),
                _ => Err(MailUrlError::Form("found another file URL".to_owned())),
            },
            "smtp" => relay(&url, 587).map(Self::Smtp),
            "smtps" => relay(&url, 465).map(Self::Smtp),
            other => Err(MailUrlError::Form(format!("found {other}:"))),
        }
    }
}

fn relay(url: &Url, port: u16) -> Result<Relay, MailUrlError> {
    let missing = || MailUrlError::Form("found no host".to_owned());
    let host = match url.host().ok_or_else(missing)? {
        Host::Domain("") => return Err(missing()),
        Host::Domain(name) => name.to_owned(),
        Host::Ipv4(address) => address.to_string(),
        Host::Ipv6(address) => address.to_string(),
    };
    if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
        return Err(MailUrlError::Form("found more after the host".to_owned()));
    }
    let decoded = |part: &str| {
        percent_decode_str(part)
            .decode_utf8()
            .map(std::borrow::Cow::into_owned)
            .map_err(|_| MailUrlError::Form("found a login that is not UTF-8".to_owned()))
    };
    let credentials = match (url.username(), url.password()) {
        ("", None) => None,
        ("", Some(_)) | (_, None) => {
            return Err(MailUrlError::Form(
                "found a user without a password, or the reverse".to_owned(),
            ));
        }
        (user, Some(password)) => Some((decoded(user)?, decoded(password)?)),
    };
    let here = host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    let mut relay = Relay {
        port: url.port().unwrap_or(port),
        security: match url.scheme() {
            "smtps" => Security::Tls,
            _ if here => Security::Opportunistic,
            _ => Security::StartTls,
        },
        host,
        credentials,
        ca: None,
    };
    for (name, value) in url.query_pairs() {
        match (&*name, &*value) {
            ("ca", path) if !path.is_empty() => relay.ca = Some(PathBuf::from(path)),
            ("tls", "required") if relay.security != Security::Tls => {
                relay.security = Security::StartTls;
            }
            ("tls", "required") => {}
            ("tls", "opportunistic") if relay.security != Security::Tls => {
                relay.security = Security::Opportunistic;
            }
            ("tls", "none") if relay.security != Security::Tls => {
                relay.security = Security::Plain;
            }
            _ => return Err(MailUrlError::Parameter(format!("{name}={value}"))),
        }
    }
    Ok(relay)
}

impl Display for MailUrl {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let relay = match self {
            Self::Folder(path) => return write!(f, "file://{}", path.display()),
            Self::Smtp(relay) => relay,
        };
        let scheme = match relay.security {
            Security::Tls => "smtps",
            _ => "smtp",
        };
        let user = match &relay.credentials {
            Some((user, _)) => format!("{user}:***@"),
            None => String::new(),
        };
        let tls = match relay.security {
            Security::Tls => "",
            Security::StartTls => "?tls=required",
            Security::Opportunistic => "?tls=opportunistic",
            Security::Plain => "?tls=none",
        };
        let (open, close) = if relay.host.contains(':') {
            ("[", "]")
        } else {
            ("", "")
        };
        write!(
            f,
            "{scheme}://{user}{open}{}{close}:{}{tls}",
            relay.host, relay.port
        )
    }
}

impl fmt::Debug for MailUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relay(text: &str) -> Relay {
        match text.parse() {
            Ok(MailUrl::Smtp(relay)) => relay,
            other => panic!("{text}: {other:?}"),
        }
    }

    #[test]
    fn a_server_elsewhere_is_spoken_to_in_private_unless_told_otherwise() {
        assert_eq!(relay("smtps://mx.shop.pt").security, Security::Tls);
        assert_eq!(relay("smtps://mx.shop.pt").port, 465);
        assert_eq!(relay("smtp://mx.shop.pt").security, Security::StartTls);
        assert_eq!(relay("smtp://mx.shop.pt").port, 587);
        assert_eq!(relay("smtp://mx:25?tls=none").security, Security::Plain);
        assert_eq!(
            relay("smtp://localhost:2525").security,
            Security::Opportunistic
        );
        assert_eq!(relay("smtp://[::1]:2525").host, "::1");
    }

    #[test]
    fn the_login_is_decoded_and_never_shown() {
        let url: MailUrl = "smtp://ana%40shop.pt:s3%2Fcret@mx.shop.pt"
            .parse()
            .expect("a URL");
        let MailUrl::Smtp(relay) = &url else {
            panic!("{url}");
        };
        let expected = ("ana@shop.pt".to_owned(), "s3/cret".to_owned());
        assert_eq!(relay.credentials.as_ref(), Some(&expected));
        assert_eq!(
            url.to_string(),
            "smtp://ana@shop.pt:***@mx.shop.pt:587?tls=required"
        );
        assert!(!format!("{url:?}").contains("cret"));
    }

    #[test]
    fn what_is_no_such_place_says_what_was_expected() {
        for (text, expected) in [
            ("mx.shop.pt", "smtp://"),
            ("http://mx.shop.pt", "found http:"),
            ("smtp://", "no host"),
            ("smtp://ana@mx", "user without a password"),
            ("smtp://mx/inbox", "after the host"),
            ("smtp://mx?tls=maybe", "tls=maybe"),
            ("smtps://mx?tls=none", "tls=none"),
        ] {
            let error = text.parse::<MailUrl>().expect_err(text).to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn a_folder_is_named_by_its_path() {
        assert_eq!(
            "file:///var/mail/out%20box".parse(),
            Ok(MailUrl::Folder("/var/mail/out box".into()))
        );
    }
}
