//! `cargo xtask build`: compiles the components to where spin.toml looks for them.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::command;
use crate::progress::must;
use crate::project;
use crate::setup::{self, wasm::Toolchain};

/// Builds the named components, or all.
///
/// # Errors
///
/// When a name is unknown, something needed is missing, or a component does not compile.
pub fn run(names: &[String]) -> Result<()> {
    let mut known = project::component_names()?;
    known.extend(project::TEST_COMPONENTS.map(str::to_owned));
    if let Some(unknown) = names.iter().find(|name| !known.contains(name)) {
        bail!("no component `{unknown}`: there are {}", known.join(", "));
    }
    let toolchain = setup::run()?;
    if names.is_empty() { all(&toolchain) } else { build(&toolchain, names) }
}

/// Builds every component of the product.
///
/// # Errors
///
/// When a component does not compile.
pub fn all(toolchain: &Toolchain) -> Result<()> {
    build(toolchain, &project::component_names()?)
}

/// Builds every component, those of the tests included.
///
/// # Errors
///
/// When a component does not compile.
pub fn with_tests(toolchain: &Toolchain) -> Result<()> {
    let mut names = project::component_names()?;
    names.extend(project::TEST_COMPONENTS.map(str::to_owned));
    build(toolchain, &names)
}

fn build(toolchain: &Toolchain, names: &[String]) -> Result<()> {
    if names.iter().any(|name| name == "web") {
        page_dependencies()?;
    }
    // One call for all: cargo shares the dependencies and uses every core.
    let mut cargo = toolchain.cargo_build();
    for name in names {
        cargo.args(["--package", name]);
    }
    must("building the Wasm components", &mut cargo)?;
    publish(&toolchain.output())
}

/// Installs the npm packages that the page is made of.
fn page_dependencies() -> Result<()> {
    npm_ci(&project::root().join("components/web"), "installing the page's npm packages")
}

/// Runs `npm ci` in a folder when what is installed is not what its lock file says.
///
/// # Errors
///
/// When npm fails.
pub fn npm_ci(folder: &Path, title: &str) -> Result<()> {
    let lock = folder.join("package-lock.json");
    if !lock.is_file() {
        return Ok(());
    }
    // npm keeps a lock file of what it installed; its time tells whether ours changed since.
    let installed = folder.join("node_modules/.package-lock.json");
    if let (Ok(wanted), Ok(there)) = (fs::metadata(&lock), fs::metadata(&installed))
        && there.modified()? >= wanted.modified()?
    {
        return Ok(());
    }
    must(title, command("npm").args(["ci", "--no-audit", "--no-fund"]).current_dir(folder)).map(|_| ())
}

/// Copies the components to where spin.toml looks, when the toolchain builds them elsewhere.
fn publish(built: &Path) -> Result<()> {
    let place = project::components();
    if built == place {
        return Ok(());
    }
    fs::create_dir_all(&place).with_context(|| format!("cannot create {}", place.display()))?;
    for entry in fs::read_dir(built).with_context(|| format!("cannot read {}", built.display()))? {
        let from = entry?.path();
        let is_component = from.extension().is_some_and(|it| it == "wasm");
        if let (true, Some(name)) = (is_component, from.file_name()) {
            replace(&from, &place, name)?;
        }
    }
    Ok(())
}

/// Copies a file that differs in one move, so that no process ever reads half of it.
fn replace(from: &Path, place: &Path, name: &OsStr) -> Result<()> {
    let to = place.join(name);
    let bytes = fs::read(from).with_context(|| format!("cannot read {}", from.display()))?;
    if fs::read(&to).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let draft = to.with_extension("wasm.new");
    fs::write(&draft, bytes).with_context(|| format!("cannot write {}", draft.display()))?;
    fs::rename(&draft, &to).with_context(|| format!("cannot write {}", to.display()))
}
