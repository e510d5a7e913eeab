//! What the parts send each other: the internal requests and answers, and the event that rings a relay.
//!
//! All of it is JSON with camelCase members. What comes from a client stays a text in here until the function that
//! answers for it has checked it; what comes from a function has been checked and is typed.

mod event;
mod history;
mod join;
mod keys;
mod leave;
mod limits;
mod relay_key;
mod secrets;
mod send;
mod service_request;
mod sweep;

pub use event::{DeliveryKey, Event, EventConversation, EventError};
pub use history::HistoryPage;
pub use join::{JoinAnswer, JoinRequest};
pub use keys::{IssuerKeys, KeysRequest};
pub use leave::{Leave, LeaveAnswer, LeaveRequest};
pub use limits::{LimitsAnswer, LimitsRequest, Taken};
pub use relay_key::RelayKey;
pub use secrets::{Secrets, SecretsError};
pub use send::{Outcome, SendAnswer, SendItem, SendRequest, SentConversation};
pub use service_request::ServiceRequest;
pub use sweep::{Follower, Held, Inventory, SweepAnswer, SweepChange, SweepRequest};
