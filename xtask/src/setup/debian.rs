//! Debian's way to compile components, for machines that reach package mirrors but not Rust's download server.
//!
//! The compiler, its library sources and the linker are packages; the C library for WASI 0.2 is taken out of its package
//! without installing it, since the release's own may be too old and the machine's package sources are not ours to change;
//! and the program that turns a module into a component comes from the crate registry.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail, ensure};

use super::packages::apt_install;
use crate::process::{answer, cargo, command};
use crate::progress::{must, step};
use crate::project;

const RUSTC: &str = "/usr/bin/rustc";

/// The version of wasm-component-ld that the project was tried with.
const COMPONENT_LD: &str = "0.5.31";

/// The folder of the C library inside its package.
const LIBC: &str = "usr/lib/wasm32-wasip2";

/// Where the parts are that the compiler must be told about.
pub struct Debian {
    /// The program that rustc calls as its linker: wasm-component-ld.
    pub linker: PathBuf,
    /// The linker that wasm-component-ld calls: wasm-ld.
    wasm_ld: PathBuf,
    /// The folder of the WASI C library.
    libc: PathBuf,
}

impl Debian {
    /// What rustc needs to be told when it links.
    pub fn rustc_flags(&self) -> String {
        format!("-L native={} -C link-arg=--wasm-ld-path={}", self.libc.display(), self.wasm_ld.display())
    }
}

/// The toolchain, when every part of it is there.
pub fn find() -> Option<Debian> {
    let debian = Debian { linker: linker(), wasm_ld: wasm_ld(llvm()?), libc: libc() };
    let complete = has_library_sources() && debian.linker.is_file() && debian.wasm_ld.is_file() && debian.libc.is_dir();
    complete.then_some(debian)
}

/// Installs every part that is missing.
///
/// # Errors
///
/// When a part cannot be installed.
pub fn install() -> Result<Debian> {
    if !has_library_sources() {
        apt_install("Debian's Rust for the web", &["rustc-web", "cargo-web", "rust-web-src"])?;
    }
    let llvm = llvm().context("the package rustc-web is installed, but its compiler does not answer")?;
    if !wasm_ld(llvm).is_file() {
        // The linker must understand what this compiler's LLVM writes, so their versions go together.
        apt_install("the WebAssembly linker", &[&format!("lld-{llvm}")])?;
    }
    if !libc().is_dir() {
        unpack_libc()?;
    }
    if !linker().is_file() {
        let mut install = cargo();
        install.args(["install", "--locked", "wasm-component-ld", "--version", COMPONENT_LD, "--root"]);
        // It links a few small files: compiling it well would take longer than it ever runs.
        must("building wasm-component-ld", install.arg(linker_root()).env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "1"))?;
    }
    find().context("Debian's packages are installed, but the WebAssembly toolchain is not complete")
}

/// Whether the compiler is the one whose library sources are there to be built.
fn has_library_sources() -> bool {
    answer(command(RUSTC).args(["--print", "sysroot"]))
        .is_some_and(|root| Path::new(&root).join("lib/rustlib/src/rust/library/std/Cargo.toml").is_file())
}

/// The major version of the LLVM that Debian's compiler uses.
fn llvm() -> Option<u32> {
    llvm_of(&answer(command(RUSTC).arg("-vV"))?)
}

fn llvm_of(version: &str) -> Option<u32> {
    let line = version.lines().find_map(|line| line.strip_prefix("LLVM version: "))?;
    line.split('.').next()?.parse().ok()
}

fn wasm_ld(llvm: u32) -> PathBuf {
    PathBuf::from(format!("/usr/bin/wasm-ld-{llvm}"))
}

fn linker_root() -> PathBuf {
    project::tools().join(format!("wasm-component-ld-{COMPONENT_LD}"))
}

fn linker() -> PathBuf {
    linker_root().join("bin/wasm-component-ld")
}

fn libc() -> PathBuf {
    project::tools().join("wasi-libc").join(LIBC)
}

