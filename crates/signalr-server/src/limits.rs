//! Bounds and times of connections.

use std::time::Duration;

/// Bounds and times of connections. The defaults are the reference's where it has one, and suit production; tests shorten them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A connection to which nothing was written for so long gets a ping.
    pub keep_alive: Duration,
    /// A client that sent nothing for so long is gone, if it has ever sent a ping.
    pub client_timeout: Duration,
    /// How long a client may take for its handshake.
    pub handshake: Duration,
    /// How long a connection token may wait for its connection.
    pub connection_token: Duration,
    /// How long one write to a client's socket may take before the client is given up.
    pub write: Duration,
    /// The largest hub message that a client may send, in bytes.
    pub max_message: usize,
    /// The largest hub message that is gone through for the name of its invocation, which is then refused by itself. A
    /// larger one ends the connection.
    pub refused_message: usize,
    /// The largest WebSocket message, in bytes. Any number of hub messages may be in one; none of it is held.
    pub websocket_message: u64,
    /// How many bytes may wait for one client before it counts as too slow.
    pub queue_bytes: usize,
    /// How many invocations of one connection may be under way; after that its socket isn't read until one ends.
    pub invocations: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(15),
            client_timeout: Duration::from_secs(30),
            handshake: Duration::from_secs(15),
            connection_token: Duration::from_secs(30),
            write: Duration::from_secs(10),
            max_message: 32 * 1024,
            refused_message: 16 * 1024 * 1024,
            websocket_message: 16 * 1024 * 1024,
            queue_bytes: 512 * 1024,
            invocations: 128,
        }
    }
}
