//! Random secrets that stay in a file only their owner reads.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::Error;

/// As many random bytes as no one ever guesses.
const BYTES: usize = 32;

/// The secret in a file, which is made with a random one when it is not there; hexadecimal digits.
///
/// Two threads or processes that do this at once get the same secret.
///
/// # Errors
///
/// When the file can be neither read nor made, or the system has no random numbers.
pub fn keep(path: &Path) -> Result<String, Error> {
    match read(path) {
        Err(Error::File { source, .. }) if source.kind() == ErrorKind::NotFound => {}
        result => return result,
    }
    let secret = random()?;
    // Named by chance, since another thread may be drafting its own.
    let draft = path.with_extension(format!("{}.new", random()?));
    write(&draft, &secret)?;
    // A link, unlike a rename, leaves the file alone that another process made meanwhile.
    let linked = fs::hard_link(&draft, path);
    fs::remove_file(&draft).map_err(Error::file(&draft))?;
    match linked {
        Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(Error::file(path)(error)),
        _ => read(path),
    }
}

/// A new random secret: hexadecimal digits.
///
/// # Errors
///
/// When the system has no random numbers.
pub fn random() -> Result<String, Error> {
    let path = Path::new("/dev/urandom");
    let mut bytes = [0; BYTES];
    File::open(path).and_then(|mut file| file.read_exact(&mut bytes)).map_err(Error::file(path))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Writes a file that only its owner may read.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).mode(0o600);
    options.open(path).and_then(|mut file| file.write_all(text.as_bytes())).map_err(Error::file(path))
}

fn read(path: &Path) -> Result<String, Error> {
    fs::read_to_string(path).map(|text| text.trim().to_owned()).map_err(Error::file(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_is_made_once_and_only_its_owner_reads_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let first = keep(&path).unwrap();
        assert_eq!(first.len(), 2 * BYTES);
        assert_eq!(keep(&path).unwrap(), first);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays behind");
    }

    #[test]
    fn all_that_make_it_at_once_agree() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        let secrets: Vec<String> = std::thread::scope(|scope| {
            let makers: Vec<_> = (0..16).map(|_| scope.spawn(|| keep(&path).unwrap())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        assert!(secrets.iter().all(|secret| *secret == secrets[0] && secret.len() == 2 * BYTES), "{secrets:?}");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "no draft stays behind");
    }

    #[test]
    fn no_two_secrets_are_equal() {
        assert_ne!(random().unwrap(), random().unwrap());
    }
}
