//! What the parts of a server have in common.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::connection_token::ConnectionTokens;
use crate::connections::Connections;
use crate::counts::Counts;
use crate::hub::Hub;
use crate::limits::Limits;

/// What the parts of a server have in common.
pub(crate) struct ServerState<H: Hub> {
    pub(crate) hub: Arc<H>,
    pub(crate) limits: Limits,
    pub(crate) connections: Arc<Connections<H::Caller>>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) tokens: ConnectionTokens,
    draining: AtomicBool,
}

impl<H: Hub> ServerState<H> {
    /// Of a server that takes whoever comes.
    pub(crate) fn new(
        hub: Arc<H>,
        limits: Limits,
        tokens: ConnectionTokens,
        connections: Arc<Connections<H::Caller>>,
        counts: Arc<Counts>,
    ) -> Self {
        Self { hub, limits, connections, counts, tokens, draining: AtomicBool::new(false) }
    }

    /// Takes nothing new from now on.
    pub(crate) fn begin_to_drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    /// Whether the server takes nothing new.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}
