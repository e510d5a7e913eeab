//! Installing with the system's package manager: apt on Debian and its kin, Homebrew on macOS.

use std::process::Command;

use anyhow::{Result, bail};

use crate::process::{answer, command};
use crate::progress::{must, step};

/// A thing that is needed, by the names that package managers know it by.
pub struct Packages {
    /// What is needed, in words.
    pub what: &'static str,
    /// The Debian packages.
    pub apt: &'static [&'static str],
    /// The arguments of `brew install`.
    pub homebrew: &'static [&'static str],
}

impl Packages {
    /// Installs the packages.
    ///
    /// # Errors
    ///
    /// When the machine has no package manager that we know, or the installation fails.
    pub fn install(&self) -> Result<()> {
        if has_apt() {
            apt_install(self.what, self.apt)
        } else if cfg!(target_os = "macos") && answer(command("brew").arg("--version")).is_some() {
            must(&format!("installing {}", self.what), command("brew").arg("install").args(self.homebrew)).map(|_| ())
        } else {
            bail!(
                "{} is missing, and there is neither apt nor Homebrew to install it with: please install it",
                self.what
            )
        }
    }
}

/// Whether this is a Debian or one of its kin.
pub fn has_apt() -> bool {
    programs::program("apt-get").is_some()
}

/// Installs Debian packages, updating the package lists when they turn out to be missing or old.
///
/// # Errors
///
/// When apt fails, after an update of its lists too.
pub fn apt_install(what: &str, packages: &[&str]) -> Result<()> {
    let install = || {
        let mut apt = apt_get();
        // Nothing of the user's is removed to make room for ours: apt fails instead, and its words say what conflicts.
        apt.args(["install", "--yes", "--no-install-recommends", "--no-remove"]).args(packages);
        apt
    };
    let title = format!("installing {what}");
    if step(&title, &mut install())?.success {
        return Ok(());
    }
    apt_update()?;
    must(&title, &mut install()).map(|_| ())
}

/// Updates the package lists.
///
/// # Errors
///
/// When apt fails.
pub fn apt_update() -> Result<()> {
    must("updating the package lists", apt_get().arg("update")).map(|_| ())
}

/// Downloads a package into the current folder and installs nothing.
pub fn apt_download(package: &str) -> Command {
    let mut apt = command("apt-get");
    // Its own user for downloads cannot write to a folder of ours.
    apt.args(["-o", "APT::Sandbox::User=", "download", package]);
    apt
}

/// `apt-get` that asks no questions and waits for another one to finish, through sudo when we are not root.
fn apt_get() -> Command {
    let mut apt = as_root("env");
    apt.args(["DEBIAN_FRONTEND=noninteractive", "apt-get", "-o", "DPkg::Lock::Timeout=300"]);
    apt
}

/// A program that may write where the system's files are.
pub fn as_root(program: &str) -> Command {
    if answer(command("id").arg("-u")).is_some_and(|id| id == "0") {
        return command(program);
    }
    let mut sudo = command("sudo");
    sudo.arg(program);
    sudo
}
