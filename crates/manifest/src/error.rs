//! Why a manifest is refused, and where.

use std::fmt;
use std::path::PathBuf;

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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file.display(), self.reason),
            None => write!(f, "{}: {}", self.file.display(), self.reason),
        }
    }
}

impl std::error::Error for Error {}

/// A fault within a file whose name the caller adds.
pub(crate) struct Fault {
    pub line: Option<usize>,
    pub reason: String,
}

impl Fault {
    pub fn at(line: usize, reason: impl Into<String>) -> Self {
        Self { line: Some(line), reason: reason.into() }
    }

    pub fn of(self, file: impl Into<PathBuf>) -> Error {
        Error { file: file.into(), line: self.line, reason: self.reason }
    }
}
