//! Packages of Python's index, in folders of their own.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use super::packages::Packages;
use crate::process::{answer, command};
use crate::progress::must;

const PIP: Packages = Packages { what: "Python", apt: &["python3", "python3-pip"], homebrew: &["python"] };

/// Installs packages into a folder that says which they are: another list makes another folder's worth.
///
/// # Errors
///
/// When Python or one of the packages is missing and cannot be installed.
pub fn install(title: &str, packages: &[&str], target: &Path) -> Result<()> {
    let stamp = target.join("packages.txt");
    let wanted = packages.join("\n");
    if fs::read_to_string(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(());
    }
    if answer(command("python3").args(["-m", "pip", "--version"])).is_none() {
        PIP.install()?;
    }
    if target.exists() {
        fs::remove_dir_all(target).with_context(|| format!("cannot remove {}", target.display()))?;
    }
    let mut pip = command("python3");
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--only-binary=:all:", "--target"]);
    must(title, pip.arg(target).args(packages))?;
    fs::write(&stamp, wanted).with_context(|| format!("cannot write {}", stamp.display()))
}
