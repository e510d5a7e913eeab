//! What a relay is told at its start.

use std::ops::RangeInclusive;
use std::time::Duration;

/// How a relay is set up.
#[derive(Clone)]
pub struct Config {
    /// The node's name: events for it carry this name, and conversations are registered under it.
    pub node: String,
    /// Opens the functions' internal routes. Alone it yields no message: each request also carries its user's token.
    pub relay_key: String,
    /// Signs the events that the functions send; shared by all nodes of one system.
    pub delivery_key: String,
    /// Whose tokens hold.
    pub tokens: identity::Settings,
    /// Origins of pages, besides the relay's own, that may use the hub: `https://app.example.com`.
    pub allowed_origins: Vec<String>,
    /// Bounds and times.
    pub limits: Limits,
}

/// Bounds and times of a relay. The defaults suit production; tests shorten them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// A connection to which nothing was written for so long gets a ping.
    pub keep_alive: Duration,
    /// A client that sent nothing for so long is gone.
    pub client_timeout: Duration,
    /// How long a client may take for its handshake.
    pub handshake: Duration,
    /// How long the id of a negotiation may wait for its connection.
    pub connection_id: Duration,
    /// How long one write to a client's socket may take before the client is given up.
    pub write: Duration,
    /// The largest hub message that a client may send, in bytes.
    pub max_message: usize,
    /// How many bytes may wait for one client before it counts as too slow.
    pub queue_bytes: usize,
    /// How many invocations of one connection may be under way; after that its socket isn't read until one ends.
    pub invocations: usize,
    /// How many batches may be in flight at once, of different conversations. Fewer make larger batches, which cost less
    /// for each message; more let fewer messages wait behind a batch that they are not in.
    pub lanes: usize,
    /// How many messages must wait before a lane takes them while another has a batch in flight that will soon be back: at
    /// least and at most. The longer batches take, the more must wait; while they are quick, nobody does.
    pub crowd: RangeInclusive<usize>,
    /// How many messages may wait before the next is answered with `rate_limited`.
    pub waiting: usize,
    /// The most messages in one batch.
    pub batch_messages: usize,
    /// The most bytes of message bodies in one batch.
    pub batch_bytes: usize,
    /// How long one call of a function may take.
    pub call: Duration,
    /// How long a client's send may take in all before it is answered with `unavailable`.
    pub send: Duration,
    /// How long a missing message may take to arrive by itself before history is asked.
    pub gap: Duration,
    /// How often the functions are asked which conversations changed.
    pub sweep: Duration,
    /// The most conversations in one call of the sweep.
    pub sweep_conversations: usize,
    /// How many joins may be under way at once. After a restart everybody joins, and whoever waits here does not run out
    /// of time at the functions.
    pub joins: usize,
    /// How many history reads may be under way at once.
    pub catch_ups: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            keep_alive: Duration::from_secs(15),
            client_timeout: Duration::from_secs(30),
            handshake: Duration::from_secs(15),
            connection_id: Duration::from_secs(30),
            write: Duration::from_secs(10),
            max_message: 32 * 1024,
            queue_bytes: 512 * 1024,
            invocations: 128,
            lanes: 4,
            crowd: 1..=8,
            waiting: 8192,
            batch_messages: 64,
            batch_bytes: 256 * 1024,
            call: Duration::from_secs(2),
            send: Duration::from_millis(4500),
            gap: Duration::from_millis(25),
            sweep: Duration::from_secs(2),
            sweep_conversations: 1000,
            joins: 64,
            catch_ups: 32,
        }
    }
}
