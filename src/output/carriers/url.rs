//! Where labels are bought: `https://KEY@api.easypost.com`.

use std::fmt::{self, Display};
use std::str::FromStr;

use url::{Host, Url};

/// The address of a provider, with the key that it knows us by. As text the key is left out.
#[derive(Clone, PartialEq, Eq)]
pub struct ProviderUrl(Url);

/// What is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderUrlError {
    /// It is none, or of another kind.
    #[error("expected https://KEY@HOST, such as https://EZAK…@api.easypost.com")]
    NotHttps,
    /// Nothing says who asks.
    #[error("expected the key before the host: https://KEY@HOST")]
    NoKey,
}

impl FromStr for ProviderUrl {
    type Err = ProviderUrlError;

    fn from_str(text: &str) -> Result<Self, ProviderUrlError> {
        let mut url = Url::parse(text).map_err(|_| ProviderUrlError::NotHttps)?;
        if !is_private(&url) || url.query().is_some() || url.fragment().is_some() {
            return Err(ProviderUrlError::NotHttps);
        }
        if url.username().is_empty() {
            return Err(ProviderUrlError::NoKey);
        }
        if url.path() == "/" {
            url.set_path("/v2");
        }
        Ok(Self(url))
    }
}

/// Whether nobody on the way reads along.
fn is_private(url: &Url) -> bool {
    let loopback = match url.host() {
        Some(Host::Ipv4(host)) => host.is_loopback(),
        Some(Host::Ipv6(host)) => host.is_loopback(),
        _ => false,
    };
    url.scheme() == "https" || url.scheme() == "http" && loopback
}

impl ProviderUrl {
    /// The address of a path, with the key.
    pub(super) fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.0.as_str().trim_end_matches('/'))
    }

    /// Whether a label may be fetched there: nothing inside our own network, unless the provider
    /// itself is there.
    pub(super) fn may_fetch(&self, address: &str) -> bool {
        let Ok(url) = Url::parse(address) else {
            return false;
        };
        let named = matches!(url.host(), Some(Host::Domain(_)));
        url.scheme() == "https" && named
            || is_private(&url) && url.host() == self.0.host() && url.port() == self.0.port()
    }
}

impl Display for ProviderUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut url = self.0.clone();
        // A URL with a host takes both.
        let _ = url.set_username("***");
        let _ = url.set_password(None);
        f.write_str(url.as_str())
    }
}

impl fmt::Debug for ProviderUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ProviderUrl({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_needed_and_never_shown() {
        let url: ProviderUrl = "https://EZAK123@api.easypost.com".parse().expect("a URL");
        assert_eq!(url.to_string(), "https://***@api.easypost.com/v2");
        assert!(!format!("{url:?}").contains("EZAK"));
        assert_eq!(
            url.at("shipments"),
            "https://EZAK123@api.easypost.com/v2/shipments"
        );
        let wrong = |text: &str| text.parse::<ProviderUrl>().expect_err(text);
        assert_eq!(wrong("https://api.easypost.com"), ProviderUrlError::NoKey);
        assert_eq!(
            wrong("http://key@api.easypost.com"),
            ProviderUrlError::NotHttps
        );
        assert_eq!(wrong("ftp://key@host"), ProviderUrlError::NotHttps);
        assert!(
            "http://key@127.0.0.1:8080/v2"
                .parse::<ProviderUrl>()
                .is_ok()
        );
    }

    #[test]
    fn labels_are_not_fetched_from_inside() {
        let url: ProviderUrl = "https://key@api.easypost.com".parse().expect("a URL");
        assert!(url.may_fetch("https://easypost-files.s3.us-west-2.amazonaws.com/a.zpl"));
        for inside in [
            "http://files.example/a.zpl",
            "https://169.254.169.254/a",
            "http://127.0.0.1/a",
            "file:///etc/passwd",
            "",
        ] {
            assert!(!url.may_fetch(inside), "{inside}");
        }
        let local: ProviderUrl = "http://key@127.0.0.1:8080".parse().expect("a URL");
        assert!(local.may_fetch("http://127.0.0.1:8080/a.zpl"));
        assert!(!local.may_fetch("http://127.0.0.1:9090/a.zpl"));
    }
}
