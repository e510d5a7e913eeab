//! Making a connection, whoever it is for.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tokio_postgres::config::SslMode;
use tokio_postgres::{Client, NoTls, SimpleQueryMessage};

use super::address::{Address, chain};
use super::tls::Tls;
use super::wire::Wire;
use crate::{ConnectError, tls};

/// How long a connection may take to make.
const PATIENCE: Duration = Duration::from_secs(10);

/// Connects this program itself to a database, which understands the same addresses as the functions do: with
/// `sslmode` up to `verify-full` and `sslrootcert`.
///
/// # Errors
/// An address that is none, a server that does not answer in time, or refuses. The address, which may hold a password, is
/// not repeated.
pub async fn connect(address: &str) -> Result<Client, ConnectError> {
    let address = Address::parse(address).map_err(ConnectError)?;
    let encryption = encryption(&address, None).map_err(ConnectError)?;
    match timeout(PATIENCE, dial(&address, encryption)).await {
        Ok(Ok((client, wire))) => {
            tokio::spawn(wire.run());
            Ok(client)
        }
        Ok(Err(reason)) => Err(ConnectError(reason)),
        Err(_) => Err(ConnectError("the server did not answer in time".to_owned())),
    }
}

/// What an address says about encryption; `root` takes the place of its file of root certificates.
pub(super) fn encryption(address: &Address, root: Option<&str>) -> Result<Option<Tls>, String> {
    let roots = match (root, &address.root_file) {
        (Some(root), _) => Some(root.to_owned()),
        (None, Some(file)) => Some(read(file)?),
        (None, None) => None,
    };
    match address.config.get_ssl_mode() {
        SslMode::Disable => Ok(None),
        _ => Ok(Some(Tls(Arc::new(tls::client(address.trust, roots.as_deref())?)))),
    }
}

fn read(file: &Path) -> Result<String, String> {
    std::fs::read_to_string(file).map_err(|error| format!("sslrootcert {}: {error}", file.display()))
}

/// Opens a connection: what is asked of the client happens while its wire is polled. One whose options take on a role is asked
/// once whether they have arrived: poolers in between are often told to drop them.
pub(super) async fn dial(address: &Address, tls: Option<Tls>) -> Result<(Client, Wire), String> {
    let config = &address.config;
    let connected = match tls {
        Some(tls) => config.connect(tls).await.map(|(client, connection)| (client, Wire::of(connection))),
        None => config.connect(NoTls).await.map(|(client, connection)| (client, Wire::of(connection))),
    };
    let (client, mut wire) = connected.map_err(|error| chain(&error))?;
    let Some(role) = address.role() else { return Ok((client, wire)) };
    let asked = wire.carry(client.simple_query("select current_user")).await.map_err(|error| chain(&error))?;
    let rows =
        asked.iter().filter_map(|message| if let SimpleQueryMessage::Row(row) = message { row.get(0) } else { None });
    match rows.last() {
        Some(in_force) if in_force == role => Ok((client, wire)),
        in_force => Err(format!(
            "the server has this session work as `{}` and not as `{role}`: something in between drops the options of connections",
            in_force.unwrap_or_default()
        )),
    }
}
