//! `cargo xtask manifest`: copies in spin.toml what a component has in common with others.
//!
//! A component of Spin has one kind of trigger when it is to run in a process of its own, and TOML can't say a list for three
//! components at once. So the hosts that the worker reaches are written for one of them, and copied to the others.

use std::fs;

use anyhow::{Context, Result};

use crate::project;

/// Whose hosts are written by hand.
const ORIGIN: &str = "rollback-worker";

/// Whose are copied.
const COPIES: [&str; 2] = ["rollback-worker-ring", "rollback-worker-http"];

/// How a list begins and ends.
const LIST: (&str, &str) = ("allowed_outbound_hosts = [\n", "\n]\n");

/// Writes the copies.
///
/// # Errors
///
/// When the manifest can't be read or written, or lacks one of the lists.
pub fn run() -> Result<()> {
    let path = project::root().join("spin.toml");
    let text = fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    fs::write(&path, copied(&text)?).with_context(|| format!("cannot write {}", path.display()))
}

/// The manifest with its copies as they must be.
///
/// # Errors
///
/// When a list is not there.
pub fn copied(manifest: &str) -> Result<String> {
    let mut text = manifest.to_owned();
    let (start, end) = hosts(&text, ORIGIN)?;
    let list = text.get(start..end).unwrap_or_default().to_owned();
    for name in COPIES {
        let (start, end) = hosts(&text, name)?;
        text.replace_range(start..end, &list);
    }
    Ok(text)
}

/// Where the lines of a component's hosts begin and end.
fn hosts(manifest: &str, component: &str) -> Result<(usize, usize)> {
    let after = |from: usize, what: &str| {
        let found = manifest.get(from..).and_then(|rest| rest.find(what));
        found.map(|place| from + place).with_context(|| format!("spin.toml has no hosts for {component}"))
    };
    let section = after(0, &format!("\n[component.{component}]\n"))?;
    let start = after(section, LIST.0)? + LIST.0.len();
    Ok((start, after(start, LIST.1)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_copies_are_what_they_are_copied_from() {
        let path = project::root().join("spin.toml");
        let text = fs::read_to_string(path).expect("the manifest");
        assert_eq!(copied(&text).expect("its lists"), text, "run `cargo xtask manifest`");
        let other = text.replacen("\"{{ pagerduty_origin }}\", ", "\"https://pager.example\", ", 1);
        let changed = copied(&other).expect("its lists");
        assert_eq!(changed.matches("https://pager.example").count(), 1 + COPIES.len());
    }
}
