//! Where a component may connect to.

use std::fmt;

use url::Host;

/// What ends the host name of a component of the same application.
const CHAINED: &str = ".spin.internal";

/// One entry of `allowed_outbound_hosts`: a scheme, a host and a port, each exact.
///
/// Spin has wildcards and address ranges too. They are refused here: a component says where it connects to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AllowedHost {
    scheme: String,
    host: Host,
    port: u16,
}

/// Why an entry of `allowed_outbound_hosts` is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// There is no `://`.
    #[error("`{0}` has no scheme: an allowed host is scheme://host:port")]
    NoScheme(String),
    /// A `*` stands in it.
    #[error("`{0}` has a wildcard: name the scheme, the host and the port")]
    Wildcard(String),
    /// The scheme is none.
    #[error("`{0}` has a scheme of other than letters")]
    Scheme(String),
    /// Something follows the port.
    #[error("`{0}` has a path, a query or a user: an allowed host is scheme://host:port")]
    Excess(String),
    /// The host is none.
    #[error("`{0}` has no valid host")]
    Host(String),
    /// The port is none.
    #[error("`{0}` has no valid port")]
    Port(String),
    /// There is no port, and none is known for the scheme.
    #[error("`{0}` has no port, and its scheme has no usual one")]
    NoPort(String),
}

impl AllowedHost {
    /// Reads one entry.
    ///
    /// # Errors
    /// What is not exactly `scheme://host:port`, or `scheme://host` with a scheme whose port Spin knows.
    pub fn parse(text: &str) -> Result<Self, HostError> {
        let text = text.trim();
        let fault = |kind: fn(String) -> HostError| kind(text.to_owned());
        let (scheme, authority) = text.split_once("://").ok_or_else(|| fault(HostError::NoScheme))?;
        if text.contains('*') {
            return Err(fault(HostError::Wildcard));
        }
        if scheme.is_empty() || !scheme.chars().all(|c| c.is_ascii_lowercase()) {
            return Err(fault(HostError::Scheme));
        }
        let authority = authority.strip_suffix('/').unwrap_or(authority);
        if authority.contains(['/', '?', '#', '@']) {
            return Err(fault(HostError::Excess));
        }
        let (host, port) = split_port(authority);
        let port = match port {
            Some(port) => port.parse().map_err(|_| fault(HostError::Port))?,
            None => usual_port(scheme).ok_or_else(|| fault(HostError::NoPort))?,
        };
        let host = Host::parse(host).map_err(|_| fault(HostError::Host))?;
        Ok(Self { scheme: usual_scheme(scheme).to_owned(), host, port })
    }

    /// Whether it covers a connection; no port means the scheme's usual one.
    #[must_use]
    pub fn allows(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        self.scheme == usual_scheme(scheme)
            && Some(self.port) == port.or_else(|| usual_port(scheme))
            && Host::parse(host).is_ok_and(|host| host == self.host)
    }

    /// The component of the same application that it names, when it is `http://NAME.spin.internal`.
    #[must_use]
    pub fn component(&self) -> Option<&str> {
        match &self.host {
            Host::Domain(domain) => chained_component(domain),
            Host::Ipv4(_) | Host::Ipv6(_) => None,
        }
    }
}

impl fmt::Display for AllowedHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}:{}", self.scheme, self.host, self.port)
    }
}

/// The component that `NAME.spin.internal` stands for; none for any other host.
#[must_use]
pub fn chained_component(host: &str) -> Option<&str> {
    host.strip_suffix(CHAINED).filter(|name| !name.is_empty())
}

/// Cuts the port off, minding that an IPv6 address has colons of its own.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

/// The scheme of two that mean the same by which a place is known.
fn usual_scheme(scheme: &str) -> &str {
    if scheme == "postgresql" { "postgres" } else { scheme }
}

/// The port that Spin takes when none is given.
fn usual_port(scheme: &str) -> Option<u16> {
    match usual_scheme(scheme) {
        "http" => Some(80),
        "https" => Some(443),
        "postgres" => Some(5432),
        "redis" => Some(6379),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_is_exact() {
        for (text, shown) in [
            ("http://localhost:3001", "http://localhost:3001"),
            ("https://Example.org/", "https://example.org:443"),
            ("postgres://10.0.0.1", "postgres://10.0.0.1:5432"),
            ("postgresql://10.0.0.1", "postgres://10.0.0.1:5432"),
            ("postgresql://10.0.0.1:7/", "postgres://10.0.0.1:7"),
            ("redis://[::1]:6380", "redis://[::1]:6380"),
            ("rediss://cache.example:6380", "rediss://cache.example:6380"),
            (" http://message-history.spin.internal ", "http://message-history.spin.internal:80"),
        ] {
            assert_eq!(AllowedHost::parse(text).unwrap().to_string(), shown, "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not() {
        type Kind = fn(String) -> HostError;
        let table: [(&str, Kind); 13] = [
            ("localhost:80", HostError::NoScheme),
            ("", HostError::NoScheme),
            ("*://localhost:80", HostError::Wildcard),
            ("https://*.example.org", HostError::Wildcard),
            ("http://localhost:*", HostError::Wildcard),
            ("ht-tp://localhost:80", HostError::Scheme),
            ("http://localhost:80/path", HostError::Excess),
            ("postgres://user@db:5432", HostError::Excess),
            ("http://10.0.0.0/8", HostError::Excess),
            ("http://", HostError::Host),
            ("http://localhost:70000", HostError::Port),
            ("http://localhost:", HostError::Port),
            ("rediss://cache.example", HostError::NoPort),
        ];
        for (text, kind) in table {
            assert_eq!(AllowedHost::parse(text).unwrap_err(), kind(text.to_owned()));
        }
    }

    #[test]
    fn allows_the_same_place_only() {
        let host = AllowedHost::parse("https://api.example.org").unwrap();
        assert!(host.allows("https", "api.example.org", None));
        assert!(host.allows("https", "API.example.org", Some(443)));
        assert!(!host.allows("http", "api.example.org", Some(443)));
        assert!(!host.allows("https", "api.example.org", Some(8443)));
        assert!(!host.allows("https", "evil.api.example.org", None));
        assert!(!host.allows("https", "api.example.org.", None));
    }

    #[test]
    fn a_database_is_the_same_by_either_scheme() {
        for text in ["postgres://db", "postgresql://db:5432"] {
            let host = AllowedHost::parse(text).unwrap();
            assert!(host.allows("postgres", "db", Some(5432)) && host.allows("postgresql", "db", None), "{text}");
            assert!(!host.allows("postgresq", "db", Some(5432)) && !host.allows("redis", "db", Some(5432)), "{text}");
        }
    }

    #[test]
    fn an_address_has_one_meaning_however_it_is_written() {
        let host = AllowedHost::parse("http://127.0.0.1:80").unwrap();
        assert!(host.allows("http", "127.1", None));
        assert!(!host.allows("http", "localhost", None));
    }

    #[test]
    fn names_its_component() {
        assert_eq!(AllowedHost::parse("http://a-b.spin.internal").unwrap().component(), Some("a-b"));
        assert_eq!(AllowedHost::parse("http://spin.internal").unwrap().component(), None);
        assert_eq!(AllowedHost::parse("http://127.0.0.1").unwrap().component(), None);
    }
}
