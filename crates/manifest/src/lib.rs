//! The Spin manifest, read strictly.

mod environment;
mod error;

pub use environment::environment;
pub use error::Error;
