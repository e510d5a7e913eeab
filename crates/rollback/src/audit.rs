//! The audit log: what happened, in the order in which it happened, in a chain that shows when a link was changed.
//!
//! Each record holds the digest of the one before it. Its own digest covers that and its canonical text, which is stored as
//! it was hashed: whoever verifies reads no value and trusts no column. Cutting the end off leaves a chain that holds, so its
//! head is kept elsewhere too, and compared.

mod chain;
mod event;
mod record;

pub use chain::{Broken, Chain, Link};
pub use event::{Audience, Event};
pub use record::{Record, Subject};
