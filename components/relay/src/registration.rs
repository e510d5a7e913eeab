//! What a connection is registered with, taken back by whoever owns the registration: a panic skips lines, and no owner.

use std::sync::Arc;

use tokio::runtime::Handle;

use crate::connection::Connection;
use crate::relay::{Inner, Urgency};

/// A connection among those of its node.
pub(crate) struct Registration {
    relay: Arc<Inner>,
    number: u64,
}

impl Registration {
    /// Counts a connection in.
    pub(crate) fn new(relay: &Arc<Inner>, connection: &Arc<Connection>) -> Self {
        let number = relay.connections.add(connection);
        relay.metrics.connections.add(1);
        relay.metrics.connected.add(1);
        Self { relay: Arc::clone(relay), number }
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.relay.connections.remove(self.number);
        self.relay.metrics.connections.sub(1);
    }
}

/// A connection as the conversations know it that it has joined.
pub(crate) struct Membership {
    relay: Arc<Inner>,
    connection: Arc<Connection>,
}

impl Membership {
    /// Of this connection, whatever it joins.
    pub(crate) fn new(relay: &Arc<Inner>, connection: &Arc<Connection>) -> Self {
        Self { relay: Arc::clone(relay), connection: Arc::clone(connection) }
    }
}

impl Drop for Membership {
    fn drop(&mut self) {
        self.connection.outbox.end(None, false);
        for door in self.connection.take_doors() {
            let aftermath = door.lose(&self.connection);
            // When the whole process ends, nobody is left to do what follows.
            if Handle::try_current().is_ok() {
                self.relay.follow_up(&door, aftermath, Urgency::Soon);
            }
        }
    }
}
