//! The drills.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rollback::drill::Drill;
use serde::Deserialize;

use super::{sql, statement::ask};
use crate::{Database, StoreError};

/// The drills of the last two years, and when people were last reminded of which.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Drills {
    /// Now.
    pub now: DateTime<Utc>,
    /// Since when there is a Hubline here.
    pub installed_at: DateTime<Utc>,
    /// When people were last reminded, by kind.
    pub reminded: BTreeMap<String, DateTime<Utc>>,
    /// The drills.
    pub drills: Vec<Drill>,
}

/// The drills, and when people were last reminded of which.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say.
pub async fn drills<D: Database>(db: &D) -> Result<Drills, StoreError> {
    ask(db, sql::DRILLS, Vec::new()).await
}
