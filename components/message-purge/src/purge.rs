//! The work, wherever it is called from.

use std::time::{Duration, Instant};

use store::{Database, StoreError};

/// What a run has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
pub struct Progress {
    /// How many messages are deleted.
    pub messages: i64,
    /// In how many batches.
    pub batches: u32,
    /// Whether nothing was left to do, but for what others are at.
    pub done: bool,
}

/// Deletes batch after batch until nothing is due or the time is up. Each batch is committed by itself, so what is done
/// stays done, whatever ends the run.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say; what is due is still due.
pub async fn purge(db: &impl Database, patience: Duration) -> Result<Progress, StoreError> {
    let start = Instant::now();
    let mut progress = Progress::default();
    while start.elapsed() < patience {
        match store::purge(db).await? {
            Some(purged) => {
                println!(
                    "purged {} messages of {}, {} to {}",
                    purged.messages, purged.service_request_id, purged.first_seq, purged.last_seq
                );
                progress.messages += purged.messages;
                progress.batches += 1;
            }
            None => {
                progress.done = true;
                break;
            }
        }
    }
    Ok(progress)
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::FutureExt;
    use store::{DbValue, ParameterValue};

    use super::*;

    /// A database with so many batches due.
    struct Due(Cell<i64>);

    impl Database for Due {
        async fn one_row(&self, _: &str, _: Vec<ParameterValue>) -> Result<Option<Vec<DbValue>>, StoreError> {
            let left = self.0.get();
            if left < 0 {
                return Err(StoreError::Unreachable("gone".into()));
            }
            self.0.set((left - 1).max(0));
            let row = [DbValue::Str("a".into()), DbValue::Int64(10), DbValue::Int64(1), DbValue::Int64(10)];
            Ok((left > 0).then(|| row.into()))
        }
    }

    fn run(due: i64, patience: Duration) -> Result<Progress, StoreError> {
        purge(&Due(Cell::new(due)), patience).now_or_never().unwrap()
    }

    #[test]
    fn it_goes_on_until_nothing_is_due() {
        let patience = Duration::from_secs(60);
        assert_eq!(run(0, patience).unwrap(), Progress { messages: 0, batches: 0, done: true });
        assert_eq!(run(3, patience).unwrap(), Progress { messages: 30, batches: 3, done: true });
        assert!(run(-1, patience).is_err());
    }

    #[test]
    fn it_stops_when_its_time_is_up() {
        assert_eq!(run(3, Duration::ZERO).unwrap(), Progress { messages: 0, batches: 0, done: false });
    }
}
