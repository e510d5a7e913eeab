//! The data directory: keys, compiled components, private databases.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use embedded::{Lock, secret};

/// The folder in which one installation keeps its files.
#[derive(Debug, Clone)]
pub struct Data {
    root: PathBuf,
}

impl Data {
    /// Opens the folder, making it when there is none.
    ///
    /// # Errors
    ///
    /// When it cannot be made.
    pub fn open(root: &Path) -> Result<Self> {
        // Others may pass through, since the databases may run as another user, and read nothing.
        folder(root, 0o711)?;
        let root = root.canonicalize().with_context(|| format!("cannot use {}", root.display()))?;
        Ok(Self { root })
    }

    /// Where the private PostgreSQL has its files.
    pub fn postgres(&self) -> PathBuf {
        self.root.join("postgres")
    }

    /// Where the private Redis has its files.
    pub fn redis(&self) -> PathBuf {
        self.root.join("redis")
    }

    /// Where the runtime keeps compiled components.
    pub fn cache(&self) -> PathBuf {
        self.root.join("cache")
    }

    /// A key of this installation, made at random when it is first asked for.
    ///
    /// # Errors
    ///
    /// When its file can be neither read nor made.
    pub fn key(&self, name: &str) -> Result<String> {
        let keys = self.root.join("keys");
        folder(&keys, 0o700)?;
        Ok(secret::keep(&keys.join(name))?)
    }

    /// Takes a node's name for this process.
    ///
    /// # Errors
    ///
    /// When another process of this installation has it: two relays of one name would undo each other's registrations.
    pub fn lock_node(&self, name: &str) -> Result<Lock> {
        let nodes = self.root.join("nodes");
        folder(&nodes, 0o700)?;
        Lock::take(&nodes.join(name))?.with_context(|| {
            let root = self.root.display();
            format!("node `{name}` runs already with the data directory {root}: choose another --node or --data-dir")
        })
    }
}

fn folder(path: &Path, mode: u32) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(mode).create(path);
    made.with_context(|| format!("cannot create the folder {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_stay() {
        let place = tempfile::tempdir().unwrap();
        let data = Data::open(&place.path().join("new")).unwrap();
        assert_eq!(data.key("relay").unwrap(), data.key("relay").unwrap());
        assert_ne!(data.key("relay").unwrap(), data.key("delivery").unwrap());
    }

    #[test]
    fn a_nodes_name_is_taken_once() {
        let place = tempfile::tempdir().unwrap();
        let data = Data::open(place.path()).unwrap();
        let lock = data.lock_node("a").unwrap();
        assert!(data.lock_node("a").unwrap_err().to_string().contains("node `a` runs already"));
        data.lock_node("b").unwrap();
        drop(lock);
        data.lock_node("a").unwrap();
    }
}
