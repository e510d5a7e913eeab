//! Compiled components, kept on disk from one start to the next.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::{fs, io, process};

use sha2::{Digest, Sha256};
use wasmtime::Engine;
use wasmtime::component::Component;

/// A folder of compiled components, named by what went into them.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// Opens a folder, making it when there is none; only this user may enter a folder made here.
    pub fn open(folder: &Path) -> io::Result<Self> {
        fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
        match fs::metadata(folder)?.mode() & 0o022 {
            0 => Ok(Self { folder: folder.to_owned() }),
            _ => Err(io::Error::other("others may write to it, and what it holds is run")),
        }
    }

    /// Takes a component out of the cache, or compiles it and puts it there.
    ///
    /// A cache that cannot be written or holds rubbish costs time, and is no error.
    pub fn component(&self, engine: &Engine, binary: &[u8]) -> wasmtime::Result<Component> {
        let file = self.folder.join(key(engine, binary));
        if file.is_file() {
            match load(engine, &file) {
                Ok(component) => return Ok(component),
                Err(error) => tracing::warn!(file = %file.display(), %error, "a cached component is unusable"),
            }
        }
        let component = Component::new(engine, binary)?;
        if let Err(error) = self.store(&file, &component.serialize()?) {
            tracing::warn!(file = %file.display(), %error, "a compiled component cannot be cached");
        }
        Ok(component)
    }

    /// Writes beside the file and then moves: nobody ever sees half of it.
    fn store(&self, file: &Path, compiled: &[u8]) -> io::Result<()> {
        let beside = file.with_extension(format!("{}.part", process::id()));
        fs::write(&beside, compiled)?;
        fs::rename(&beside, file).inspect_err(|_| drop(fs::remove_file(&beside)))
    }
}

/// A name that changes with the component, and with anything about wasmtime that makes its output another.
fn key(engine: &Engine, binary: &[u8]) -> String {
    let mut compatibility = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut compatibility);
    let mut digest = String::with_capacity(96);
    for byte in Sha256::digest(binary) {
        digest.push_str(&format!("{byte:02x}"));
    }
    format!("{digest}-{:016x}.cwasm", compatibility.finish())
}

#[expect(unsafe_code, reason = "wasmtime cannot prove that a file of machine code is one that it wrote")]
fn load(engine: &Engine, file: &Path) -> wasmtime::Result<Component> {
    // SAFETY: the folder belongs to this user alone (`Options::cache_dir` says so to whoever chooses it), and only
    // `Cache::store` writes there, whole files of `Component::serialize`. wasmtime itself refuses a file of another
    // version or configuration.
    unsafe { Component::deserialize_file(engine, file) }
}
