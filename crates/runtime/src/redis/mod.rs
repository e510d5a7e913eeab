//! `spin:redis`, and the trigger that listens to channels.

mod errand;
mod host;
mod link;
mod listener;
mod subscriber;

pub use host::Connection;
pub(crate) use link::Links;
pub(crate) use listener::Listener;
pub(crate) use subscriber::Subscriber;
