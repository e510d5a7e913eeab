//! What a relay is told at its start.

use std::ops::RangeInclusive;
use std::time::Duration;

use chat::Allowance;

/// How a relay is set up.
#[derive(Clone)]
pub struct Config {
    /// The node's name: events for it carry this name, and conversations are registered under it.
    pub node: String,
    /// Opens the functions' internal routes; while it is being exchanged, `new,old`. Alone it yields no message: each request
    /// also carries its user's token.
    pub relay_key: String,
    /// Signs the events that the functions send; shared by all nodes of one system; while it is being exchanged, `new,old`.
    pub delivery_key: String,
    /// Whose tokens hold.
    pub tokens: identity::Settings,
    /// Origins of pages, besides the relay's own, that may use the hub: `https://app.example.com`, `capacitor://localhost`,
    /// `file://`, `null`.
    pub allowed_origins: Vec<String>,
    /// Proxies in front whose `Forwarded` and `X-Forwarded-…` count: addresses and networks.
    pub trusted_proxies: Vec<String>,
    /// Bounds and times.
    pub limits: Limits,
}

/// Bounds and times of a relay. The defaults suit production; tests shorten them.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Those of connections.
    pub sockets: signalr_server::Limits,
    /// How many batches may be in flight at once, of different conversations. Fewer make larger batches, which cost less
    /// for each message; more let fewer messages wait behind a batch that they are not in.
    pub lanes: usize,
    /// How long a batch waits for a conversation that somebody else holds, such as a report or another node's batch: many times
    /// as long as those take. Its messages for that conversation then wait apart, and keep nobody else waiting.
    pub held: Duration,
    /// How many conversations that somebody else holds may be waited for at once, apart from the lanes. Each keeps a connection
    /// of the database busy; more of them take turns.
    pub asides: usize,
    /// How many messages must wait before a lane takes them while another has a batch in flight that will soon be back: at
    /// least and at most. The longer batches take, the more must wait; while they are quick, nobody does.
    pub crowd: RangeInclusive<usize>,
    /// How many messages may wait, and how many bytes, before the next is answered with `rate_limited`.
    pub waiting: usize,
    /// The bytes of the same.
    pub waiting_bytes: usize,
    /// How many of these places one user may take, with however many connections.
    pub waiting_of_user: usize,
    /// The bytes of the same.
    pub waiting_bytes_of_user: usize,
    /// The most messages in one batch.
    pub batch_messages: usize,
    /// The most bytes of message bodies in one batch.
    pub batch_bytes: usize,
    /// How long one call of a function may take.
    pub call: Duration,
    /// How long a client's send may take in all before it is answered with `unavailable`.
    pub send: Duration,
    /// For how long later messages of a connection wait for one that was refused for now to be sent again.
    pub hold: Duration,
    /// How long a missing message may take to arrive by itself before history is asked.
    pub gap: Duration,
    /// How often the functions are asked which conversations changed.
    pub sweep: Duration,
    /// How often the functions are asked for the issuer's keys.
    pub keys: Duration,
    /// The most conversations in one call of the sweep.
    pub sweep_conversations: usize,
    /// How many joins may be under way at once. After a restart everybody joins, and whoever waits here does not run out
    /// of time at the functions.
    pub joins: usize,
    /// How many of these one user may have.
    pub joins_of_user: usize,
    /// How many history reads may be under way at once.
    pub catch_ups: usize,
    /// How many of these one user may have.
    pub catch_ups_of_user: usize,
    /// What one user may do.
    pub of_user: Allowance,
    /// What may come from one address.
    pub of_address: Allowance,
    /// The same for an address that is not public, and so mostly a proxy's.
    pub of_local_address: Allowance,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // Larger than the largest body over HTTP by all that the protocol may have around it.
            sockets: signalr_server::Limits { max_message: 80 * 1024, ..signalr_server::Limits::default() },
            lanes: 4,
            held: Duration::from_millis(100),
            asides: 8,
            crowd: 1..=8,
            waiting: 8192,
            waiting_bytes: 64 * 1024 * 1024,
            waiting_of_user: 512,
            waiting_bytes_of_user: 4 * 1024 * 1024,
            batch_messages: 64,
            batch_bytes: 256 * 1024,
            call: Duration::from_millis(3500),
            send: Duration::from_millis(4500),
            hold: Duration::from_secs(5),
            gap: Duration::from_millis(25),
            sweep: Duration::from_secs(2),
            keys: Duration::from_secs(5),
            sweep_conversations: 1000,
            joins: 64,
            joins_of_user: 8,
            catch_ups: 32,
            catch_ups_of_user: 4,
            of_user: Allowance::OF_USER,
            of_address: Allowance::OF_ADDRESS,
            of_local_address: Allowance::UNLIMITED,
        }
    }
}
