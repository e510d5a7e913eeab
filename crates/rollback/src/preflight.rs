//! What must hold of a server before it is restored (step D1).

use chrono::{DateTime, Utc};

use crate::{
    ServerName,
    point_in_time::{self, Window},
    step::{Failure, FailureCode},
};

/// What is known about the source, the target and the place where operations keep their own state.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Preflight {
    /// The server to restore.
    pub source: ServerName,
    /// The host name by which applications reach it.
    pub source_host: String,
    /// The host name of the server that holds the state of operations.
    pub operations_host: String,
    /// Whether the cloud calls the source ready.
    pub ready: bool,
    /// Whether the restored server's name is free, or its server is this very run's.
    pub name_free: bool,
    /// The point in time.
    pub point_in_time: DateTime<Utc>,
    /// What bounds it.
    pub window: Window,
}

/// Checks it all, first what can never be put right.
///
/// # Errors
/// The first [`Failure`]: [`FailureCode::OperationsServer`], [`FailureCode::SourceNotReady`], a bound of the point in time,
/// [`FailureCode::NameTaken`].
pub fn check(preflight: &Preflight) -> Result<(), Failure> {
    if holds_operations(preflight) {
        let detail = format!("{} holds the state of operations", preflight.source);
        return Err(Failure::new(FailureCode::OperationsServer, &detail));
    }
    if !preflight.ready {
        return Err(Failure::new(FailureCode::SourceNotReady, "the source is not in the state Ready"));
    }
    point_in_time::check(preflight.point_in_time, &preflight.window)?;
    if !preflight.name_free {
        return Err(Failure::new(FailureCode::NameTaken, "a server of the new name exists and is not this run's"));
    }
    Ok(())
}

/// Whether the two are one server, by any name that leads to it: the whole, or the first part of a private one.
fn holds_operations(preflight: &Preflight) -> bool {
    let operations = plain(&preflight.operations_host);
    let first_label = operations.split('.').next().unwrap_or_default();
    plain(&preflight.source_host) == operations || first_label == preflight.source.as_str()
}

/// A host name without what makes no difference: case, port, the root's dot.
fn plain(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        // An IPv6 address has colons of its own, and brackets when a port follows.
        Some((name, _)) if !name.contains(':') || name.ends_with(']') => name,
        _ => host,
    };
    name.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn preflight() -> Preflight {
        Preflight {
            source: "orders-db".parse().unwrap(),
            source_host: "orders-db.postgres.database.azure.com".to_owned(),
            operations_host: "operations-db.postgres.database.azure.com".to_owned(),
            ready: true,
            name_free: true,
            point_in_time: "2024-05-01T09:59:00Z".parse().unwrap(),
            window: Window {
                earliest: "2024-05-01T02:00:00Z".parse().unwrap(),
                now: "2024-05-01T10:20:00Z".parse().unwrap(),
                incident_at: "2024-05-01T10:00:00Z".parse().unwrap(),
                loss_accepted: false,
            },
        }
    }

    fn code(preflight: &Preflight) -> Option<FailureCode> {
        check(preflight).err().map(|failure| failure.code)
    }

    #[test]
    fn all_is_well() {
        assert_eq!(code(&preflight()), None);
    }

    #[test]
    fn the_server_that_holds_operations_is_never_restored() {
        let by_host =
            Preflight { operations_host: "ORDERS-DB.postgres.database.azure.com.:5432".to_owned(), ..preflight() };
        let by_private_name =
            Preflight { operations_host: "orders-db.private.postgres.database.azure.com".to_owned(), ..preflight() };
        for same in [by_host, by_private_name] {
            assert_eq!(code(&same), Some(FailureCode::OperationsServer));
            // Nothing else is looked at first: it can't be put right by waiting.
            assert_eq!(code(&Preflight { ready: false, ..same }), Some(FailureCode::OperationsServer));
        }
    }

    #[test]
    fn addresses_are_compared_without_their_port() {
        for (host, same) in [("DB.example.:5432", "db.example"), ("[::1]:5432", "[::1]"), ("::1", "::1")] {
            assert_eq!(plain(host), same);
        }
    }

    #[test]
    fn each_check_has_its_name() {
        assert_eq!(code(&Preflight { ready: false, ..preflight() }), Some(FailureCode::SourceNotReady));
        assert_eq!(code(&Preflight { name_free: false, ..preflight() }), Some(FailureCode::NameTaken));
        let early = "2024-05-01T09:00:00Z".parse().unwrap();
        assert_eq!(code(&Preflight { point_in_time: early, ..preflight() }), Some(FailureCode::BeyondRpo));
    }
}
