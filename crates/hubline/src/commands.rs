//! The commands, one file each.

pub mod epoch;
pub mod functions;
pub mod migrate;
pub mod principal;
pub mod relay;
pub mod token;
pub mod trigger;
pub mod up;
pub mod verify_audit;

use std::net::{SocketAddr, ToSocketAddrs};
use std::path::PathBuf;

use anyhow::{Context, Result};
use chrono::TimeDelta;
use clap::{Args, Subcommand};
use runtime::Limits;

use crate::data::Data;
use crate::databases::{self, Owner};

/// What `hubline` can be told to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run everything: functions, relay and, unless told where they are, private databases.
    Up(up::Up),
    /// Run the functions alone, as Spin would, behind relays that run elsewhere.
    Functions(functions::FunctionsOptions),
    /// Run the relay alone, in front of functions that run elsewhere.
    Relay(relay::RelayOptions),
    /// Bring the database's schema up to date.
    Migrate(migrate::Migrate),
    /// Print a token signed with the development key.
    Token(token::Token),
    /// Run a scheduled component once, now.
    Trigger(trigger::Trigger),
    /// The name of the database's history.
    Epoch(epoch::Epoch),
    /// Who may be what in operations.
    Principal(principal::Principal),
    /// Follow the whole audit log of operations and say whether it holds.
    VerifyAudit(verify_audit::VerifyAudit),
}

/// Where this installation keeps its files.
#[derive(Debug, Args)]
pub struct DataDir {
    /// The folder of keys, compiled components and private databases.
    #[arg(long, value_name = "DIR", env = "HUBLINE_DATA_DIR", default_value = ".hubline")]
    pub data_dir: PathBuf,
}

/// How the functions are run.
#[derive(Debug, Args)]
pub struct Instances {
    /// How long an instance of a function is kept without work: a number and s, m, h or d.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = token::duration)]
    idle_instance_timeout: TimeDelta,
}

impl Instances {
    /// What an instance may use, and how long it lives.
    fn limits(&self) -> Limits {
        let usual = Limits::default();
        Limits { idle: self.idle_instance_timeout.to_std().unwrap_or(usual.idle), ..usual }
    }
}

/// Where the database is, for commands that need its owner.
#[derive(Debug, Args)]
pub struct Database {
    /// PostgreSQL, as the database's owner; without it, the private one of the data directory.
    #[arg(long, value_name = "URL", env = "HUBLINE_DATABASE_URL", hide_env_values = true)]
    pub database_url: Option<String>,
}

/// Where the database of operations is, for commands that need its owner.
#[derive(Clone, Debug, Args)]
pub struct OperationsDatabase {
    /// PostgreSQL for operations, as the database's owner, on a server that no rollback restores; without it, the private
    /// one of the data directory.
    #[arg(long, value_name = "URL", env = "HUBLINE_OPERATIONS_DATABASE_URL", hide_env_values = true)]
    pub operations_database_url: Option<String>,
}

/// The database of operations, for a command on it. The private server runs while this lives.
struct Operations {
    url: String,
    _server: Option<Owner>,
}

impl Operations {
    fn open(database: OperationsDatabase, data: &DataDir) -> Result<Self> {
        if let Some(url) = database.operations_database_url {
            return Ok(Self { url, _server: None });
        }
        let server = databases::owner(None, &Data::open(&data.data_dir)?)?;
        let url = server.operations_url().context("there is no database of operations")?.to_owned();
        Ok(Self { url, _server: Some(server) })
    }
}

/// Reads an address to listen on, such as `127.0.0.1:3000` or `localhost:3000`.
fn address(text: &str) -> Result<SocketAddr> {
    let mut addresses = text.to_socket_addrs().context("an address is a host and a port, like 127.0.0.1:3000")?;
    addresses.next().context("the host has no address")
}

/// Runs something asynchronous to its end. Its threads are gone when this returns.
fn block_on<T>(work: impl Future<Output = T>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    Ok(runtime.block_on(work))
}
