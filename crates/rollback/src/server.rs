//! Database servers and the names of restored ones.

use chrono::{DateTime, Utc};

use crate::{RunId, name::names};

names! {
    /// The name of a database server: 3–63 lowercase letters, digits and hyphens, no hyphen at either end.
    ServerName, "a server", "3 to 63 of a-z 0-9 -, with no - at either end",
    |text| {
        (3..=63).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
    }
}

/// How much of the source's name the restored server's name keeps, so that the whole stays within 63.
const SOURCE_LENGTH: usize = 40;

impl ServerName {
    /// The name of the server that this run restores: the source's name, the point in time to the minute, and the end of the
    /// run's identifier.
    ///
    /// The name is the idempotency key of the restore: asked for again, it is the same server. It has the end of the
    /// identifier, since identifiers made close together begin alike.
    #[must_use]
    pub fn restored(&self, point_in_time: DateTime<Utc>, run: RunId) -> Self {
        let source: String = self.0.chars().take(SOURCE_LENGTH).collect();
        let run = run.uuid().simple().to_string();
        let end: String = run.chars().skip(run.len().saturating_sub(6)).collect();
        Self(format!("{}-r{}-{end}", source.trim_end_matches('-'), point_in_time.format("%y%m%d%H%M")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_restore_has_the_same_name_and_another_run_another() {
        let run: RunId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        let other: RunId = "01890a5d-ac96-774b-bcce-b302099a8058".parse().unwrap();
        let source = ServerName::parse("orders-db").unwrap();
        let at = "2024-05-01T09:58:30Z".parse().unwrap();
        assert_eq!(source.restored(at, run).as_str(), "orders-db-r2405010958-9a8057");
        assert_ne!(source.restored(at, run), source.restored(at, other));
    }

    #[test]
    fn the_name_of_a_restored_server_is_a_name() {
        let run: RunId = "01890a5d-ac96-774b-bcce-b302099a8057".parse().unwrap();
        for source in ["abc".to_owned(), "x".repeat(63), format!("{}-y", "x".repeat(39))] {
            let restored = ServerName::parse(source).unwrap().restored(DateTime::UNIX_EPOCH, run);
            assert_eq!(ServerName::parse(restored.as_str()), Ok(restored));
        }
    }

    #[test]
    fn names_keep_the_rule_of_the_cloud() {
        for bad in ["ab", "-abc", "abc-", "Abc", "a_b", &"x".repeat(64)] {
            assert!(ServerName::parse(bad).is_err(), "{bad}");
        }
    }
}
