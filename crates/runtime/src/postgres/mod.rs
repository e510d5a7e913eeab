//! `spin:postgres`: pools of connections behind handles.
#![expect(clippy::result_large_err, reason = "the interface's own error, made once and handed to the guest")]

mod address;
mod connect;
mod host;
mod numeric;
mod pool;
mod prepared;
mod range;
mod session;
mod statement;
mod tls;
mod value;
mod wire;

pub use connect::connect;
pub use host::{Builder, Connection};
pub(crate) use pool::{Occupancy, Pools};
