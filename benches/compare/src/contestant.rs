//! The servers that are compared, and how each is started.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::databases::Databases;
use crate::issuer::{AUDIENCE, ISSUER};

/// Signs the users' tokens, for all contestants.
pub const TOKEN_SECRET: &str = "a-secret-of-the-benchmark-and-of-nothing-else";

/// What relays show to the functions. Nothing but the benchmark's own processes can reach them.
pub const RELAY_KEY: &str = "a-relay-key-of-the-benchmark-and-of-nothing-else";

/// The keys that the nodes of one Hubline share.
const KEYS: [(&str, &str); 2] = [
    ("SPIN_VARIABLE_RELAY_KEY", RELAY_KEY),
    ("SPIN_VARIABLE_DELIVERY_KEY", "a-delivery-key-of-the-benchmark-and-of-nothing-else"),
];

/// What the functions work as in PostgreSQL: `hubline up` derives it by itself, `hubline functions` is told.
const ROLE: &str = "?options=-c%20role%3Dhubline_chat";

/// Makes the tables that a build of Hubline uses, in a database.
///
/// # Errors
/// The program can't be started or fails.
pub fn migrate(hubline: &Path, url: &str, folder: &Path) -> Result<()> {
    let mut command = Command::new(hubline);
    command.args(["migrate", "--database-url", url]);
    let output = command.arg("--data-dir").arg(folder).output().context("hubline can't be started")?;
    ensure!(output.status.success(), "hubline migrate fails: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Another checkout, which was built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The program.
    pub program: PathBuf,
    /// What it runs.
    pub manifest: PathBuf,
}

/// A server, by the name that reports give it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Contestant {
    /// Hubline: the functions in WebAssembly.
    Hubline(PathBuf),
    /// Another build of Hubline, with its own manifest and components.
    Before(Build),
    /// The same with tokens of an issuer, whose keys are at this address.
    ByIssuer(PathBuf, String),
    /// The same functions without a relay, for relays that run elsewhere.
    Functions(PathBuf),
    /// The same relay with the same functions compiled to native code.
    Native(PathBuf),
    /// Any other server that speaks the part of the contract that the load needs.
    Peer(PathBuf),
}

