//! Finds the server programs that Hubline starts: PostgreSQL and Redis.
//!
//! `hubline up` looks for them when no database is configured, and `cargo xtask setup` installs what this crate does not
//! find, so both agree by construction. It depends on nothing, since xtask is the first thing a newcomer builds.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The oldest PostgreSQL whose features the migrations rely on.
pub const OLDEST_POSTGRES: u32 = 15;

/// Where package managers put the server programs of PostgreSQL without linking them into the search path, a version a
/// folder: Debian, Homebrew on Apple silicon, Homebrew on Intel, the PostgreSQL project's own packages for Fedora.
const VERSIONED: [&str; 4] = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"];

/// Where programs are found that a short search path, like the one of cron, leaves out.
const USUAL: [&str; 4] = ["/usr/bin", "/usr/local/bin", "/opt/homebrew/bin", "/usr/sbin"];

/// The server programs of one PostgreSQL version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Postgres {
    /// The major version.
    pub version: u32,
    /// The folder that holds `postgres`, `initdb`, `pg_ctl` and `psql`.
    pub bin: PathBuf,
}

/// Finds PostgreSQL's server programs: the search path's when they are new enough, else the newest installed.
pub fn postgres() -> Option<Postgres> {
    on_path().next().or_else(|| versioned().max_by_key(|it| it.version))
}

/// Finds the server programs of one major version, the only ones that can use the data that this version wrote.
pub fn postgres_of(version: u32) -> Option<Postgres> {
    on_path().chain(versioned()).find(|it| it.version == version)
}

/// Finds the program `redis-server`.
pub fn redis() -> Option<PathBuf> {
    program("redis-server")
}

/// Finds a program in the search path or the usual folders.
pub fn program(name: &str) -> Option<PathBuf> {
    search_path()
        .into_iter()
        .chain(USUAL.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

fn search_path() -> Vec<PathBuf> {
    env::var_os("PATH").map(|path| env::split_paths(&path).collect()).unwrap_or_default()
}

fn on_path() -> impl Iterator<Item = Postgres> {
    search_path().into_iter().filter_map(|folder| postgres_in(&folder))
}

fn versioned() -> impl Iterator<Item = Postgres> {
    VERSIONED.iter().flat_map(|root| versions_under(Path::new(root)))
}

fn versions_under(root: &Path) -> Vec<Postgres> {
    let Ok(entries) = fs::read_dir(root) else { return Vec::new() };
    entries.flatten().filter_map(|entry| postgres_in(&entry.path().join("bin"))).collect()
}

/// The PostgreSQL of `bin`, when it is complete and new enough.
///
/// Debian links the client programs into the search path but not the server's, and some systems ship `postgres` alone:
/// only a folder with everything that is needed counts.
fn postgres_in(bin: &Path) -> Option<Postgres> {
    if !["postgres", "initdb", "pg_ctl", "psql"].iter().all(|name| bin.join(name).is_file()) {
        return None;
    }
    let output = Command::new(bin.join("postgres")).arg("--version").output().ok()?;
    let version = major(&String::from_utf8_lossy(&output.stdout))?;
    (version >= OLDEST_POSTGRES).then(|| Postgres { version, bin: bin.to_owned() })
}

/// Reads the major version from a line such as `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major(line: &str) -> Option<u32> {
    let digits = line.split_whitespace().find(|word| word.starts_with(|first: char| first.is_ascii_digit()))?;
    digits.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_major_version() {
        assert_eq!(major("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n"), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major("postgres"), None);
    }

    #[test]
    fn an_incomplete_folder_is_not_a_server() {
        assert_eq!(postgres_in(Path::new("/nonexistent")), None);
    }

    #[test]
    fn finds_a_complete_and_new_enough_server() {
        let found = postgres().expect("cargo xtask setup installs PostgreSQL");
        assert!(found.version >= OLDEST_POSTGRES);
        assert!(found.bin.join("initdb").is_file());
        assert_eq!(postgres_of(found.version).map(|it| it.version), Some(found.version));
        assert_eq!(postgres_of(1), None);
    }
}
