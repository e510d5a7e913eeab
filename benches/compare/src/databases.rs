//! The databases that all contestants use in turn.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use embedded::{Account, Postgres, Redis};
use tempfile::TempDir;

use crate::accounting::Group;

/// Private servers, as they come: PostgreSQL waits for the disk at each commit.
pub struct Databases {
    postgres: Postgres,
    redis: Redis,
    /// Removed after the servers have stopped.
    folder: TempDir,
}

impl Databases {
    /// Starts both with their data under a folder of its own, in `parent` or where the system keeps temporary files.
    ///
    /// # Errors
    /// They are not installed or don't start.
    pub fn open(parent: Option<&Path>) -> Result<Self> {
        let parent = parent.map_or_else(std::env::temp_dir, Path::to_owned);
        // The servers run as another user when we are root, and have to get through.
        let folder = tempfile::Builder::new()
            .prefix("hubline-compare-")
            .permissions(Permissions::from_mode(0o711))
            .tempdir_in(&parent)
            .with_context(|| format!("no folder can be made in {}", parent.display()))?;
        let account = Account::choose()?;
        let postgres = Postgres::open(&folder.path().join("postgres"), &account)?;
        let redis = Redis::open(&folder.path().join("redis"), &account)?;
        Ok(Self { postgres, redis, folder })
    }

    /// PostgreSQL, as the database's owner.
    pub fn postgres_url(&self) -> &str {
        self.postgres.url()
    }

    /// Another database of the same server.
    pub fn other_postgres_url(&self) -> &str {
        self.postgres.operations_url()
    }

    /// Redis.
    pub fn redis_url(&self) -> &str {
        self.redis.url()
    }

    /// A folder for a contestant's own files.
    pub fn folder(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Their processes.
    ///
    /// # Errors
    /// A server's file with its process id can't be read.
    pub fn groups(&self) -> Result<[Group; 2]> {
        let group = |name, file: &str| Ok::<_, anyhow::Error>(Group { name, roots: vec![self.process(file)?] });
        Ok([group("postgres", "postgres/data/postmaster.pid")?, group("redis", "redis/pid")?])
    }

    fn process(&self, file: &str) -> Result<u32> {
        let path = self.folder.path().join(file);
        let text = fs::read_to_string(&path).with_context(|| format!("{} can't be read", path.display()))?;
        text.lines()
            .next()
            .unwrap_or_default()
            .trim()
            .parse()
            .with_context(|| format!("{} names no process", path.display()))
    }
}
