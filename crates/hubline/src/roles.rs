//! From the owner's database address to one per role.

use anyhow::{Context, Result, bail};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use url::Url;

/// A database role and how long it may wait: the same limits as `migrations/` give to logins of the role,
/// which a session that takes the role on later does not inherit.
pub struct Role {
    name: &'static str,
    lock_timeout: &'static str,
    statement_timeout: &'static str,
}

/// What the chat's functions work as.
pub const CHAT: Role = Role { name: "hubline_chat", lock_timeout: "1000ms", statement_timeout: "2500ms" };

/// What the purge works as.
pub const PURGE: Role = Role { name: "hubline_purge", lock_timeout: "1s", statement_timeout: "30s" };

/// What the functions of operations work as.
pub const OPERATIONS: Role = Role { name: "hubline_operations", lock_timeout: "2s", statement_timeout: "5s" };

/// The owner's address, with options that make its sessions start in a role.
///
/// # Errors
///
/// When the address is no URL of PostgreSQL.
pub fn as_role(owner: &str, role: &Role) -> Result<String> {
    let url = database(owner)?;
    let mut options = Vec::new();
    let mut rest = Vec::new();
    for (name, value) in url.query_pairs() {
        if name == "options" { options.push(value.into_owned()) } else { rest.push((name, value)) }
    }
    options.push(format!(
        "-c role={} -c lock_timeout={} -c statement_timeout={}",
        role.name, role.lock_timeout, role.statement_timeout
    ));
    rest.push(("options".into(), options.join(" ").into()));

    // Written by hand: a URL library writes a space as `+`, which PostgreSQL's clients do not read as one.
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let query: Vec<String> = rest.iter().map(|(name, value)| format!("{name}={}", encode(value))).collect();
    let mut url = url.clone();
    url.set_query(Some(&query.join("&")));
    Ok(url.into())
}

/// A database's address as everything here and in Spin reads it: `postgresql://`, which libpq knows too, is `postgres://`.
pub fn database_url(url: &str) -> String {
    match url.trim().strip_prefix("postgresql://") {
        Some(rest) => format!("postgres://{rest}"),
        None => url.trim().to_owned(),
    }
}

/// The `scheme://host:port` of a database's address, as an allowed host of a manifest is written.
///
/// # Errors
///
/// When the address is no URL of PostgreSQL.
pub fn database_origin(url: &str) -> Result<String> {
    origin(&database(url)?, 5432)
}

/// The `scheme://host:port` of Redis's address.
///
/// # Errors
///
/// When the address is no URL of Redis.
pub fn redis_origin(url: &str) -> Result<String> {
    let url = Url::parse(url).context("the address of Redis is no URL")?;
    if !matches!(url.scheme(), "redis" | "rediss") {
        bail!("the address of Redis must begin with redis:// or rediss://");
    }
    origin(&url, 6379)
}

/// The `scheme://host:port` of the address of an issuer's keys.
///
/// # Errors
///
/// When the address is no URL of HTTP.
pub fn web_origin(url: &str) -> Result<String> {
    let url = Url::parse(url).context("jwks_url is no URL")?;
    let port = match url.scheme() {
        "http" => 80,
        "https" => 443,
        _ => bail!("jwks_url must begin with http:// or https://"),
    };
    origin(&url, port)
}

fn database(url: &str) -> Result<Url> {
    // The address holds a password: errors must not show it.
    let url = Url::parse(&database_url(url)).context("the address of the database is no URL")?;
    if url.scheme() != "postgres" {
        bail!("the address of the database must begin with postgres:// or postgresql://");
    }
    Ok(url)
}

fn origin(url: &Url, default_port: u16) -> Result<String> {
    let host = url.host_str().filter(|host| !host.is_empty());
    let host = host.with_context(|| format!("an address that begins with {}:// must name a host", url.scheme()))?;
    Ok(format!("{}://{host}:{}", url.scheme(), url.port_or_known_default().unwrap_or(default_port)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_owners_address_becomes_a_roles() {
        let url = as_role("postgres://me:p%40ss@db:5433/chat?sslmode=verify-full", &CHAT).unwrap();
        let config: tokio_postgres::Config =
            url.replace("&sslmode", "&").replace("sslmode=verify%2Dfull&", "").parse().unwrap();
        assert_eq!(
            config.get_options(),
            Some("-c role=hubline_chat -c lock_timeout=1000ms -c statement_timeout=2500ms")
        );
        assert_eq!(config.get_password(), Some("p@ss".as_bytes()));
        assert_eq!(config.get_dbname(), Some("chat"));
        assert!(url.contains("sslmode=verify%2Dfull"));
    }

    #[test]
    fn options_that_are_there_stay() {
        let url = as_role("postgres://db/chat?options=-c%20jit%3Doff", &PURGE).unwrap();
        let config: tokio_postgres::Config = url.parse().unwrap();
        let options = config.get_options().unwrap();
        assert!(options.starts_with("-c jit=off -c role=hubline_purge "), "{options}");
    }

    #[test]
    fn either_scheme_is_the_same_database() {
        let url = "postgresql://me:p%40ss@db:5433/chat?sslmode=verify-full&options=-c%20jit%3Doff";
        assert_eq!(database_url(url), url.replace("postgresql", "postgres"));
        assert_eq!(as_role(url, &CHAT).unwrap(), as_role(&database_url(url), &CHAT).unwrap());
        assert_eq!(database_url(" postgresql://a:1,b:2/x "), "postgres://a:1,b:2/x");
        assert_eq!(database_url("host=db"), "host=db");
        database_origin("postgresqls://db/x").unwrap_err();
    }

    #[test]
    fn origins_have_a_port() {
        assert_eq!(database_origin("postgresql://u:p@db.example/x").unwrap(), "postgres://db.example:5432");
        assert_eq!(redis_origin("rediss://:p@cache:6380/0").unwrap(), "rediss://cache:6380");
        assert_eq!(web_origin("https://id.example/keys").unwrap(), "https://id.example:443");
        assert_eq!(database_origin("postgres://[::1]:1/x").unwrap(), "postgres://[::1]:1");
    }

    #[test]
    fn other_addresses_are_refused_without_showing_them() {
        for wrong in ["", "host=db password=hidden", "mysql://u:hidden@db/x", "postgres:///x"] {
            let error = format!("{:#}", database_origin(wrong).unwrap_err());
            assert!(!error.contains("hidden"), "{error}");
        }
        redis_origin("http://cache").unwrap_err();
        web_origin("ftp://keys").unwrap_err();
    }
}
