//! What must hold of every file of the repository, whatever is in it.

mod imports;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use crate::project;

/// More than anyone reads in one go.
const LONGEST: usize = 450;

/// Files that are made by tools or list things at length.
const MAY_BE_LONG: [&str; 5] = ["Cargo.lock", "package-lock.json", "spin.toml", ".md", ".yaml"];

/// Folders of one person's or one system's machine.
const MACHINE_PATHS: [&str; 5] = ["/home/", "/root/", "/Users/", "/work/", "/mnt/"];

/// Hosts that packages come from: which mirror is used is each machine's own affair.
const MIRRORS: [&str; 6] = [
    "deb.debian.org",
    "security.debian.org",
    "registry.npmjs.org",
    "files.pythonhosted.org",
    "pypi.org/simple",
    "static.crates.io",
];

/// Names of modules that say nothing about what is in them.
const EMPTY_WORDS: [&str; 5] = ["common", "helpers", "misc", "shared", "utils"];

/// Words that stood for what has a name of its trade: a group, a pending send, a connection token, the backplane, an instance pool.
const RETIRED_WORDS: [&str; 7] = ["crew", "door", "doorbell", "doors", "recruit", "ticket", "tickets"];

/// A file that git tracks.
struct Tracked {
    path: String,
    bytes: Vec<u8>,
}

impl Tracked {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    fn ends_with_one_of(&self, endings: &[&str]) -> bool {
        endings.iter().any(|ending| self.path.ends_with(ending))
    }
}

/// Interfaces that others have written: they are kept here word for word.
const VENDORED: &str = "wit/deps/";

/// Every tracked file of our own but this one, which has to name what it looks for.
fn tracked() -> Vec<Tracked> {
    let root = project::root();
    let output = Command::new("git").args(["ls-files", "-z"]).current_dir(&root).output().expect("git lists files");
    assert!(output.status.success(), "git ls-files failed");
    String::from_utf8(output.stdout)
        .expect("file names are UTF-8")
        .split('\0')
        .filter(|path| !path.is_empty() && *path != "xtask/src/tidy.rs" && !path.starts_with(VENDORED))
        .filter_map(|path| Some(Tracked { path: path.to_owned(), bytes: fs::read(root.join(path)).ok()? }))
        .collect()
}

/// Fails with every file that a rule finds fault with.
fn no_fault(rule: &str, faults: Vec<String>) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

/// The places where one of the words stands.
fn places(files: &[Tracked], words: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files {
        for (index, line) in file.text().lines().enumerate() {
            if words.iter().any(|word| line.contains(word)) {
                found.push(format!("{}:{}: {}", file.path, index + 1, line.trim()));
            }
        }
    }
    found
}

#[test]
fn files_are_short() {
    let long = tracked().into_iter().filter(|file| !file.ends_with_one_of(&MAY_BE_LONG)).filter_map(|file| {
        let lines = file.text().lines().count();
        (lines > LONGEST).then(|| format!("{}: {lines} lines", file.path))
    });
    no_fault("a file has at most 450 lines", long.collect());
}

#[test]
fn nothing_binary_is_tracked() {
    let binary = tracked().into_iter().filter(|file| file.bytes.contains(&0)).map(|file| file.path);
    no_fault("no binary file is tracked", binary.collect());
}

#[test]
fn nothing_is_left_to_do() {
    no_fault("no unfinished business", places(&tracked(), &["TODO", "FIXME", "XXX", "HACK"]));
}

#[test]
fn no_machine_is_named() {
    no_fault("no path of somebody's machine", places(&tracked(), &MACHINE_PATHS));
}

#[test]
fn no_mirror_is_named() {
    no_fault("no host that packages come from", places(&tracked(), &MIRRORS));
}

#[test]
fn modules_have_telling_names() {
    let empty = tracked().into_iter().map(|file| file.path).filter(|path| {
        let path = Path::new(path);
        let parts = [path.file_stem(), path.parent().and_then(Path::file_name)];
        parts.iter().flatten().any(|part| EMPTY_WORDS.iter().any(|word| part == word))
    });
    no_fault("a module says in its name what it is about", empty.collect());
}

#[test]
fn one_thing_has_one_word() {
    let ours = |file: &Tracked| file.ends_with_one_of(&[".rs", ".md", ".mjs", ".js", ".sql", ".toml", ".wit"]);
    let mut faults = Vec::new();
    for file in tracked().iter().filter(|file| ours(file)) {
        for (number, line) in file.text().lines().enumerate() {
            let mut words = line.split(|character: char| !character.is_alphabetic());
            if let Some(word) = words.find(|word| RETIRED_WORDS.contains(&word.to_lowercase().as_str())) {
                faults.push(format!("{}:{}: {word}", file.path, number + 1));
            }
        }
    }
    no_fault("words that were given up do not come back", faults);
}

#[test]
fn every_statement_is_used() {
    let files = tracked();
    let sources: String = files.iter().filter(|file| file.path.ends_with(".rs")).map(Tracked::text).collect();
    // The store's own test holds its list of migrations against the folder.
    let statements = files.iter().filter(|file| file.path.ends_with(".sql") && !file.path.starts_with("migrations/"));
    let unused = statements.filter(|file| {
        let name = file.path.rsplit('/').next().unwrap_or_default();
        !sources.contains(name)
    });
    no_fault("every .sql file is included somewhere", unused.map(|file| file.path.clone()).collect());
}

#[test]
fn every_component_is_in_the_manifest() {
    let manifest = fs::read_to_string(project::root().join("spin.toml")).expect("spin.toml is there");
    let names = project::component_names().expect("components are there");
    let missing = names.into_iter().filter(|name| !manifest.contains(&format!("/{}.wasm\"", name.replace('-', "_"))));
    no_fault("every component is in spin.toml", missing.collect());
}

#[test]
fn every_crate_says_what_it_is() {
    let manifests = tracked().into_iter().filter(|file| file.path.ends_with("/Cargo.toml"));
    let silent = manifests.filter(|file| !file.text().lines().any(|line| line.starts_with("description = \"")));
    no_fault("every crate has a description", silent.map(|file| file.path).collect());
}

#[test]
fn no_file_imports_another_in_a_circle() {
    let mut faults = Vec::new();
    for (name, files) in crates(&tracked()) {
        let circles = imports::circles(&imports::imports(&files));
        let told = |circle: &std::collections::BTreeSet<imports::Module>| {
            let modules: Vec<_> = circle.iter().map(|module| module.join("::")).collect();
            format!("{name}: {}", modules.join(", "))
        };
        faults.extend(circles.iter().map(told));
    }
    no_fault("files of a crate import each other in no circle", faults);
}

/// The files of each crate by their modules, but for those that only hold tests.
fn crates(files: &[Tracked]) -> BTreeMap<String, BTreeMap<imports::Module, String>> {
    let mut crates: BTreeMap<String, BTreeMap<imports::Module, String>> = BTreeMap::new();
    for file in files {
        let Some((name, inside)) = file.path.split_once("/src/") else { continue };
        let Some(inside) = inside.strip_suffix(".rs").filter(|_| !name.contains("/tests")) else { continue };
        let mut module: imports::Module = inside.split('/').map(str::to_owned).collect();
        if module.iter().any(|part| part == "tests") {
            continue;
        }
        if matches!(module.last().map(String::as_str), Some("mod")) || matches!(inside, "lib" | "main") {
            module.pop();
        }
        crates.entry(name.to_owned()).or_default().insert(module, file.text());
    }
    crates
}
