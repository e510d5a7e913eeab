//! Runs the components of a Spin manifest in this process.

mod error;
mod options;
mod runtime;

pub use error::{FireError, LoadError};
pub use options::{Limits, Options};
pub use runtime::Runtime;
