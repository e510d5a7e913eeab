//! Whom the servers run as.

use std::env;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use rustix::process::geteuid;

use crate::Error;

/// The user that the servers run as: ourselves, or somebody harmless when we are root, as which PostgreSQL does not run.
#[derive(Debug, Clone)]
pub struct Account {
    other: Option<User>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct User {
    name: String,
    uid: u32,
    gid: u32,
}

impl Account {
    /// Chooses whom to run servers as.
    ///
    /// # Errors
    ///
    /// When we are root and the system has no suitable user.
    pub fn choose() -> Result<Self, Error> {
        if !geteuid().is_root() {
            return Ok(Self { other: None });
        }
        let path = Path::new("/etc/passwd");
        let users = fs::read_to_string(path).map_err(Error::file(path))?;
        let user = ["postgres", "nobody"].iter().find_map(|name| find(&users, name)).ok_or(Error::NoAccount)?;
        Ok(Self { other: Some(user) })
    }

    /// Gives a file or folder to the account.
    pub(crate) fn own(&self, path: &Path) -> Result<(), Error> {
        match &self.other {
            Some(user) => chown(path, Some(user.uid), Some(user.gid)).map_err(Error::file(path)),
            None => Ok(()),
        }
    }

    /// Makes sure that the account can reach a folder through those above it.
    pub(crate) fn can_reach(&self, folder: &Path) -> Result<(), Error> {
        let Some(user) = &self.other else { return Ok(()) };
        for above in folder.ancestors().skip(1) {
            let about = fs::metadata(above).map_err(Error::file(above))?;
            let right = match () {
                () if about.uid() == user.uid => 0o100,
                () if about.gid() == user.gid => 0o010,
                () => 0o001,
            };
            if about.mode() & right == 0 {
                return Err(Error::ShutOut { user: user.name.clone(), folder: above.to_owned() });
            }
        }
        Ok(())
    }

    /// A command that runs as the account in `folder`, with nothing of our environment but the search path, since a
    /// variable such as `PGPORT` would change what a server program does, and deaf to our terminal's Ctrl-C: a server
    /// ends after we do.
    pub(crate) fn command(&self, program: &Path, folder: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(folder).env_clear().env("LC_ALL", "C").process_group(0);
        if let Some(path) = env::var_os("PATH") {
            command.env("PATH", path);
        }
        if let Some(user) = &self.other {
            command.uid(user.uid).gid(user.gid);
        }
        command
    }

    /// The same for a server, which the kernel sends `signal` when we die without a word, where it can do that.
    ///
    /// Setting this up needs code between fork and exec, which the program setpriv of util-linux has; other systems are
    /// content with what the next start cleans up. The signal comes at the end of the *thread* that starts the server.
    pub(crate) fn server(&self, program: &Path, folder: &Path, signal: &str) -> Command {
        match mortal() {
            Some(setpriv) => {
                let mut command = self.command(&setpriv, folder);
                command.arg("--pdeathsig").arg(signal).arg("--").arg(program);
                command
            }
            None => self.command(program, folder),
        }
    }
}

/// The program setpriv, when it knows how to tie a process's life to its parent's.
fn mortal() -> Option<PathBuf> {
    let setpriv = programs::program("setpriv")?;
    let help = Command::new(&setpriv).arg("--help").output().ok()?;
    String::from_utf8_lossy(&help.stdout).contains("--pdeathsig").then_some(setpriv)
}

/// Finds a user in the text of `/etc/passwd`.
fn find(users: &str, name: &str) -> Option<User> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next()? != name {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(User { name: name.to_owned(), uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_a_user_by_the_whole_name() {
        let users =
            "root:x:0:0:root:/root:/bin/bash\npostgres2:x:7:8::/:\npostgres:x:106:113:PostgreSQL:/var/lib:/bin/sh\n";
        assert_eq!(find(users, "postgres"), Some(User { name: "postgres".into(), uid: 106, gid: 113 }));
        assert_eq!(find(users, "nobody"), None);
    }
}
