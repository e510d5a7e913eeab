//! Limits of users and addresses: what each has taken on this node, and by way of the functions on others. It is checked where
//! something is done, mostly by the hub.

mod account;
mod accounts;
mod gate;
mod sharing;

pub(crate) use account::{Account, ConnectionAccounts};
pub(crate) use accounts::Accounts;
pub use gate::Gate;
