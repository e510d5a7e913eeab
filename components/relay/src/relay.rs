//! A relay as the processes that run one see it.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use chat::NodeName;
use chat::wire::{DeliveryKey, Secrets};
use signalr_server::{ConnectionTokens, Server};
use supervisor::{Ended, Tasks};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::access::{Origins, Proxies, Tokens};
use crate::functions::{Calls, Epoch, EventWatch, events};
use crate::groups::Groups;
use crate::limits::Accounts;
use crate::metrics::Metrics;
use crate::node::Node;
use crate::sending::Lanes;
use crate::setup_error::SetupError;
use crate::upkeep::{Inquiries, LeaveQueue};
use crate::{Config, Functions, Gate, hub};

/// One node's relay; clones are the same relay.
#[derive(Clone)]
pub struct Relay {
    node: Arc<Node>,
    server: Server<Node>,
}

/// Why nobody can chat at a relay that runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Unfit {
    /// The functions don't know it.
    #[error("the functions refuse this relay's key: relay_key is another one there")]
    RelayKey,
    /// The issuer's keys are not known, or too old.
    #[error("no token can be verified: the issuer's keys have not been had, or are too old")]
    Tokens,
}

impl Relay {
    /// A relay that asks these functions.
    ///
    /// # Errors
    /// Settings that can't work are refused.
    pub fn new(config: Config, functions: Arc<dyn Functions>) -> Result<Self, SetupError> {
        let Config { node, relay_key, delivery_key, tokens, allowed_origins, trusted_proxies, limits } = config;
        let node = NodeName::parse(&node)?;
        let relay_keys = Secrets::parse(&relay_key).map_err(SetupError::RelayKey)?;
        let delivery_keys = Secrets::parse(&delivery_key).map_err(SetupError::DeliveryKey)?;
        let connection_tokens = ConnectionTokens::new(delivery_keys.all());
        let node = Node {
            asides: Semaphore::new(limits.asides.max(1)),
            accounts: Accounts::new(&limits),
            calls: Calls::new(functions, node, &relay_keys, limits.call)?,
            catch_ups: Semaphore::new(limits.catch_ups.max(1)),
            connections: Arc::default(),
            counts: Arc::default(),
            delivery_key: DeliveryKey::new(&delivery_key).map_err(SetupError::DeliveryKey)?,
            event_watch: EventWatch::default(),
            groups: Groups::new(),
            epoch: Epoch::default(),
            inquiries: Inquiries::default(),
            joins: Semaphore::new(limits.joins.max(1)),
            lanes: Lanes::default(),
            leaves: LeaveQueue::default(),
            metrics: Arc::new(Metrics::new()),
            origins: Origins::new(&allowed_origins)?,
            proxies: Proxies::new(&trusted_proxies)?,
            tokens: Tokens::new(&tokens)?,
            limits,
        };
        let node = Arc::new(node);
        let (connections, counts) = (Arc::clone(&node.connections), Arc::clone(&node.counts));
        let sockets = node.limits.sockets.clone();
        let server = Server::watched(Arc::clone(&node), sockets, connection_tokens, connections, counts);
        Ok(Self { node, server })
    }

    /// The hub, for the public listener: `/hubs/chat` and `/hubs/chat/negotiate`.
    pub fn hub(&self) -> Router {
        hub::router(&self.server, Arc::clone(&self.node))
    }

    /// The pages that may use the hub, for whatever else is served beside it.
    pub fn origins(&self) -> Origins {
        self.node.origins.clone()
    }

    /// Counts what comes from where, for whatever else is served beside the hub.
    pub fn gate(&self) -> Gate {
        Gate::new(Arc::clone(&self.node))
    }

    /// Where the functions deliver events, for the internal listener: `/internal/events`.
    pub fn events(&self) -> Router {
        events::router(Arc::clone(&self.node))
    }

    /// Sends nothing, once, before anybody can send anything: what the functions and the database do for the first time takes
    /// them a few milliseconds, and no client waits for it yet. It does no harm if it fails.
    pub async fn rehearse(&self) {
        let keys = self.node.prepare_keys();
        let (sent, ()) = tokio::join!(self.node.calls.rehearse(), keys);
        if let Err(failure) = sent {
            tracing::warn!(%failure, "the functions can't prepare for the first message");
        }
    }

    /// Whether the relay can do its work, as far as it is up to its settings and to the issuer of tokens.
    ///
    /// # Errors
    /// Says why nobody can chat here now.
    pub fn check(&self) -> Result<(), Unfit> {
        if self.node.calls.are_refused() {
            return Err(Unfit::RelayKey);
        }
        if self.node.tokens.has_keys() { Ok(()) } else { Err(Unfit::Tokens) }
    }

    /// Does the relay's regular work until told to stop: the lanes, the sweep, posting who has left. Before it runs,
    /// nothing is sent; [`Self::drain`] comes before its end.
    ///
    /// # Errors
    /// Says which part of the work has ended by itself, and how; then the rest has ended too, and the relay is of no use.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), Ended> {
        let mut work = Tasks::new();
        for lane in 1..=self.node.limits.lanes.max(1) {
            let node = Arc::clone(&self.node);
            work.spawn(format!("lane {lane}"), async move { node.work_a_lane().await });
        }
        let node = Arc::clone(&self.node);
        work.spawn("sweep", async move { node.sweep().await });
        let node = Arc::clone(&self.node);
        work.spawn("leaves", async move { node.post_leaves().await });
        let node = Arc::clone(&self.node);
        work.spawn("limits", async move { node.share_limits().await });
        if self.node.tokens.come_from_an_issuer() {
            let node = Arc::clone(&self.node);
            work.spawn("keys", async move { node.watch_keys().await });
        }
        tokio::select! {
            () = stop.cancelled() => Ok(()),
            ended = work.first_end() => Err(ended),
        }
    }

    /// Takes no new connection, sends every client elsewhere when what it has under way is finished, and deregisters the node's
    /// users. Clients are sent away one after another over this time at most, so that they don't all come at once to where they
    /// go; until its turn comes, a client is served like ever.
    pub async fn drain(&self, spread: Duration) {
        // Nothing takes longer than a send may; whatever does is answered by the end of its connection.
        let patience = self.node.limits.send + self.node.limits.call;
        self.server.drain(spread, patience).await;
        while !self.node.post_some_leaves().await {}
    }

    /// What the relay counts, as Prometheus text.
    pub fn metrics(&self) -> String {
        let node = &self.node;
        node.metrics.text(&node.counts, node.groups.count(), node.accounts.count(), node.tokens.keys_age())
    }
}
