//! The toolchain that compiles the components: rustup's target where it can be had, else Debian's packages.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Result, bail};

use super::debian::{self, Debian};
use super::packages;
use crate::process::{answer, cargo, command};
use crate::progress::step;
use crate::project;

/// The target that components are compiled for.
const TARGET: &str = "wasm32-wasip2";

/// The profile that they are compiled with.
const PROFILE: &str = "component";

/// A way to compile components.
pub enum Toolchain {
    /// The toolchain of rust-toolchain.toml with the target that rustup added.
    Rustup,
    /// Debian's compiler, which builds the standard library itself.
    Debian(Debian),
}

/// Finds a toolchain, or sets one up.
///
/// # Errors
///
/// When neither rustup nor apt provides one.
pub fn find_or_install() -> Result<Toolchain> {
    if rustup_has_target() {
        return Ok(Toolchain::Rustup);
    }
    if let Some(debian) = debian::find() {
        return Ok(Toolchain::Debian(debian));
    }
    let title = "adding the Rust target wasm32-wasip2";
    if command("rustup").arg("--version").output().is_ok()
        && step(title, command("rustup").args(["target", "add", TARGET]))?.success
    {
        return Ok(Toolchain::Rustup);
    }
    if !packages::has_apt() {
        bail!("the Rust target {TARGET} is missing and rustup cannot add it: try `rustup target add {TARGET}`");
    }
    debian::install().map(Toolchain::Debian)
}

fn rustup_has_target() -> bool {
    answer(command("rustup").args(["target", "list", "--installed"]))
        .is_some_and(|targets| targets.lines().any(|target| target == TARGET))
}

impl Toolchain {
    /// `cargo build` for components, in their profile.
    pub fn cargo_build(&self) -> Command {
        match self {
            Self::Rustup => {
                let mut build = cargo();
                build.args(["build", "--profile", PROFILE, "--target", TARGET]);
                build
            }
            Self::Debian(debian) => {
                let mut build = command("/usr/bin/cargo");
                build
                    .args(["build", "--profile", PROFILE, "--target", TARGET, "-Z", "build-std=std,panic_abort"])
                    // Rustup's programs would answer to these names first.
                    .env("PATH", debian_path())
                    .env("RUSTC", "/usr/bin/rustc")
                    // build-std is not stable yet, and Debian's compiler is.
                    .env("RUSTC_BOOTSTRAP", "1")
                    // Two compilers in one folder would take turns to throw away each other's work.
                    .env("CARGO_TARGET_DIR", self.target())
                    .env("CARGO_TARGET_WASM32_WASIP2_LINKER", &debian.linker)
                    .env("CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS", debian.rustc_flags())
                    // They would take the place of the flags above.
                    .env_remove("RUSTFLAGS")
                    .env_remove("CARGO_ENCODED_RUSTFLAGS");
                build
            }
        }
    }

    /// The lints of crates as components, where the toolchain has them: Debian's has none for what it builds by itself.
    pub fn clippy(&self, names: &[String]) -> Option<Command> {
        let Self::Rustup = self else { return None };
        let mut clippy = cargo();
        clippy.args(["clippy", "--target", TARGET]);
        for name in names {
            clippy.args(["--package", name]);
        }
        clippy.args(["--", "--deny", "warnings"]);
        Some(clippy)
    }

    /// The folder that [`Toolchain::cargo_build`] leaves the components in.
    pub fn output(&self) -> PathBuf {
        self.target().join(TARGET).join(PROFILE)
    }

    fn target(&self) -> PathBuf {
        match self {
            Self::Rustup => project::target(),
            Self::Debian(_) => project::root().join("target/wasm-build"),
        }
    }
}

fn debian_path() -> OsString {
    let mut path = OsString::from("/usr/bin:");
    path.push(std::env::var_os("PATH").unwrap_or_default());
    path
}
