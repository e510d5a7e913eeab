//! Why a manifest is refused, and where.

use std::fmt;
use std::path::{Path, PathBuf};

/// A manifest that is not understood: which file, which line, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// The file, as the caller named it.
    pub file: PathBuf,
    /// The line that is at fault, from 1; none when the whole file is.
    pub line: Option<usize>,
    /// The reason, for a person.
    pub reason: String,
}

impl Error {
    /// A fault of the file as a whole.
    pub(crate) fn whole(file: &Path, reason: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line: None, reason: reason.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file.display(), self.reason),
            None => write!(f, "{}: {}", self.file.display(), self.reason),
        }
    }
}

impl std::error::Error for Error {}