/// Takes the C library out of the package wasi-libc, of the release's backports where its own is too old.
fn unpack_libc() -> Result<()> {
    let (mirror, codename) = mirror()?;
    for suite in [format!("{codename}-backports"), codename] {
        let folder = project::tools().join("wasi-libc");
        let archives = project::tools().join("wasi-libc-package");
        remove(&folder)?;
        remove(&archives)?;
        if !download(&mirror, &suite, &archives)? {
            continue;
        }
        let package = fs::read_dir(&archives)?
            .flatten()
            .map(|entry| entry.path())
            .find(|path| path.extension().is_some_and(|it| it == "deb"))
            .context("apt downloaded no package wasi-libc")?;
        must("unpacking the C library for WASI", command("dpkg").arg("-x").args([&package, &folder]))?;
        if libc().is_dir() {
            return remove(&archives);
        }
    }
    bail!("no package wasi-libc with a C library for WASI 0.2 in this release of Debian or its backports")
}

/// The mirror and the codename of the Debian release that this machine installs from.
fn mirror() -> Result<(String, String)> {
    let release = fs::read_to_string("/etc/os-release").context("cannot read /etc/os-release")?;
    let codename = release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME="))
        .context("this system's /etc/os-release names no release of Debian")?;
    let mut query = command("apt-get");
    query.args(["indextargets", "--format", "$(REPO_URI) $(CODENAME)", "Created-By: Packages"]);
    let targets = answer(&mut query).context("apt-get does not tell where packages come from")?;
    mirror_of(&targets, codename)
        .map(|mirror| (mirror.to_owned(), codename.to_owned()))
        .with_context(|| format!("apt has no package source for {codename}"))
}

fn mirror_of<'a>(targets: &'a str, codename: &str) -> Option<&'a str> {
    targets.lines().filter_map(|line| line.split_once(' ')).find(|(_, name)| *name == codename).map(|(uri, _)| uri)
}

/// Downloads wasi-libc of one suite with package lists of our own, without touching the machine's.
fn download(mirror: &str, suite: &str, archives: &Path) -> Result<bool> {
    const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";
    ensure!(Path::new(KEYRING).is_file(), "the package debian-archive-keyring is not installed");
    let lists = archives.join("lists");
    fs::create_dir_all(lists.join("partial")).with_context(|| format!("cannot create {}", lists.display()))?;
    let sources = archives.join("sources.list");
    fs::write(&sources, format!("deb [signed-by={KEYRING}] {mirror} {suite} main\n"))?;
    let apt = |arguments: &[&str]| {
        let mut apt = command("apt-get");
        apt.current_dir(archives)
            .args(["-o", &format!("Dir::Etc::SourceList={}", sources.display())])
            .args(["-o", "Dir::Etc::SourceParts=/dev/null"])
            .args(["-o", &format!("Dir::State::Lists={}", lists.display())])
            .args(["-o", &format!("Dir::Cache={}", archives.display())])
            // Its own user for downloads cannot write to a folder of ours.
            .args(["-o", "APT::Sandbox::User="])
            .args(arguments);
        apt
    };
    let listed = step(&format!("reading the package list of {suite}"), &mut apt(&["update"]))?.success;
    Ok(listed && step("downloading the C library for WASI", &mut apt(&["download", "wasi-libc"]))?.success)
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_llvm_version_from_what_rustc_says() {
        assert_eq!(llvm_of("rustc 1.96.0\nrelease: 1.96.0\nLLVM version: 22.1.8"), Some(22));
        assert_eq!(llvm_of("rustc 1.96.0"), None);
    }

    #[test]
    fn the_mirror_is_the_one_of_the_release_itself() {
        let targets =
            "http://a/debian-security/ bookworm-security\nhttp://a/debian/ bookworm-updates\nhttp://b/debian/ bookworm";
        assert_eq!(mirror_of(targets, "bookworm"), Some("http://b/debian/"));
        assert_eq!(mirror_of(targets, "trixie"), None);
    }
}
