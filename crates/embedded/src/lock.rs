//! A lock file.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::Error;

/// Held by one process at a time; the system lets go of it however that process ends.
#[derive(Debug)]
pub struct Lock {
    file: File,
}

impl Lock {
    /// Takes the lock of a file, which is made when it is not there, unless somebody else holds it.
    ///
    /// # Errors
    ///
    /// Returns [`Error::File`] when the file can be neither made nor locked.
    pub fn take(path: &Path) -> Result<Option<Self>, Error> {
        let file = File::create(path).map_err(Error::file(path))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(source)) => Err(Error::file(path)(source)),
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // To close the file is not enough: a program that another thread is just starting has it too, until it runs.
        drop(self.file.unlock());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_holds_the_lock() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("lock");
        let lock = Lock::take(&path).unwrap();
        assert!(lock.is_some());
        assert!(Lock::take(&path).unwrap().is_none());
        drop(lock);
        assert!(Lock::take(&path).unwrap().is_some());
    }

    #[test]
    fn a_program_that_is_being_started_does_not_keep_the_lock() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("lock");
        let lock = Lock::take(&path).unwrap().unwrap();
        let _of_the_program = lock.file.try_clone().unwrap();
        drop(lock);
        assert!(Lock::take(&path).unwrap().is_some());
    }

    #[test]
    fn a_file_that_cannot_be_made_is_named() {
        let place = tempfile::tempdir().unwrap();
        let error = Lock::take(&place.path().join("no/lock")).unwrap_err();
        assert!(error.to_string().contains("no/lock"));
    }
}
