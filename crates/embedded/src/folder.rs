//! The folder of one server: its data, its log, its lock.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::{Account, Error, Lock};

/// A server's folder, owned by the account that the server runs as.
#[derive(Debug, Clone)]
pub(crate) struct Folder {
    pub(crate) path: PathBuf,
    pub(crate) account: Account,
}

impl Folder {
    /// Makes the folder, for nobody but the account.
    pub(crate) fn prepare(path: &Path, account: &Account) -> Result<Self, Error> {
        DirBuilder::new().recursive(true).mode(0o711).create(path).map_err(Error::file(path))?;
        let path = path.canonicalize().map_err(Error::file(path))?;
        let folder = Self { path, account: account.clone() };
        folder.account.can_reach(&folder.path)?;
        folder.account.own(&folder.path)?;
        Ok(folder)
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.file("log")
    }

    /// The end of the server's log.
    pub(crate) fn log_tail(&self) -> String {
        tail(&fs::read(self.log()).unwrap_or_default())
    }

    /// Opens the log for a server to write to.
    pub(crate) fn open_log(&self) -> Result<File, Error> {
        let log = self.log();
        OpenOptions::new().create(true).append(true).open(&log).map_err(Error::file(&log))
    }

    /// Takes the lock that the one process has which runs the server, unless another process holds it.
    pub(crate) fn try_lock(&self) -> Result<Option<Lock>, Error> {
        Lock::take(&self.file("lock"))
    }
}

/// The last lines of an output, for an error's text.
pub(crate) fn tail(output: &[u8]) -> String {
    const LINES: usize = 5;
    let text = String::from_utf8_lossy(output);
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.get(lines.len().saturating_sub(LINES)..).unwrap_or_default().join(" / ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_shows_the_last_lines() {
        assert_eq!(tail(b"a\nb\n\nc\nd\ne\nf\n"), "b / c / d / e / f");
        assert_eq!(tail(b""), "");
    }
}
