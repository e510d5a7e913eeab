//! One multiplexed connection for each URL.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, Cmd, ErrorKind, RedisError, RedisResult, TlsCertificates, Value};
use url::Url;

/// How long a connection may take to come about, and a command to be answered.
const PATIENCE: Duration = Duration::from_millis(400);

/// For how long after a failure nobody tries again: whoever comes meanwhile is told at once.
const RESPITE: Duration = Duration::from_millis(250);

/// How many URLs are kept apart.
const ADDRESSES: usize = 64;

/// The connections of all URLs.
#[derive(Default)]
pub(crate) struct Links(Mutex<HashMap<String, Arc<Link>>>);

/// A connection that makes itself anew when it breaks.
pub(super) struct Link {
    client: Client,
    slot: tokio::sync::Mutex<Slot>,
}

#[derive(Default)]
struct Slot {
    connection: Option<MultiplexedConnection>,
    /// Counts the connections, so that nobody throws away a newer one than the one that failed them.
    generation: u64,
    failed: Option<Instant>,
}

impl Links {
    /// The connection of a URL; nothing is dialled yet.
    pub(super) fn open(&self, url: &str) -> RedisResult<Arc<Link>> {
        let mut links = self.0.lock();
        if let Some(link) = links.get(url) {
            return Ok(Arc::clone(link));
        }
        if links.len() >= ADDRESSES {
            links.retain(|_, link| Arc::strong_count(link) > 1);
        }
        if links.len() >= ADDRESSES {
            return Err(RedisError::from((ErrorKind::Client, "too many different addresses")));
        }
        let link = Arc::new(Link { client: client(url)?, slot: tokio::sync::Mutex::default() });
        links.insert(url.to_owned(), Arc::clone(&link));
        Ok(link)
    }
}

impl Link {
    /// Sends a command and waits for its answer.
    pub async fn run(&self, command: &Cmd) -> RedisResult<Value> {
        let (mut connection, generation) = self.connection().await?;
        let answer = connection.send_packed_command(command).await;
        if answer.as_ref().is_err_and(broken) {
            self.discard(generation).await;
        }
        answer?.extract_error()
    }

    async fn connection(&self) -> RedisResult<(MultiplexedConnection, u64)> {
        let mut slot = self.slot.lock().await;
        if let Some(connection) = &slot.connection {
            return Ok((connection.clone(), slot.generation));
        }
        if slot.failed.is_some_and(|failed| failed.elapsed() < RESPITE) {
            return Err(RedisError::from((ErrorKind::Io, "Redis could not be reached a moment ago")));
        }
        match self.connect().await {
            Ok(connection) => {
                slot.generation += 1;
                slot.failed = None;
                slot.connection = Some(connection.clone());
                Ok((connection, slot.generation))
            }
            Err(error) => {
                slot.failed = Some(Instant::now());
                Err(error)
            }
        }
    }

    async fn connect(&self) -> RedisResult<MultiplexedConnection> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE));
        let connecting = self.client.get_multiplexed_async_connection_with_config(&config);
        match tokio::time::timeout(PATIENCE, connecting).await {
            Ok(outcome) => outcome,
            Err(_) => Err(RedisError::from((ErrorKind::Io, "Redis did not answer in time"))),
        }
    }

    async fn discard(&self, generation: u64) {
        let mut slot = self.slot.lock().await;
        if slot.generation == generation {
            slot.connection = None;
        }
    }
}

/// Whether an error says more about the connection than about the command.
fn broken(error: &RedisError) -> bool {
    error.is_io_error() || error.is_connection_dropped() || error.is_timeout() || error.is_unrecoverable_error()
}

/// Reads `redis://` and `rediss://` URLs.
///
/// Beside what the driver knows, `sslrootcert=FILE` names the authorities to trust, as it does for PostgreSQL.
pub(super) fn client(text: &str) -> RedisResult<Client> {
    let invalid = |reason| RedisError::from((ErrorKind::InvalidClientConfig, reason));
    let mut url = Url::parse(text).map_err(|_| invalid("this is no URL"))?;
    if !["redis", "rediss"].contains(&url.scheme()) {
        return Err(invalid("the scheme is neither redis nor rediss"));
    }
    let (own, rest): (Vec<_>, Vec<_>) = url.query_pairs().into_owned().partition(|(name, _)| name == "sslrootcert");
    let Some((_, file)) = own.into_iter().next() else { return Client::open(url) };
    url.set_query(None);
    if !rest.is_empty() {
        url.query_pairs_mut().extend_pairs(rest);
    }
    let root = std::fs::read(&file).map_err(|_| invalid("the file named by sslrootcert cannot be read"))?;
    Client::build_with_tls(url, TlsCertificates { client_tls: None, root_cert: Some(root) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_urls() {
        for url in ["redis://127.0.0.1:6379", "redis://:pass@h/2", "rediss://u:p@cache.example:6380/0"] {
            assert!(client(url).is_ok(), "{url}");
        }
        for url in ["", "127.0.0.1", "http://h", "unix:///run/redis.sock", "rediss://h?sslrootcert=/nowhere/ca.pem"] {
            assert!(client(url).is_err(), "{url}");
        }
    }

    #[tokio::test]
    async fn fails_fast_when_nothing_listens() {
        let socket = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("redis://{}", socket.local_addr().unwrap());
        drop(socket);
        let link = Links::default().open(&url).unwrap();
        assert!(link.run(&redis::cmd("PING")).await.is_err());
        let start = Instant::now();
        for _ in 0..100 {
            assert!(link.run(&redis::cmd("PING")).await.is_err());
        }
        assert!(start.elapsed() < RESPITE, "{:?}", start.elapsed());
    }
}
