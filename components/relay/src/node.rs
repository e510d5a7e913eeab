//! What the parts of a relay have in common.

use std::sync::Arc;

use chat::wire::DeliveryKey;
use signalr_server::{Connections, Counts};
use tokio::sync::Semaphore;

use crate::Limits;
use crate::access::{Origins, Proxies, Tokens};
use crate::functions::{Calls, Epoch, EventWatch};
use crate::groups::Groups;
use crate::hub::Caller;
use crate::limits::Accounts;
use crate::metrics::Metrics;
use crate::sending::Lanes;
use crate::upkeep::{Inquiries, LeaveQueue};

/// Everything that the parts of a relay have in common.
pub(crate) struct Node {
    pub(crate) limits: Limits,
    pub(crate) asides: Semaphore,
    pub(crate) accounts: Accounts,
    pub(crate) calls: Calls,
    pub(crate) catch_ups: Semaphore,
    pub(crate) connections: Arc<Connections<Caller>>,
    pub(crate) counts: Arc<Counts>,
    pub(crate) delivery_key: DeliveryKey,
    pub(crate) event_watch: EventWatch,
    pub(crate) groups: Groups,
    pub(crate) epoch: Epoch,
    pub(crate) inquiries: Inquiries,
    pub(crate) joins: Semaphore,
    pub(crate) lanes: Lanes,
    pub(crate) leaves: LeaveQueue,
    pub(crate) metrics: Arc<Metrics>,
    pub(crate) origins: Origins,
    pub(crate) proxies: Proxies,
    pub(crate) tokens: Tokens,
}
