//! Sending: messages from the moment when the hub takes them until their senders have an answer. They wait in a queue, lanes
//! take batches of them to the functions, and what is stored goes to the groups.

mod aside;
mod batch;
mod holds;
mod lane;
mod lanes;
mod pending_send;
mod waiting;

pub(crate) use holds::Holds;
pub(crate) use lanes::{Item, Lanes};
pub(crate) use pending_send::{PendingSend, unknown_outcome};
pub(crate) use waiting::Crowded;
