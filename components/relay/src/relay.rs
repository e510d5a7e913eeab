//! The relay's front door.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use chat::wire::{DeliveryKey, Secrets, SecretsError};
use chat::{ErrorCode, NodeName, Refusal};
use signalr::Close;
use supervisor::{Ended, Tasks};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::accounts::Accounts;
use crate::calls::Calls;
use crate::connections::Connections;
use crate::door::{Aftermath, Door};
use crate::doorbell::Doorbell;
use crate::doors::Doors;
use crate::epoch::Epoch;
use crate::inquiries::Inquiries;
use crate::lane::Lanes;
use crate::leaves::Leaves;
use crate::metrics::Metrics;
use crate::origin::Origins;
use crate::pass::Passes;
use crate::proxy::Proxies;
use crate::tokens::Tokens;
use crate::{Config, Functions, Gate, Limits, events, hub};

/// How long clients may take to go when the relay drains.
const GOODBYE: Duration = Duration::from_secs(3);

/// How often a drain looks whether it is done.
const GLANCE: Duration = Duration::from_millis(10);

/// One node's relay; clones are the same relay.
#[derive(Clone)]
pub struct Relay {
    inner: Arc<Inner>,
}

/// Everything that the parts of a relay have in common.
pub(crate) struct Inner {
    pub(crate) limits: Limits,
    pub(crate) asides: Semaphore,
    pub(crate) accounts: Accounts,
    pub(crate) calls: Calls,
    pub(crate) catch_ups: Semaphore,
    pub(crate) connections: Connections,
    pub(crate) delivery_key: DeliveryKey,
    pub(crate) doorbell: Doorbell,
    pub(crate) doors: Doors,
    pub(crate) epoch: Epoch,
    pub(crate) inquiries: Inquiries,
    pub(crate) joins: Semaphore,
    pub(crate) lanes: Lanes,
    pub(crate) leaves: Leaves,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) origins: Origins,
    pub(crate) passes: Passes,
    pub(crate) proxies: Proxies,
    pub(crate) tokens: Tokens,
    draining: AtomicBool,
}

/// Whether a missing message may be on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Urgency {
    /// It may be: another node's event overtaken by something else.
    Soon,
    /// It is not: it must be fetched.
    Now,
}

