//! The runbook that people follow, as far as a run records it: the version of the page.

use rollback::{Kind, RunbookVersion};

/// The version of the page of a kind, as it stands in the page's head.
pub(crate) fn version(kind: Kind) -> Option<RunbookVersion> {
    let page = match kind {
        Kind::Application => include_str!("../../../docs/runbook/application.md"),
        Kind::Database => include_str!("../../../docs/runbook/database.md"),
        Kind::Infrastructure => include_str!("../../../docs/runbook/infrastructure.md"),
    };
    let line = page.lines().take(8).find_map(|line| line.strip_prefix("version: "))?;
    RunbookVersion::parse(line.trim()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_a_page_with_a_version() {
        for kind in Kind::ALL {
            assert!(version(*kind).is_some(), "{kind}");
        }
    }
}
