//! Texts that are kept beside the tests, and rewritten with `UPDATE_GOLDEN=1`.

use std::{env, fs, path::PathBuf};

/// Whether the kept texts are to be rewritten.
pub fn is_rewritten() -> bool {
    env::var_os("UPDATE_GOLDEN").is_some()
}

/// A file of this crate, or of the project above it.
pub fn path(below_the_crate: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(below_the_crate)
}

/// Compares a text with the one that is kept.
#[track_caller]
pub fn compare(below_the_crate: &str, text: &str) {
    let path = path(below_the_crate);
    if is_rewritten() {
        fs::write(&path, text).expect("the text is kept");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(kept == text, "{below_the_crate} differs; UPDATE_GOLDEN=1 rewrites it\n--- kept\n{kept}\n--- now\n{text}");
}
