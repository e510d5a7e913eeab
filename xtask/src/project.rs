//! Where things are in this repository.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// Components that only tests run.
pub const TEST_COMPONENTS: [&str; 1] = ["guest"];

/// The repository's root folder.
pub fn root() -> PathBuf {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap_or(here).to_owned()
}

/// Where cargo puts native builds: the folder target, or where the environment says.
pub fn target() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) => root().join(folder),
        None => root().join("target"),
    }
}

/// Where tools that only this project uses are installed.
pub fn tools() -> PathBuf {
    root().join("target/toolchain")
}

/// Where spin.toml looks for the built components.
pub fn components() -> PathBuf {
    root().join("target/wasm32-wasip2/release")
}

/// The names of the crates under components/ that become Wasm components, sorted.
///
/// # Errors
///
/// When a manifest cannot be read.
pub fn component_names() -> Result<Vec<String>> {
    let folder = root().join("components");
    let mut names = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        let manifest = path.join("Cargo.toml");
        let text = fs::read_to_string(&manifest).with_context(|| format!("cannot read {}", manifest.display()))?;
        let is_component = text.lines().any(|line| line.starts_with("crate-type") && line.contains("cdylib"));
        if is_component && let Some(name) = path.file_name().and_then(OsStr::to_str) {
            names.push(name.to_owned());
        }
    }
    names.sort();
    Ok(names)
}
