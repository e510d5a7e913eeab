//! What must hold of a restored database before anything connects to it (step D5).

use chrono::{DateTime, TimeDelta, Utc};

use crate::{
    point_in_time::RPO,
    step::{Failure, FailureCode},
};

/// How often the heartbeat row is written.
pub const HEARTBEAT: TimeDelta = TimeDelta::seconds(10);

/// How many heartbeats the restored database may be behind its point in time before it is not that point in time.
const BEATS: i32 = 6;

/// One table on both servers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct TableCount {
    /// The table.
    pub name: String,
    /// Its rows on the source.
    pub source: u64,
    /// Its rows on the restored server; none when the table is not there.
    pub restored: Option<u64>,
}

/// What was read from both servers.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Restored {
    /// The point in time that was asked for.
    pub point_in_time: DateTime<Utc>,
    /// The last heartbeat on the source: what was written up to the freeze.
    pub source_heartbeat: DateTime<Utc>,
    /// The last heartbeat on the restored server; none when there is none.
    pub restored_heartbeat: Option<DateTime<Utc>>,
    /// Whether every image that will be redeployed runs on the restored schema.
    pub schema_fits: bool,
    /// The tables.
    pub tables: Vec<TableCount>,
    /// In what the restored server is set up differently from its source: availability, network, firewall, parameters,
    /// administrators. Each in words.
    pub differences: Vec<String>,
    /// Whether two people have taken a larger loss than [`RPO`] upon them.
    pub loss_accepted: bool,
}

/// Checks the restored database and measures what was lost: from its last heartbeat to the source's.
///
/// # Errors
/// [`FailureCode::DataMismatch`] when it is not the database as of the point in time, or not set up like its source;
/// [`FailureCode::LossBeyondRpo`] when [`RPO`] or more was lost and the loss is not accepted.
pub fn check(restored: &Restored) -> Result<TimeDelta, Failure> {
    let mismatch = |detail: String| Err(Failure::new(FailureCode::DataMismatch, &detail));
    let Some(heartbeat) = restored.restored_heartbeat else {
        return mismatch("the restored database has no heartbeat".to_owned());
    };
    if heartbeat > restored.point_in_time {
        return mismatch(format!("its heartbeat of {heartbeat} is younger than its point in time"));
    }
    if restored.point_in_time - heartbeat > HEARTBEAT * BEATS {
        return mismatch(format!("its heartbeat of {heartbeat} is too old for its point in time"));
    }
    if !restored.schema_fits {
        return mismatch("an application does not run on the restored schema".to_owned());
    }
    if let Some(table) = restored.tables.iter().find(|table| is_lost(table)) {
        return mismatch(format!("the table {} is missing or empty", table.name));
    }
    if let Some(difference) = restored.differences.first() {
        return mismatch(format!("{} differences of set-up, first: {difference}", restored.differences.len()));
    }
    let loss = (restored.source_heartbeat - heartbeat).max(TimeDelta::zero());
    if loss >= RPO && !restored.loss_accepted {
        let detail = format!("{} s were lost, less than {} s may", loss.num_seconds(), RPO.num_seconds());
        return Err(Failure::new(FailureCode::LossBeyondRpo, &detail));
    }
    Ok(loss)
}

/// A table that has rows on the source and none on the restored server. Fewer rows are expected: time was given up.
fn is_lost(table: &TableCount) -> bool {
    table.restored.is_none_or(|rows| rows == 0 && table.source > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> DateTime<Utc> {
        format!("2024-05-01T{text}Z").parse().unwrap()
    }

    fn restored() -> Restored {
        Restored {
            point_in_time: time("09:59:00"),
            source_heartbeat: time("10:05:00"),
            restored_heartbeat: Some(time("09:58:55")),
            schema_fits: true,
            tables: vec![TableCount { name: "orders".to_owned(), source: 10, restored: Some(9) }],
            differences: vec![],
            loss_accepted: false,
        }
    }

    fn code(restored: &Restored) -> Option<FailureCode> {
        check(restored).err().map(|failure| failure.code)
    }

    #[test]
    fn the_loss_is_what_lies_between_the_heartbeats() {
        assert_eq!(check(&restored()).unwrap(), TimeDelta::seconds(365));
        let still = Restored { source_heartbeat: time("09:58:50"), ..restored() };
        assert_eq!(check(&still).unwrap(), TimeDelta::zero());
    }

    #[test]
    fn too_much_loss_must_have_been_accepted() {
        let much = Restored { source_heartbeat: time("10:13:55"), ..restored() };
        assert_eq!(code(&much), Some(FailureCode::LossBeyondRpo));
        assert_eq!(code(&Restored { loss_accepted: true, ..much }), None);
    }

    #[test]
    fn another_time_than_the_one_asked_for_is_a_mismatch() {
        for heartbeat in [None, Some(time("09:59:01")), Some(time("09:57:59")), Some(time("02:00:00"))] {
            let wrong = Restored { restored_heartbeat: heartbeat, loss_accepted: true, ..restored() };
            assert_eq!(code(&wrong), Some(FailureCode::DataMismatch), "{heartbeat:?}");
        }
    }

    #[test]
    fn another_schema_a_lost_table_or_another_set_up_is_a_mismatch() {
        let schema = Restored { schema_fits: false, ..restored() };
        let gone = |rows| Restored {
            tables: vec![TableCount { name: "orders".to_owned(), source: 10, restored: rows }],
            ..restored()
        };
        let bare = Restored { differences: vec!["no high availability".to_owned()], ..restored() };
        for wrong in [schema, gone(None), gone(Some(0)), bare] {
            assert_eq!(code(&wrong), Some(FailureCode::DataMismatch));
        }
        let empty = TableCount { name: "drafts".to_owned(), source: 0, restored: Some(0) };
        assert_eq!(code(&Restored { tables: vec![empty], ..restored() }), None);
    }
}
