//! What can go wrong between a function and the database.

use chat::{ErrorCode, Refusal};
use spin_sdk::pg::{Error as SdkError, PgError, QueryError};

/// What can go wrong between a function and the database.
///
/// None of it is the caller's fault: refusals are answers, not errors. So to a client all of it is
/// [`ErrorCode::Unavailable`]; the kinds tell whether trying again helps, and what to look for in the log.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another transaction was in the way, for too long or in a circle.
    #[error("the database is busy: {0}")]
    Busy(String),
    /// Another transaction holds what the statement has to lock, for longer than it may wait. Nothing was stored.
    #[error("another transaction is in the way: {0}")]
    Held(String),
    /// The connection broke or could not be made. Whether the statement took effect is not known.
    #[error("the database can't be reached: {0}")]
    Unreachable(String),
    /// What must be there once only is there already. Nothing was stored.
    #[error("a unique value is taken: {0}")]
    Taken(String),
    /// The connection works as somebody else than it is meant to. Nothing was asked of it.
    #[error(
        "the database runs this as `{in_force}` (logged in as `{login}`) and not as `{meant}` alone: a pooler may drop the \
         connection's options, or the login have other parts' roles"
    )]
    Role {
        /// The role that is meant.
        meant: &'static str,
        /// The role in force.
        in_force: String,
        /// The login behind it.
        login: String,
    },
    /// The database refused the statement, or answered in a shape that this version does not know.
    #[error("the database answered unexpectedly: {0}")]
    Unexpected(String),
}

impl StoreError {
    /// Whether the same statement, repeated at once, may well succeed.
    #[must_use]
    pub fn is_worth_a_retry(&self) -> bool {
        match self {
            Self::Busy(_) | Self::Held(_) | Self::Unreachable(_) => true,
            Self::Taken(_) | Self::Role { .. } | Self::Unexpected(_) => false,
        }
    }

    /// An answer that lacks what the statement promises.
    pub(crate) fn shape(what: &str) -> Self {
        Self::Unexpected(format!("no {what} where one belongs"))
    }

    /// What the database refused, by its SQLSTATE.
    #[must_use]
    pub fn of_state(state: &str, text: String) -> Self {
        match state {
            // serialization_failure, deadlock_detected, query_canceled (by the statement timeout)
            "40001" | "40P01" | "57014" => Self::Busy(text),
            // lock_not_available (by the lock timeout)
            "55P03" => Self::Held(text),
            // unique_violation
            "23505" => Self::Taken(text),
            // read_only_sql_transaction: a former primary after a failover
            "25006" => Self::Unreachable(text),
            // connection exceptions, insufficient resources, operator intervention, system errors
            _ if ["08", "53", "57", "58"].iter().any(|class| state.starts_with(class)) => Self::Unreachable(text),
            _ => Self::Unexpected(format!("{state}: {text}")),
        }
    }
}

impl From<PgError> for StoreError {
    fn from(error: PgError) -> Self {
        match error {
            PgError::QueryFailed(QueryError::DbError(error)) => Self::of_state(&error.code, error.message),
            // Without a code it does not come from the database, but from the way to it.
            PgError::QueryFailed(QueryError::Text(text)) | PgError::ConnectionFailed(text) | PgError::Other(text) => {
                Self::Unreachable(text)
            }
            PgError::BadParameter(text) | PgError::ValueConversionFailed(text) => Self::Unexpected(text),
        }
    }
}

impl From<SdkError> for StoreError {
    fn from(error: SdkError) -> Self {
        match error {
            SdkError::PgError(error) => error.into(),
            SdkError::Decode(text) => Self::Unexpected(text),
        }
    }
}

impl From<&StoreError> for Refusal {
    fn from(_: &StoreError) -> Self {
        // What the database said is for the log, not for clients.
        ErrorCode::Unavailable.refusal("the database can't tell the outcome now; the same request may be sent again")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_decides_whether_to_try_again() {
        for state in ["40001", "40P01", "55P03", "57014", "57P01", "57P03", "08006", "53300", "25006"] {
            assert!(StoreError::of_state(state, "x".into()).is_worth_a_retry(), "{state}");
        }
        for state in ["42883", "42501", "23505", "22P02", "XX000"] {
            assert!(!StoreError::of_state(state, "x".into()).is_worth_a_retry(), "{state}");
        }
    }

    #[test]
    fn what_comes_from_the_way_to_the_database_is_worth_a_retry() {
        assert!(StoreError::from(PgError::ConnectionFailed("refused".into())).is_worth_a_retry());
        assert!(StoreError::from(PgError::QueryFailed(QueryError::Text("closed".into()))).is_worth_a_retry());
        assert!(!StoreError::from(PgError::BadParameter("x".into())).is_worth_a_retry());
    }

    #[test]
    fn clients_are_not_told_what_the_database_said() {
        let error = StoreError::Unexpected("permission denied for table message".into());
        let refusal = Refusal::from(&error);
        assert_eq!(refusal.code, ErrorCode::Unavailable);
        assert!(!refusal.detail.contains("table"));
    }
}
