//! Where the database is: a connection URL that may name several servers.

use std::fmt::{self, Display};
use std::str::FromStr;
use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use sqlx::postgres::PgConnectOptions;

/// Time that one server gets to answer when the URL has no `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// Parameters that are handed on to the driver as they are.
const PASSED_ON: &[&str] = &[
    "sslmode",
    "sslrootcert",
    "sslcert",
    "sslkey",
    "options",
    "statement-cache-capacity",
];

/// A parsed `postgres://user:password@host1:port1,host2:port2/database?…`.
///
/// The form is that of libpq (PostgreSQL manual, 34.1.1.2 "Connection URIs"): a server without
/// a port listens at 5432, `?host=/directory` names the directory of a Unix socket, and
/// `?host=a,b&port=1,2` says the same as `a:1,b:2`. The driver reads one server only, so the
/// list is split here. `Display` and `Debug` show the URL without its password.
#[derive(Clone)]
pub struct DatabaseUrl {
    servers: Vec<PgConnectOptions>,
    connect_timeout: Duration,
    shown: String,
}

/// What is wrong with a database URL. Never contains the password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct UrlError(String);

impl DatabaseUrl {
    /// The servers, in the order in which they are tried. Never empty.
    pub(super) fn servers(&self) -> &[PgConnectOptions] {
        &self.servers
    }

    /// Time that each server gets to answer.
    pub(super) fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// The name of the database, if the URL or the environment gives one.
    pub fn database(&self) -> Option<&str> {
        self.servers[0].get_database()
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(url: &str) -> Result<Self, UrlError> {
        let Some(rest) = ["postgres://", "postgresql://"]
            .iter()
            .find_map(|scheme| url.strip_prefix(scheme))
        else {
            return fail("expected postgres://USER@HOST/DATABASE");
        };
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (authority, path) = rest.split_once('/').unwrap_or((rest, ""));
        let (userinfo, list) = authority.rsplit_once('@').unwrap_or(("", authority));
        let (user, password) = userinfo.split_once(':').unwrap_or((userinfo, ""));

        let mut hosts = decoded(list)?;
        let mut ports = None;
        let mut connect_timeout = CONNECT_TIMEOUT;
        let mut common = Vec::new();
        for (key, part) in [("user", user), ("password", password), ("dbname", path)] {
            if !part.is_empty() {
                common.push((key, decoded(part)?));
            }
        }
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decoded(value)?;
            match key {
                "host" | "hostaddr" => hosts = value,
                "port" => ports = Some(value),
                "user" => common.push(("user", value)),
                "password" => common.push(("password", value)),
                "dbname" => common.push(("dbname", value)),
                "connect_timeout" => connect_timeout = seconds(&value)?,
                "target_session_attrs" => needs_writing(&value)?,
                _ => match PASSED_ON.iter().find(|known| **known == key) {
                    Some(known) => common.push((known, value)),
                    None => {
                        return fail(format!(
                            "`{key}` is not a known parameter; known are host, port, user, \
                             password, dbname, connect_timeout, target_session_attrs, {}",
                            PASSED_ON.join(", ")
                        ));
                    }
                },
            }
        }

        let servers = pair_up(&hosts, ports.as_deref())?
            .into_iter()
            .map(|(host, port)| driver_options(host, port, &common))
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            servers,
            connect_timeout,
            shown: without_password(user, list, path, query),
        })
    }
}

impl Display for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown)
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("DatabaseUrl").field(&self.shown).finish()
    }
}

fn fail<T>(message: impl Into<String>) -> Result<T, UrlError> {
    Err(UrlError(message.into()))
}

fn decoded(part: &str) -> Result<String, UrlError> {
    match percent_decode_str(part).decode_utf8() {
        Ok(text) => Ok(text.into_owned()),
        Err(_) => fail("a %-sequence in it does not make UTF-8"),
    }
}

fn seconds(value: &str) -> Result<Duration, UrlError> {
    match value.parse() {
        // libpq: 0 waits for ever, which no screen should.
        Ok(0) => Ok(CONNECT_TIMEOUT),
        Ok(seconds) => Ok(Duration::from_secs(seconds)),
        Err(_) => fail(format!(
            "connect_timeout: expected whole seconds, found `{value}`"
        )),
    }
}

/// The change feed and every act need the primary, so the weaker wishes are refused.
fn needs_writing(value: &str) -> Result<(), UrlError> {
    match value {
        "any" | "read-write" | "primary" => Ok(()),
        _ => fail(format!(
            "target_session_attrs: expected read-write, found `{value}`; packline works on the primary only"
        )),
    }
}

/// Each host with its port: `a:1,b:2` with no list of ports, or `a,b` with one port for all or
/// one for each. An empty host or port is left to the driver's default.
fn pair_up<'a>(
    hosts: &'a str,
    ports: Option<&'a str>,
) -> Result<Vec<(&'a str, &'a str)>, UrlError> {
    let mut pairs: Vec<(&str, &str)> = hosts.split(',').map(host_and_port).collect();
    if let Some(ports) = ports {
        let ports: Vec<&str> = ports.split(',').collect();
        if ports.len() != 1 && ports.len() != pairs.len() {
            return fail(format!(
                "{} hosts but {} ports: give one port, or one for each host",
                pairs.len(),
                ports.len()
            ));
        }
        for (index, pair) in pairs.iter_mut().enumerate() {
            pair.1 = ports[index.min(ports.len() - 1)];
        }
    }
    for (host, port) in &pairs {
        if !port.is_empty() && port.parse::<u16>().is_err() {
            return fail(format!(
                "port of `{host}`: expected a number up to 65535, found `{port}`"
            ));
        }
    }
    Ok(pairs)
}

