//! What can go wrong with a private server.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

/// Why a private server cannot be had.
#[derive(Debug, Error)]
pub enum Error {
    /// The server's programs are not installed.
    #[error("{0} is not installed: `cargo xtask setup` installs it, or name a running server's address")]
    NotInstalled(&'static str),

    /// We are root, the server refuses to be, and there is nobody else to run it as.
    #[error("the servers do not run as root, and this system has neither a user `postgres` nor `nobody`")]
    NoAccount,

    /// The user that the server runs as may not enter a folder above the server's own.
    #[error("user `{user}` may not enter {}, which the databases' folder is in: choose another data directory", folder.display())]
    ShutOut {
        /// Whom the server runs as.
        user: String,
        /// The folder that keeps them out.
        folder: PathBuf,
    },

    /// The data was written by another major version than the installed ones.
    #[error("the data in {} is of PostgreSQL {written}, which is not installed", folder.display())]
    OtherVersion {
        /// Where the data is.
        folder: PathBuf,
        /// The version that wrote it.
        written: String,
    },

    /// A file or folder of ours cannot be used.
    #[error("cannot use {}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },

    /// A program of the server's cannot be started.
    #[error("cannot start {program}")]
    Start {
        /// Which one.
        program: String,
        /// What the system says.
        source: io::Error,
    },

    /// A program of the server's failed.
    #[error("{program} failed: {output}")]
    Failed {
        /// Which one.
        program: String,
        /// The end of what it said.
        output: String,
    },

    /// The server did not become ready.
    #[error("{server} is not ready after {seconds} s; see {}", log.display())]
    Slow {
        /// Which server.
        server: &'static str,
        /// How long we waited.
        seconds: u64,
        /// Where it writes what it does.
        log: PathBuf,
    },

    /// No thread could be started to look after the server.
    #[error("cannot start a thread")]
    Thread(#[source] io::Error),
}

impl Error {
    /// Says which file an input or output error is about.
    pub(crate) fn file(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::File { path, source }
    }
}