/// Why a relay can't be set up.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No node has such a name.
    #[error("the node's name is unusable")]
    Node(#[from] chat::IdError),
    /// No key to check events with.
    #[error("delivery_key is unusable")]
    DeliveryKey(#[source] SecretsError),
    /// No key that opens the functions' internal routes.
    #[error("relay_key is unusable")]
    RelayKey(#[source] SecretsError),
    /// A key with characters that can't be shown to the functions.
    #[error("relay_key can't stand in a header")]
    RelayKeyCharacters(#[from] http::header::InvalidHeaderValue),
    /// Tokens can't be checked.
    #[error("the settings of tokens are unusable")]
    Tokens(#[from] identity::SettingsError),
    /// An allowed origin is none.
    #[error("`{0}` is no origin: it must look like https://app.example.com, capacitor://localhost, file:// or null")]
    Origin(String),
    /// A trusted proxy is none.
    #[error(
        "`{0}` is no address of a proxy: trusted_proxies takes addresses and networks, like 10.0.0.7 and 10.0.0.0/8"
    )]
    Proxy(String),
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
        let lifetime = i64::try_from(limits.connection_id.as_secs()).unwrap_or(i64::MAX);
        let passes = Passes::new(&delivery_keys, lifetime).ok_or(SetupError::DeliveryKey(SecretsError::Empty))?;
        let inner = Inner {
            asides: Semaphore::new(limits.asides.max(1)),
            accounts: Accounts::new(&limits),
            calls: Calls::new(functions, node, &relay_keys, limits.call)?,
            catch_ups: Semaphore::new(limits.catch_ups.max(1)),
            connections: Connections::new(),
            delivery_key: DeliveryKey::new(&delivery_key).map_err(SetupError::DeliveryKey)?,
            doorbell: Doorbell::default(),
            doors: Doors::new(),
            epoch: Epoch::default(),
            inquiries: Inquiries::default(),
            joins: Semaphore::new(limits.joins.max(1)),
            lanes: Lanes::default(),
            leaves: Leaves::default(),
            metrics: Arc::new(Metrics::new()),
            origins: Origins::new(&allowed_origins)?,
            passes,
            proxies: Proxies::new(&trusted_proxies)?,
            tokens: Tokens::new(&tokens)?,
            draining: AtomicBool::new(false),
            limits,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// The hub, for the public listener: `/hubs/chat` and `/hubs/chat/negotiate`.
    pub fn hub(&self) -> Router {
        hub::router(Arc::clone(&self.inner))
    }

    /// The pages that may use the hub, for whatever else is served beside it.
    pub fn origins(&self) -> Origins {
        self.inner.origins.clone()
    }

    /// Counts what comes from where, for whatever else is served beside the hub.
    pub fn gate(&self) -> Gate {
        Gate::new(Arc::clone(&self.inner))
    }

    /// Where the functions deliver events, for the internal listener: `/internal/events`.
    pub fn events(&self) -> Router {
        events::router(Arc::clone(&self.inner))
    }

    /// Sends nothing, once, before anybody can send anything: what the functions and the database do for the first time takes
    /// them a few milliseconds, and no client waits for it yet. It does no harm if it fails.
    pub async fn rehearse(&self) {
        let keys = self.inner.prepare_keys();
        let (sent, ()) = tokio::join!(self.inner.calls.rehearse(), keys);
        if let Err(failure) = sent {
            tracing::warn!(%failure, "the functions can't prepare for the first message");
        }
    }

    /// Whether the relay can do its work, as far as it is up to its settings and to the issuer of tokens.
    ///
    /// # Errors
    /// Says why nobody can chat here now.
    pub fn check(&self) -> Result<(), Unfit> {
        if self.inner.calls.are_refused() {
            return Err(Unfit::RelayKey);
        }
        if self.inner.tokens.has_keys() { Ok(()) } else { Err(Unfit::Tokens) }
    }

    /// Does the relay's regular work until told to stop: the lanes, the sweep, posting who has left. Before it runs,
    /// nothing is sent; [`Self::drain`] comes before its end.
    ///
    /// # Errors
    /// Says which part of the work has ended by itself, and how; then the rest has ended too, and the relay is of no use.
    pub async fn run(&self, stop: CancellationToken) -> Result<(), Ended> {
        let mut work = Tasks::new();
        for lane in 1..=self.inner.limits.lanes.max(1) {
            let relay = Arc::clone(&self.inner);
            work.spawn(format!("lane {lane}"), async move { relay.work_a_lane().await });
        }
        let relay = Arc::clone(&self.inner);
        work.spawn("sweep", async move { relay.sweep().await });
        let relay = Arc::clone(&self.inner);
        work.spawn("leaves", async move { relay.post_leaves().await });
        let relay = Arc::clone(&self.inner);
        work.spawn("limits", async move { relay.share_limits().await });
        if self.inner.tokens.come_from_an_issuer() {
            let relay = Arc::clone(&self.inner);
            work.spawn("keys", async move { relay.watch_keys().await });
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
        let relay = &self.inner;
        relay.draining.store(true, Ordering::Relaxed);
        relay.hand_over(spread).await;
        let _ = timeout(GOODBYE, until(|| relay.connections.count() == 0)).await;
        while !relay.post_some_leaves().await {}
    }

    /// What the relay counts, as Prometheus text.
    pub fn metrics(&self) -> String {
        let inner = &self.inner;
        inner.metrics.text(inner.doors.count(), inner.accounts.count(), inner.tokens.keys_age())
    }
}

impl Inner {
    /// Whether the relay takes nothing new.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }

    /// Refuses newcomers while the relay drains.
    pub(crate) fn admit(&self) -> Result<(), Refusal> {
        if self.is_draining() {
            Err(ErrorCode::Unavailable.refusal("the server is stopping; try another"))
        } else {
            Ok(())
        }
    }

    /// Does what is left to do after something came in at a door.
    pub(crate) fn follow_up(self: &Arc<Self>, door: &Arc<Door>, aftermath: Aftermath, urgency: Urgency) {
        let Aftermath { departed, lacking, inquire, deserted, restarted, doubtful } = aftermath;
        if restarted {
            self.metrics.restarted.add(1);
            tracing::warn!(conversation = %door.id, "the database has lost messages: the conversation starts over");
        }
        if doubtful {
            self.verify_last(door);
        }
        for user in departed {
            self.leaves.push(&door.id, user);
        }
        if inquire {
            self.inquiries.push(&door.id);
        }
        if lacking {
            if door.begin_repair() {
                tokio::spawn(Arc::clone(self).repair(Arc::clone(door), urgency));
            } else {
                door.missing.notify_one();
                if urgency == Urgency::Now {
                    door.urgent.notify_waiters();
                }
            }
        }
        if deserted {
            self.doors.tidy(door);
        }
    }

    /// Finds out whether the database still has the latest message that is known at a door.
    pub(crate) fn verify_last(self: &Arc<Self>, door: &Arc<Door>) {
        if let Some(doubt) = door.doubt() {
            tokio::spawn(Arc::clone(self).resolve(Arc::clone(door), doubt));
        }
    }

    /// Asks again for what is missing at a door, and gives up the sends that wait too long for it.
    pub(crate) fn nudge(self: &Arc<Self>, door: &Arc<Door>) {
        let (overdue, aftermath) = door.nudge(Instant::now());
        for ticket in overdue {
            self.metrics.unknown.add(1);
            ticket
                .refuse(&ErrorCode::Unavailable.refusal("what comes before the message can't be read; send it again"));
        }
        self.follow_up(door, aftermath, Urgency::Now);
    }

    /// The database has another history: whoever follows anything comes back and starts over.
    pub(crate) fn renew(&self) {
        tracing::warn!("the database was restored: every client joins again");
        for door in self.doors.all() {
            for connection in door.forget() {
                connection.cut_off(&Close::failed("the database was restored; join again"));
            }
        }
    }
}

/// Waits until something is so.
pub(crate) async fn until(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        // Short at first, for mostly there is nothing to wait for.
        sleep(GLANCE.min(began.elapsed() + Duration::from_millis(1))).await;
    }
}