fn host_and_port(text: &str) -> (&str, &str) {
    if let Some(rest) = text.strip_prefix('[')
        && let Some((address, port)) = rest.split_once(']')
    {
        return (address, port.strip_prefix(':').unwrap_or(port));
    }
    // A bare IPv6 address, as `?host=::1` may give it, has colons but no port.
    match text.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, port),
        _ => (text, ""),
    }
}

/// Everything travels as a parameter: the driver then looks up `~/.pgpass` with the final host,
/// user and database.
fn driver_options(
    host: &str,
    port: &str,
    common: &[(&str, String)],
) -> Result<PgConnectOptions, UrlError> {
    let server = [("host", host), ("port", port)];
    let mut url = String::from("postgres:///?");
    for (key, value) in server
        .into_iter()
        .chain(common.iter().map(|(key, value)| (*key, value.as_str())))
        .filter(|(_, value)| !value.is_empty())
    {
        let separator = if url.ends_with('?') { "" } else { "&" };
        url.extend([separator, key, "="]);
        url.extend(utf8_percent_encode(value, NON_ALPHANUMERIC));
    }
    url.parse().map_err(|error| match error {
        sqlx::Error::Configuration(cause) => UrlError(cause.to_string()),
        other => UrlError(other.to_string()),
    })
}

fn without_password(user: &str, hosts: &str, path: &str, query: &str) -> String {
    let at = if user.is_empty() { "" } else { "@" };
    let query: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("password="))
        .collect();
    let mark = if query.is_empty() { "" } else { "?" };
    format!(
        "postgres://{user}{at}{hosts}/{path}{mark}{}",
        query.join("&")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn servers(url: &str) -> Vec<(String, u16)> {
        url.parse::<DatabaseUrl>()
            .expect(url)
            .servers()
            .iter()
            .map(|server| match server.get_socket() {
                Some(directory) => (directory.display().to_string(), server.get_port()),
                None => (server.get_host().to_owned(), server.get_port()),
            })
            .collect()
    }

    fn refusal(url: &str) -> String {
        url.parse::<DatabaseUrl>().expect_err(url).to_string()
    }

    #[test]
    fn several_servers_are_kept_in_order_each_with_its_port() {
        assert_eq!(
            servers(
                "postgres://ana@one:5433,[::1]:5434,three:5435/shop?target_session_attrs=read-write"
            ),
            [
                ("one".into(), 5433),
                ("::1".into(), 5434),
                ("three".into(), 5435)
            ]
        );
        assert_eq!(
            servers("postgresql:///shop?host=one,::1&port=6000"),
            [("one".into(), 6000), ("::1".into(), 6000)]
        );
    }

    #[test]
    fn a_directory_is_a_unix_socket_as_parameter_and_in_place_of_the_host() {
        assert_eq!(
            servers("postgres://ana@/shop?host=/run/packline&port=5432"),
            [("/run/packline".into(), 5432)]
        );
        assert_eq!(
            servers("postgres://ana@%2Frun%2Fpackline:5432/shop"),
            [("/run/packline".into(), 5432)]
        );
    }

    #[test]
    fn user_and_database_are_decoded() {
        let url: DatabaseUrl = "postgres://an%40a:p%2Fw@h/my%20shop"
            .parse()
            .expect("a URL");
        assert_eq!(url.servers()[0].get_username(), "an@a");
        assert_eq!(url.database(), Some("my shop"));
    }

    #[test]
    fn the_password_is_never_shown() {
        for url in [
            "postgres://ana:s3cret@h/shop?sslmode=require",
            "postgres://ana@h/shop?password=s3cret&sslmode=require",
        ] {
            let url: DatabaseUrl = url.parse().expect("a URL");
            assert_eq!(url.to_string(), "postgres://ana@h/shop?sslmode=require");
            assert!(!format!("{url:?}").contains("s3cret"));
        }
        assert!(!refusal("postgres://ana:s3cret@h/shop?sslmod=require").contains("s3cret"));
        assert!(!refusal("mysql://ana:s3cret@h/shop").contains("s3cret"));
    }

    #[test]
    fn mistakes_are_named() {
        assert!(refusal("localhost/shop").contains("expected postgres://"));
        assert!(refusal("postgres://h/shop?sslmod=require").contains("`sslmod`"));
        assert!(refusal("postgres://h:66000/shop").contains("`66000`"));
        assert!(refusal("postgres://a,b,c/shop?port=1,2").contains("3 hosts but 2 ports"));
        assert!(refusal("postgres://h/shop?target_session_attrs=standby").contains("primary"));
        assert!(refusal("postgres://h/shop?connect_timeout=soon").contains("`soon`"));
        assert!(refusal("postgres://h/shop?sslmode=perhaps").contains("perhaps"));
    }
}
