//! Private PostgreSQL and Redis servers that live and die with the process.
//!
//! For a first try, a test or a small installation nobody should have to set up databases: [`Postgres::open`] and
//! [`Redis::open`] run the machine's own server programs with their data under a folder, on loopback ports, behind random
//! passwords that stay in that folder. PostgreSQL's data is found again at the next start; Redis keeps none.
//!
//! One process at a time runs the server of a folder; the others that open the same folder use it, and the next of them
//! takes over when that process ends. A server whose process was killed ends too, or is ended by the next one.
//!
//! Everything here blocks: open before starting an asynchronous runtime, and drop after it has ended.

mod account;
mod error;
mod folder;
mod keeper;
mod lock;
mod orphan;
mod port;
mod postgres;
mod redis;
pub mod secret;

pub use account::Account;
pub use error::Error;
pub use lock::Lock;
pub use postgres::Postgres;
pub use redis::Redis;
