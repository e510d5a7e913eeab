//! Connection strings, with the TLS parameters that the driver does not know.

use std::path::PathBuf;

use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::tls::Trust;

/// Where a database is and how to reach it.
pub(crate) struct Address {
    /// Everything that the driver understands.
    pub config: Config,
    /// Whom to believe, when the connection is encrypted.
    pub trust: Trust,
    /// A file of root certificates.
    pub root_file: Option<PathBuf>,
}

impl Address {
    /// Reads `postgres://…` or `host=… dbname=…`.
    ///
    /// `sslmode` may be all that libpq knows but `allow`; `sslrootcert` names a file.
    pub fn parse(text: &str) -> Result<Self, String> {
        let Parameters { rest, mode, root_file } = Parameters::cut_out(text);
        let mut config: Config = rest.parse().map_err(|error| chain(&error))?;
        let (ssl_mode, trust) = match mode.as_deref() {
            None | Some("prefer") => (SslMode::Prefer, Trust::Anyone),
            Some("disable") => (SslMode::Disable, Trust::Anyone),
            // A root certificate given with `require` means `verify-ca`, as in libpq.
            Some("require") if root_file.is_none() => (SslMode::Require, Trust::Anyone),
            Some("require" | "verify-ca") => (SslMode::Require, Trust::Authority),
            Some("verify-full") => (SslMode::Require, Trust::Name),
            Some(other) => return Err(format!("sslmode `{other}` is not known")),
        };
        config.ssl_mode(ssl_mode);
        if config.get_hosts().is_empty() {
            return Err("the connection string names no host".to_owned());
        }
        Ok(Self { config, trust, root_file })
    }

    /// The role that its options take on: a session that works as somebody else has lost them on the way.
    pub fn role(&self) -> Option<&str> {
        let mut role = None;
        let mut words = self.config.get_options().unwrap_or_default().split_ascii_whitespace();
        while let Some(word) = words.next() {
            let setting = match word {
                "-c" => words.next(),
                _ => word.strip_prefix("-c").or_else(|| word.strip_prefix("--")),
            };
            if let Some(("role", name)) = setting.and_then(|setting| setting.split_once('=')) {
                role = Some(name);
            }
        }
        role.filter(|name| *name != "none")
    }

    /// The hosts that it may lead to, each with its port.
    pub fn endpoints(&self) -> Result<Vec<(&str, u16)>, String> {
        let ports = self.config.get_ports();
        let port = |index| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        if !self.config.get_hostaddrs().is_empty() {
            return Err("`hostaddr` is not allowed: name the host".to_owned());
        }
        let hosts = self.config.get_hosts().iter().enumerate();
        hosts
            .map(|(index, host)| match host {
                Host::Tcp(name) => Ok((name.as_str(), port(index))),
                Host::Unix(_) => Err("a function cannot use a Unix socket".to_owned()),
            })
            .collect()
    }
}

/// The parameters that this module understands by itself, and the connection string without them.
#[derive(Default)]
struct Parameters {
    rest: String,
    mode: Option<String>,
    root_file: Option<PathBuf>,
}

impl Parameters {
    fn cut_out(text: &str) -> Self {
        let mut found = Self::default();
        if let Some((before, query)) = text.split_once('?').filter(|_| text.contains("://")) {
            let kept: Vec<_> = query.split('&').filter(|pair| !found.take(pair, true)).collect();
            found.rest = match kept.is_empty() {
                true => before.to_owned(),
                false => format!("{before}?{}", kept.join("&")),
            };
        } else if text.contains("://") {
            found.rest = text.to_owned();
        } else {
            let kept: Vec<_> = text.split(' ').filter(|pair| !found.take(pair, false)).collect();
            found.rest = kept.join(" ");
        }
        found
    }

