//! What the parts send each other: the internal requests and answers, and the event that rings a relay.
//!
//! All of it is JSON with camelCase members. What comes from a client stays a text in here until the function that
//! answers for it has checked it; what comes from a function has been checked and is typed.

mod event;
mod history;
mod join;
mod leave;
mod send;
mod service_request;
mod sweep;

pub use event::{DeliveryKey, EmptyKey, Event, EventConversation, EventError, Presence};
pub use history::HistoryPage;
pub use join::{JoinAnswer, JoinRequest};
pub use leave::{Leave, LeaveAnswer, LeaveRequest};
pub use send::{Outcome, SendAnswer, SendItem, SendRequest, SentConversation};
pub use service_request::ServiceRequest;
pub use sweep::{SweepAnswer, SweepChange, SweepRequest};
