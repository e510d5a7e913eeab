//! Who is connected, as everybody but their socket sees them.

use std::ops::Deref;
use std::sync::Arc;

use chat::{Actor, ServiceRequestId};
use parking_lot::Mutex;
use signalr_server::Connection;

use crate::groups::Post;
use crate::limits::ConnectionAccounts;
use crate::metrics::Metrics;
use crate::sending::Holds;

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
    pub(crate) accounts: ConnectionAccounts,
    /// The conversations in whose groups it is.
    groups: Mutex<Vec<ServiceRequestId>>,
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
        accounts: ConnectionAccounts,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self {
            connection,
            actor,
            token,
            voucher: Mutex::default(),
            accounts,
            groups: Mutex::default(),
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

    /// It is a member of this conversation's group from now on.
    pub(crate) fn add_to_group(&self, id: &ServiceRequestId) {
        self.groups.lock().push(id.clone());
    }

    /// It is no longer a member of this conversation's group.
    pub(crate) fn remove_from_group(&self, id: &ServiceRequestId) {
        self.groups.lock().retain(|known| known != id);
    }

    /// The conversations in whose groups it is.
    pub(crate) fn groups(&self) -> Vec<ServiceRequestId> {
        self.groups.lock().clone()
    }

    /// The conversations in whose groups it is, which are forgotten here.
    pub(crate) fn take_groups(&self) -> Vec<ServiceRequestId> {
        std::mem::take(&mut *self.groups.lock())
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