    /// Keeps a parameter for itself, if it is one of its own.
    fn take(&mut self, pair: &str, encoded: bool) -> bool {
        let Some((name, value)) = pair.split_once('=') else { return false };
        let value = || match encoded {
            true => url::form_urlencoded::parse(pair.as_bytes()).next().map_or(String::new(), |(_, v)| v.into_owned()),
            false => value.trim_matches('\'').to_owned(),
        };
        match name {
            "sslmode" => self.mode = Some(value()),
            "sslrootcert" => self.root_file = Some(PathBuf::from(value())),
            _ => return false,
        }
        true
    }
}

/// An error and its causes on one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Address {
        Address::parse(text).unwrap()
    }

    #[test]
    fn knows_every_mode() {
        for (mode, ssl_mode, trust) in [
            ("", SslMode::Prefer, Trust::Anyone),
            ("?sslmode=disable", SslMode::Disable, Trust::Anyone),
            ("?sslmode=prefer", SslMode::Prefer, Trust::Anyone),
            ("?sslmode=require", SslMode::Require, Trust::Anyone),
            ("?sslmode=require&sslrootcert=/ca.pem", SslMode::Require, Trust::Authority),
            ("?sslmode=verify-ca", SslMode::Require, Trust::Authority),
            ("?connect_timeout=1&sslmode=verify-full", SslMode::Require, Trust::Name),
        ] {
            let address = parse(&format!("postgres://u:p@h:1/d{mode}"));
            assert_eq!(address.config.get_ssl_mode(), ssl_mode, "{mode}");
            assert_eq!(address.trust, trust, "{mode}");
        }
        assert_eq!(Address::parse("postgres://h/d?sslmode=maybe").err().unwrap(), "sslmode `maybe` is not known");
    }

    #[test]
    fn leaves_the_other_parameters_alone() {
        let address = parse("postgresql://u@h/d?options=-c%20role%3Dchat&sslrootcert=%2Fa%20b.pem&application_name=x");
        assert_eq!(address.config.get_options(), Some("-c role=chat"));
        assert_eq!(address.config.get_application_name(), Some("x"));
        assert_eq!(address.root_file, Some(PathBuf::from("/a b.pem")));
    }

    #[test]
    fn knows_the_role_that_options_take_on() {
        for (options, role) in [
            ("", None),
            ("-c%20role%3Dchat", Some("chat")),
            ("-c%20jit%3Doff%20-c%20role%3Dchat%20-c%20lock_timeout%3D2s", Some("chat")),
            ("-crole%3Dchat", Some("chat")),
            ("--role%3Dchat", Some("chat")),
            ("-c%20role%3Da%20--role%3Db", Some("b")),
            ("-c%20role%3Dnone", None),
            ("-c%20roles%3Dchat%20-c", None),
            ("-c%20role", None),
        ] {
            assert_eq!(parse(&format!("postgres://u@h/d?options={options}")).role(), role, "{options}");
        }
        assert_eq!(parse("postgres://u@h/d").role(), None);
    }

    #[test]
    fn reads_the_other_form() {
        let address = parse("host=h port=7 user=u dbname=d sslmode=verify-full sslrootcert='/ca.pem'");
        assert_eq!(address.trust, Trust::Name);
        assert_eq!(address.root_file, Some(PathBuf::from("/ca.pem")));
        assert_eq!(address.endpoints().unwrap(), [("h", 7)]);
    }

    #[test]
    fn names_every_endpoint() {
        assert_eq!(parse("postgres://a,b:2/d").endpoints().unwrap(), [("a", 5432), ("b", 2)]);
        assert_eq!(parse("host=a,b port=9").endpoints().unwrap(), [("a", 9), ("b", 9)]);
        assert!(parse("host=/run/postgresql").endpoints().is_err());
        assert!(parse("host=a hostaddr=10.0.0.1").endpoints().is_err());
    }

    #[test]
    fn refuses_what_is_no_address_without_repeating_it() {
        for text in ["", "dbname=d", "postgres://u:secret@h:x/d", "mysql://h/d"] {
            let refusal = Address::parse(text).err().unwrap();
            assert!(!refusal.contains("secret"), "{refusal}");
        }
    }
}
