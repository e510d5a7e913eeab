//! Starting other programs with an environment of our own choosing.

use std::env;
use std::ffi::OsStr;
use std::process::Command;

use crate::project;

/// What `cargo xtask` itself puts into our environment and what must not reach another cargo.
///
/// Cargo names the toolchain and the package that it runs. A second cargo that inherits them would take xtask's package
/// for its own, and rebuild everything that reads one of them.
fn is_of_the_outer_cargo(name: &str) -> bool {
    const EXACT: [&str; 7] = [
        "CARGO",
        "CARGO_CRATE_NAME",
        "CARGO_PRIMARY_PACKAGE",
        "RUSTC",
        "RUSTDOC",
        "RUSTUP_TOOLCHAIN",
        "RUST_RECURSION_COUNT",
    ];
    const PREFIX: [&str; 3] = ["CARGO_BIN_", "CARGO_MANIFEST_", "CARGO_PKG_"];
    EXACT.contains(&name) || PREFIX.iter().any(|prefix| name.starts_with(prefix))
}

/// A command that runs in the repository's root, free of what the outer cargo left in the environment.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(project::root());
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_of_the_outer_cargo) {
            command.env_remove(&name);
        }
    }
    // Cargo lists its own toolchain's libraries here. Another compiler would load them in place of its own.
    command.env_remove("LD_LIBRARY_PATH").env_remove("DYLD_FALLBACK_LIBRARY_PATH");
    command
}

/// The native cargo, of the toolchain that rust-toolchain.toml names.
pub fn cargo() -> Command {
    command("cargo")
}

/// What a program prints on its standard output, when it can be started and succeeds.
pub fn answer(command: &mut Command) -> Option<String> {
    let output = command.output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_outer_cargo_is_forgotten_and_the_users_settings_are_kept() {
        assert!(is_of_the_outer_cargo("CARGO"));
        assert!(is_of_the_outer_cargo("CARGO_PKG_NAME"));
        assert!(is_of_the_outer_cargo("RUSTUP_TOOLCHAIN"));
        assert!(!is_of_the_outer_cargo("CARGO_HOME"));
        assert!(!is_of_the_outer_cargo("CARGO_TARGET_DIR"));
        assert!(!is_of_the_outer_cargo("CARGO_BUILD_JOBS"));
    }
}
