//! Who is connected, as everybody but their socket sees them.

use std::ops::Deref;
use std::sync::Arc;

use chat::{Actor, ServiceRequestId};
use parking_lot::Mutex;
use signalr_server::Connection;

use crate::account::Guest;
use crate::holds::Holds;
use crate::metrics::Metrics;
use crate::post::Post;

/// A client that is connected: its connection, whose it is, and the conversations that it takes part in.
pub(crate) struct Caller {
    connection: Connection,
    /// Whose it is.
    pub(crate) actor: Actor,
    /// The token that proves it, with which functions are asked in the user's name.
    pub(crate) token: Box<str>,
    /// What a function has vouched for of the token, to be shown beside it.
    voucher: Mutex<Option<Arc<str>>>,
    /// Whose limits it counts towards.
    pub(crate) guest: Guest,
    /// The conversations that know this connection.
    conversations: Mutex<Vec<ServiceRequestId>>,
    /// The conversations that it is about to join: what it wants of them meanwhile waits.
    joining: Mutex<Vec<ServiceRequestId>>,
    /// The order of its messages. Held while one is queued, so that none slips by.
    pub(crate) holds: Mutex<Holds>,
    metrics: Arc<Metrics>,
}

impl Caller {
    /// This user, on this connection.
    pub(crate) fn new(
        connection: Connection,
        actor: Actor,
        token: Box<str>,
        guest: Guest,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            connection,
            actor,
            token,
            voucher: Mutex::default(),
            guest,
            conversations: Mutex::default(),
            joining: Mutex::default(),
            holds: Mutex::default(),
            metrics,
        }
    }

    /// What is to be shown beside the token.
    pub(crate) fn voucher(&self) -> Option<Arc<str>> {
        self.voucher.lock().clone()
    }

    /// Takes what a function vouches for.
    pub(crate) fn take_voucher(&self, voucher: &str) {
        *self.voucher.lock() = Some(voucher.into());
    }

    /// Queues a message for the client, to be written with what else comes until [`Connection::flush`].
    pub(crate) fn deliver(&self, post: &Post) {
        self.metrics.deliveries.add(1);
        self.queue(post.event());
    }

    /// A conversation knows this connection from now on.
    pub(crate) fn enter(&self, id: &ServiceRequestId) {
        self.conversations.lock().push(id.clone());
    }

    /// A conversation knows this connection no longer.
    pub(crate) fn exit(&self, id: &ServiceRequestId) {
        self.conversations.lock().retain(|known| known != id);
    }

    /// The conversations that know this connection.
    pub(crate) fn conversations(&self) -> Vec<ServiceRequestId> {
        self.conversations.lock().clone()
    }

    /// The conversations that know this connection, which forgets them.
    pub(crate) fn take_conversations(&self) -> Vec<ServiceRequestId> {
        std::mem::take(&mut *self.conversations.lock())
    }

    /// The connection is about to join a conversation.
    pub(crate) fn begin_join(&self, id: &ServiceRequestId) {
        self.joining.lock().push(id.clone());
    }

    /// The connection has joined a conversation, or failed to.
    pub(crate) fn end_join(&self, id: &ServiceRequestId) {
        let mut joining = self.joining.lock();
        joining.retain(|under_way| under_way != id);
        if joining.is_empty() {
            *joining = Vec::new();
        }
    }

    /// Whether the connection is about to join this conversation.
    pub(crate) fn is_joining(&self, id: &str) -> bool {
        self.joining.lock().iter().any(|under_way| under_way.as_str() == id)
    }
}

impl Deref for Caller {
    type Target = Connection;

    fn deref(&self) -> &Connection {
        &self.connection
    }
}

impl AsRef<Connection> for Caller {
    fn as_ref(&self) -> &Connection {
        &self.connection
    }
}
