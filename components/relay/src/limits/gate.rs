//! Limits of addresses for what is served beside the hub.

use std::sync::Arc;

use chat::{Activity, Refusal};
use http::HeaderMap;

use crate::access::Peer;
use crate::node::Node;

/// Counts what comes from where, as the relay does on the hub; clones count together. The default counts nothing.
#[derive(Clone, Default)]
pub struct Gate(Option<Arc<Node>>);

impl Gate {
    /// The one of a relay.
    pub(crate) fn new(node: Arc<Node>) -> Self {
        Self(Some(node))
    }

    /// Lets the sender of a request with these headers, which came from this peer, do something once more.
    ///
    /// # Errors
    /// Refuses what was done too often from there, with `rate_limited` and when to come again.
    pub fn admit(&self, activity: Activity, peer: Option<Peer>, headers: &HeaderMap) -> Result<(), Refusal> {
        let Some(node) = &self.0 else { return Ok(()) };
        node.admit_from(&node.proxies.sender(peer, headers), activity).map(drop)
    }
}
