//! Limits of addresses for what is served beside the hub.

use std::sync::Arc;

use chat::{Activity, Refusal};
use http::HeaderMap;

use crate::node::Node;
use crate::proxy::Peer;

/// Counts what comes from where, as the relay does on the hub; clones count together. The default counts nothing.
#[derive(Clone, Default)]
pub struct Gate(Option<Arc<Node>>);

impl Gate {
    /// The one of a relay.
    pub(crate) fn new(relay: Arc<Node>) -> Self {
        Self(Some(relay))
    }

    /// Lets the sender of a request with these headers, which came from this peer, do something once more.
    ///
    /// # Errors
    /// Refuses what was done too often from there, with `rate_limited` and when to come again.
    pub fn admit(&self, activity: Activity, peer: Option<Peer>, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(relay) = &self.0 else { return Ok(()) };
        relay.admit_from(&relay.proxies.sender(peer, headers), activity).map(drop)
    }
}
