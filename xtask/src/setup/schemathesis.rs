//! schemathesis, which tries the API against its description.

use std::path::PathBuf;

use anyhow::Result;

use super::python;
use crate::project;

/// What is tried depends on how values are made up, too: by Hypothesis, of patterns that jsonschema-rs reads.
const PACKAGES: [&str; 3] = ["schemathesis==4.32.5", "hypothesis==6.170.15", "jsonschema-rs==0.60.3"];

/// Finds or installs it, and answers the folder with its packages.
///
/// # Errors
///
/// When it is missing and cannot be installed.
pub fn find_or_install() -> Result<PathBuf> {
    let folder = project::tools().join("schemathesis");
    python::install("installing schemathesis", &PACKAGES, &folder)?;
    Ok(folder)
}