impl Contestant {
    /// Its name.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Hubline(_) | Self::Functions(_) => "hubline",
            Self::Before(_) => "before",
            Self::ByIssuer(..) => "by-issuer",
            Self::Native(_) => "native",
            Self::Peer(_) => "peer",
        }
    }

    /// Answers with success when the server can be used.
    pub fn ready_page(&self) -> &'static str {
        match self {
            Self::Peer(_) => "/healthz",
            _ => "/readyz",
        }
    }

    /// What this contestant promises beyond what the generator holds against anyone, and has not kept.
    pub fn complaint(&self, report: &Value) -> Option<String> {
        let overtaken = report.get("overtaken").and_then(Value::as_u64).unwrap_or_default();
        match self {
            // SignalR does not promise that an acknowledgement waits for earlier messages.
            Self::Peer(_) => None,
            _ => (overtaken > 0).then(|| format!("{overtaken} numbers came before a lower one")),
        }
    }

    /// What takes this contestant's batches when no relay is in between; `None` for one that knows none.
    pub fn functions(&self) -> Option<Self> {
        match self {
            Self::Hubline(program) => Some(Self::Functions(program.clone())),
            Self::Functions(_) | Self::Native(_) => Some(self.clone()),
            Self::Before(_) | Self::ByIssuer(..) | Self::Peer(_) => None,
        }
    }

    /// The command of one node; the nodes of a contestant differ in name and address only.
    ///
    /// # Errors
    /// The address of Redis is of an unknown form.
    pub fn command(&self, node: &str, address: SocketAddr, manifest: &Path, databases: &Databases) -> Result<Command> {
        let (postgres, redis) = (databases.postgres_url(), databases.redis_url());
        Ok(match self {
            Self::Hubline(program) => {
                let mut command = up(program, node, address, manifest, postgres, databases);
                command.env("SPIN_VARIABLE_JWT_SECRET", TOKEN_SECRET);
                command
            }
            Self::Before(Build { program, manifest }) => {
                // Its tables are others: the second database of the same server is its own.
                let postgres = databases.other_postgres_url();
                let mut command = up(program, &format!("before-{node}"), address, manifest, postgres, databases);
                command.env("SPIN_VARIABLE_JWT_SECRET", TOKEN_SECRET);
                command
            }
            Self::ByIssuer(program, keys) => {
                let mut command = up(program, &format!("by-issuer-{node}"), address, manifest, postgres, databases);
                command.env("SPIN_VARIABLE_JWKS_URL", keys).env("SPIN_VARIABLE_JWT_ISSUER", ISSUER);
                command.env("SPIN_VARIABLE_JWT_AUDIENCE", AUDIENCE);
                command
            }
            Self::Functions(program) => {
                let mut command = Command::new(program);
                command.arg("functions").args(["--listen", &address.to_string()]);
                command.arg("--manifest").arg(manifest).arg("--data-dir").arg(databases.folder("hubline"));
                command.envs(KEYS).env("SPIN_VARIABLE_JWT_SECRET", TOKEN_SECRET);
                command.env("SPIN_VARIABLE_NODE", format!("functions-{node}"));
                command.env("SPIN_VARIABLE_DATABASE_URL", format!("{postgres}{ROLE}"));
                command.env("SPIN_VARIABLE_DATABASE_ORIGIN", origin(postgres, "postgres")?);
                command.env("SPIN_VARIABLE_REDIS_URL", redis);
                command.env("SPIN_VARIABLE_REDIS_ORIGIN", origin(redis, "redis")?);
                command
            }
            Self::Native(program) => {
                let mut command = Command::new(program);
                // Another name than Hubline's node: the two share the databases.
                command.args(["--listen", &address.to_string(), "--node", &format!("native-{node}")]);
                command.env("DATABASE_URL", postgres).env("REDIS_URL", redis).env("JWT_SECRET", TOKEN_SECRET);
                command
            }
            Self::Peer(program) => {
                let mut command = Command::new(program);
                command.env("LISTEN_URL", format!("http://{address}")).env("JWT_SECRET", TOKEN_SECRET);
                command.env("DATABASE_URL", postgres).env("REDIS_URL", stack_exchange(redis)?);
                command
            }
        })
    }
}

/// The command of a node that has everything in it.
fn up(
    program: &Path,
    node: &str,
    address: SocketAddr,
    manifest: &Path,
    postgres: &str,
    databases: &Databases,
) -> Command {
    let mut command = Command::new(program);
    command.arg("up").args(["--listen", &address.to_string(), "--node", node]);
    command.arg("--manifest").arg(manifest).arg("--data-dir").arg(databases.folder("hubline"));
    command.args(["--database-url", postgres, "--redis-url", databases.redis_url()]).envs(KEYS);
    command
}

/// What of a database's address a manifest allows: `scheme://host:port`, nothing secret.
fn origin(url: &str, scheme: &str) -> Result<String> {
    let (_, rest) = url.rsplit_once('@').with_context(|| format!("{scheme}: an address without a password"))?;
    let place = rest.split_once('/').map_or(rest, |(place, _)| place);
    Ok(format!("{scheme}://{place}"))
}

/// The address of Redis in the form that StackExchange.Redis takes after its scheme: the password behind the host.
fn stack_exchange(url: &str) -> Result<String> {
    let (password, address) = url
        .strip_prefix("redis://:")
        .and_then(|rest| rest.split_once('@'))
        .with_context(|| format!("{url} is not of the form redis://:password@host:port"))?;
    Ok(format!("redis://{address},password={password}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peers_driver_takes_the_password_last() {
        let url = stack_exchange("redis://:secret@127.0.0.1:6379").unwrap();
        assert_eq!(url, "redis://127.0.0.1:6379,password=secret");
        assert!(stack_exchange("redis://127.0.0.1:6379").is_err());
    }

    #[test]
    fn an_origin_has_no_password() {
        let of = |url| origin(url, "postgres").ok();
        assert_eq!(of("postgresql://owner:secret@127.0.0.1:5432/hubline").unwrap(), "postgres://127.0.0.1:5432");
        assert_eq!(of("redis://:secret@127.0.0.1:6379").unwrap(), "postgres://127.0.0.1:6379");
        assert_eq!(of("postgresql://127.0.0.1:5432/hubline"), None);
    }
}
