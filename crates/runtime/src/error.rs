//! What can go wrong outside of a call.

use std::path::PathBuf;

/// An application that cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The manifest is not one that this runtime understands.
    #[error(transparent)]
    Manifest(#[from] manifest::Error),
    /// A component's file could not be read.
    #[error("component `{component}`: cannot read {path}", path = path.display())]
    Source {
        /// The component's name in the manifest.
        component: String,
        /// Its `source`.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// A component could not be compiled or linked.
    #[error("component `{component}` does not run here: {reason}")]
    Component {
        /// The component's name in the manifest.
        component: String,
        /// What wasmtime says about it.
        reason: String,
    },
    /// The runtime itself could not be set up.
    #[error("cannot set up the runtime: {0}")]
    Setup(String),
}

/// A scheduled component that did not run to its end.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FireError {
    /// No cron trigger of the manifest names it.
    #[error("`{0}` is no scheduled component of this application")]
    Unknown(String),
    /// It ended with an error of its own.
    #[error("`{component}` failed: {reason}")]
    Failed {
        /// The component's name in the manifest.
        component: String,
        /// Its own words.
        reason: String,
    },
    /// It trapped, or took longer than a call may.
    #[error("`{component}` was stopped: {reason}")]
    Stopped {
        /// The component's name in the manifest.
        component: String,
        /// Why.
        reason: String,
    },
}

/// A database that could not be connected to.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ConnectError(pub(crate) String);
