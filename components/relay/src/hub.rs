//! The chat's hub: who is let in, and what its methods do. A method may queue a message in `sending` and change `groups`; what
//! takes time goes on in a task.

mod caller;
mod chat_hub;
mod join;
mod message_argument;
mod methods;

pub(crate) use caller::Caller;
pub(crate) use chat_hub::router;
