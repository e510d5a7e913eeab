//! The work, wherever it is called from.

use std::{
    fmt,
    time::{Duration, Instant},
};

use store::{Batch, Database, Purged, StoreError};

use crate::pace::Pace;

/// How long it waits for others who are at all that is due, or after a batch that failed: the first time, and each time
/// twice as long.
const PAUSE: Duration = Duration::from_millis(50);

/// How many batches may fail one after the other. The last waits have given the database a second and more.
const MOST_FAILURES: u32 = 6;

/// What a run has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Progress {
    /// How many service requests are done with: nothing is left of them but their numbers.
    pub service_requests: i64,
    /// How many messages are deleted.
    pub messages: i64,
    /// In how many batches.
    pub batches: u32,
    /// Whether nothing is due any more.
    pub done: bool,
}

/// Deletes batch after batch until nothing is due or the time is up. Each batch is committed by itself, so what is done
/// stays done, whatever ends the run; a crash of the database may take back the last of it, which is due again then.
///
/// `open` connects to the database, again after each failure; `rest` waits.
///
/// # Errors
/// Returns [`StoreError`] when the database can't say, though it was asked several times; what is due is still due.
pub async fn purge<D: Database>(
    open: impl Fn() -> Result<D, StoreError>,
    patience: Duration,
    rest: impl Fn(Duration),
) -> Result<Progress, StoreError> {
    let start = Instant::now();
    let (mut progress, mut pace, mut failures) = (Progress::default(), Pace::new(), 0);
    let mut connection = None;
    while start.elapsed() < patience {
        match batch(&mut connection, &open, pace.batch()).await {
            Ok(purged) if purged.taken > 0 => {
                failures = 0;
                progress.service_requests += purged.finished;
                progress.messages += purged.messages;
                progress.batches += 1;
                pace.took(purged.took);
                rest(Pace::rest(purged.took));
            }
            // One who dies leaves their share: so it is waited for, and not counted on.
            Ok(purged) if purged.busy => rest(PAUSE),
            Ok(_) => {
                progress.done = true;
                break;
            }
            Err(error) if error.is_worth_a_retry() && failures < MOST_FAILURES => {
                eprintln!("once more, and less at once: {error}");
                pace.failed();
                rest(PAUSE * 2_u32.pow(failures));
                failures += 1;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(progress)
}

/// One batch, on the connection that is there or on a new one. After a failure there is none.
async fn batch<D: Database>(
    connection: &mut Option<D>,
    open: impl Fn() -> Result<D, StoreError>,
    most: Batch,
) -> Result<Purged, StoreError> {
    let db = match connection.take() {
        Some(db) => db,
        None => open()?,
    };
    let purged = store::purge(&db, most).await?;
    *connection = Some(db);
    Ok(purged)
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { service_requests, messages, batches, done } = self;
        write!(f, "purged {messages} messages in {batches} batches; done with {service_requests} service requests")?;
        f.write_str(if *done { ", and nothing is due" } else { ", and the rest is due still" })
    }
}

#[cfg(test)]
mod tests {
    use std::cell::{Cell, RefCell};

    use futures_util::FutureExt;
    use store::{DbValue, ParameterValue};

    use super::*;

    /// A database with so many messages due, each batch of which takes as many milliseconds as it has hundreds of them; what
    /// takes longer than a limit is ended by it, as a real one does.
    struct Due {
        left: Cell<i64>,
        most: i64,
        asked: RefCell<Vec<i64>>,
        /// Others are at the rest, for so many more looks.
        others: Cell<u32>,
    }

    impl Due {
        fn new(left: i64) -> Self {
            Self { left: Cell::new(left), most: i64::MAX, asked: RefCell::default(), others: Cell::new(0) }
        }

        fn run(&self, patience: Duration) -> Result<Progress, StoreError> {
            purge(|| Ok(self), patience, |_| {}).now_or_never().unwrap()
        }
    }

    impl Database for &Due {
        async fn one_row(&self, _: &str, asked: Vec<ParameterValue>) -> Result<Option<Vec<DbValue>>, StoreError> {
            let Some(ParameterValue::Int64(most)) = asked.first() else { panic!("{asked:?}") };
            self.asked.borrow_mut().push(*most);
            if *most > self.most {
                return Err(StoreError::of_state("57014", "canceling statement due to statement timeout".into()));
            }
            let messages = self.left.get().min(*most);
            self.left.set(self.left.get() - messages);
            let busy = messages == 0 && self.others.get() > 0;
            self.others.set(self.others.get().saturating_sub(1));
            let requests = i64::from(messages > 0);
            Ok(Some(vec![
                DbValue::Int64(requests),
                DbValue::Int64(requests),
                DbValue::Int64(messages),
                DbValue::Boolean(busy),
                DbValue::Int64(messages * 10),
            ]))
        }
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn it_goes_on_until_nothing_is_due() {
        let nothing = Due::new(0).run(LONG).unwrap();
        assert_eq!(nothing, Progress { done: true, ..Progress::default() });
        let all = Due::new(1_000_000).run(LONG).unwrap();
        assert!(all.done && all.messages == 1_000_000 && i64::from(all.batches) == all.service_requests, "{all:?}");
    }

    #[test]
    fn it_stops_when_its_time_is_up() {
        assert_eq!(Due::new(3).run(Duration::ZERO).unwrap(), Progress::default());
    }

    #[test]
    fn what_takes_too_long_is_done_in_smaller_batches() {
        let slow = Due { most: 150, ..Due::new(1_000) };
        let progress = slow.run(LONG).unwrap();
        assert!(progress.done && progress.messages == 1_000, "{progress:?}");
    }

    #[test]
    fn a_database_that_can_do_nothing_at_all_ends_it() {
        let stuck = Due { most: 0, ..Due::new(1_000) };
        assert!(matches!(stuck.run(LONG), Err(StoreError::Busy(_))));
        assert_eq!(stuck.asked.borrow().len(), 7);
    }

    #[test]
    fn it_waits_for_what_others_are_at() {
        let shared = Due { others: Cell::new(3), ..Due::new(0) };
        assert!(shared.run(LONG).unwrap().done);
        assert_eq!(shared.asked.borrow().len(), 4);
    }
}
