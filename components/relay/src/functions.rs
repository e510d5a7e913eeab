//! Talking to the functions: calls and their answers, and the signed events that functions deliver. Nothing here decides what
//! an answer means: that is for those who ask, and for the groups.

mod answers;
mod calls;
mod epoch;
mod event_watch;
pub(crate) mod events;
mod http_client;
mod interface;
mod upstream;

pub(crate) use answers::{HistoryPage, JoinAnswer, SendAnswer, read_page};
pub(crate) use calls::{Calls, Failure};
pub(crate) use epoch::{Epoch, Observed};
pub(crate) use event_watch::EventWatch;
pub use interface::{CallError, Functions};
pub use upstream::{Upstream, UpstreamError};
