//! The relay's front door.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use chat::wire::DeliveryKey;
use chat::{ErrorCode, NodeName, Refusal};
use signalr::Close;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;

use crate::calls::Calls;
use crate::connections::Connections;
use crate::door::{Aftermath, Door};
use crate::doorbell::Doorbell;
use crate::doors::Doors;
use crate::epoch::Epoch;
use crate::lane::Lanes;
use crate::leaves::Leaves;
use crate::metrics::Metrics;
use crate::origin::Origins;
use crate::pass::Passes;
use crate::tokens::Tokens;
use crate::{Config, Functions, Limits, events, hub};

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
    pub(crate) calls: Calls,
    pub(crate) catch_ups: Semaphore,
    pub(crate) connections: Connections,
    pub(crate) delivery_key: DeliveryKey,
    pub(crate) doorbell: Doorbell,
    pub(crate) doors: Doors,
    pub(crate) epoch: Epoch,
    pub(crate) joins: Semaphore,
    pub(crate) lanes: Lanes,
    pub(crate) leaves: Leaves,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) origins: Origins,
    pub(crate) passes: Passes,
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
    #[error("the delivery key is unusable")]
    DeliveryKey(#[from] chat::wire::EmptyKey),
    /// No key that opens the functions' internal routes.
    #[error("the relay key is unusable")]
    RelayKey,
    /// Tokens can't be checked.
    #[error("the settings of tokens are unusable")]
    Tokens(#[from] identity::SettingsError),
    /// The issuer has no address.
    #[error("jwks_url is not a URL")]
    Issuer,
    /// The issuer can't be reached safely.
    #[error("the issuer of tokens can't be reached safely")]
    Tls(#[from] rustls::Error),
    /// An allowed origin is none.
    #[error("`{0}` is no origin: it must look like https://app.example.com")]
    Origin(String),
}

impl Relay {
    /// A relay that asks these functions.
    ///
    /// # Errors
    /// Settings that can't work are refused.
    pub fn new(config: Config, functions: Arc<dyn Functions>) -> Result<Self, SetupError> {
        let Config { node, relay_key, delivery_key, tokens, allowed_origins, limits } = config;
        let node = NodeName::parse(&node)?;
        if relay_key.is_empty() {
            return Err(SetupError::RelayKey);
        }
        let lifetime = i64::try_from(limits.connection_id.as_secs()).unwrap_or(i64::MAX);
        let passes = Passes::new(delivery_key.as_bytes(), lifetime).ok_or(chat::wire::EmptyKey)?;
        let inner = Inner {
            calls: Calls::new(functions, node, &relay_key, limits.call).map_err(|_| SetupError::RelayKey)?,
            catch_ups: Semaphore::new(limits.catch_ups.max(1)),
            connections: Connections::new(),
            delivery_key: DeliveryKey::new(delivery_key.as_bytes())?,
            doorbell: Doorbell::default(),
            doors: Doors::new(),
            epoch: Epoch::default(),
            joins: Semaphore::new(limits.joins.max(1)),
            lanes: Lanes::default(),
            leaves: Leaves::default(),
            metrics: Arc::new(Metrics::new()),
            origins: Origins::new(&allowed_origins)?,
            passes,
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

    /// Where the functions deliver events, for the internal listener: `/internal/events`.
    pub fn events(&self) -> Router {
        events::router(Arc::clone(&self.inner))
    }

    /// Sends nothing, once, before anybody can send anything: what the functions and the database do for the first time takes
    /// them a few milliseconds, and no client waits for it yet. It does no harm if it fails.
    pub async fn rehearse(&self) {
        if let Err(failure) = self.inner.calls.rehearse().await {
            tracing::warn!(%failure, "the functions can't prepare for the first message");
        }
    }

    /// Does the relay's regular work until told to stop: the lanes, the sweep, posting who has left. Before it runs,
    /// nothing is sent; [`Self::drain`] comes before its end.
    pub async fn run(&self, stop: CancellationToken) {
        let mut work = JoinSet::new();
        for _ in 0..self.inner.limits.lanes.max(1) {
            let relay = Arc::clone(&self.inner);
            work.spawn(async move { relay.work_a_lane().await });
        }
        let relay = Arc::clone(&self.inner);
        work.spawn(async move { relay.sweep().await });
        let relay = Arc::clone(&self.inner);
        work.spawn(async move { relay.post_leaves().await });
        stop.cancelled().await;
        work.shutdown().await;
    }

    /// Takes no new connection, finishes what is under way, sends every client elsewhere, and deregisters the node's users.
    pub async fn drain(&self) {
        let relay = &self.inner;
        relay.draining.store(true, Ordering::Relaxed);
        for connection in relay.connections.all() {
            connection.rest();
        }
        let ended = until(|| relay.metrics.invocations.get() == 0);
        // Nothing takes longer than a send may; whatever does is answered by the end of its connection.
        if timeout(relay.limits.send + relay.limits.call, ended).await.is_err() {
            tracing::warn!("not everything under way has ended in time");
        }
        for connection in relay.connections.all() {
            connection.end(&Close { error: None, allow_reconnect: true });
        }
        let _ = timeout(GOODBYE, until(|| relay.connections.count() == 0)).await;
        while !relay.post_some_leaves().await {}
    }

    /// What the relay counts, as Prometheus text.
    pub fn metrics(&self) -> String {
        self.inner.metrics.text(self.inner.doors.count())
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
        let Aftermath { departed, lacking, deserted } = aftermath;
        for user in departed {
            self.leaves.push(&door.id, user);
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

async fn until(mut done: impl FnMut() -> bool) {
    let began = Instant::now();
    while !done() {
        // Short at first, for mostly there is nothing to wait for.
        sleep(GLANCE.min(began.elapsed() + Duration::from_millis(1))).await;
    }
}
