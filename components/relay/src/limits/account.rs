//! What one user, or one address, takes of this node.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use chat::{Activity, Allowance, Bucket, ErrorCode, Refusal, Whose};
use parking_lot::Mutex;
use tokio::sync::Semaphore;
use tokio::time::Instant;

/// What is taken of a limit is shared with other nodes once it takes so long to grow again: a user who does what people do
/// costs nobody anything.
const NOTABLE: Duration = Duration::from_secs(8);

/// After how many seconds a client that has too many connections is told to try again: when one ends is not known.
const TRY_AGAIN: u32 = 10;

/// What one user, or one address, may do and have here, and has done.
pub(crate) struct Account {
    whose: Whose,
    allowance: Allowance,
    tallies: Mutex<[Tally; Activity::ALL.len()]>,
    open: AtomicU32,
    /// Joins that may be under way at once: one user's do not keep others' waiting.
    pub(crate) joins: Semaphore,
    /// The same for reads of history.
    pub(crate) reads: Semaphore,
}

/// What was taken of one limit.
#[derive(Clone, Copy, Default)]
struct Tally {
    bucket: Bucket,
    /// How many of it no other node knows of.
    unshared: u32,
}

/// An open connection, which counts until this is dropped.
pub(crate) struct OpenConnection(Arc<Account>);

impl Account {
    /// Nothing taken yet.
    pub(crate) fn new(whose: Whose, allowance: Allowance, joins: usize, reads: usize) -> Arc<Self> {
        Arc::new(Self {
            whose,
            allowance,
            tallies: Mutex::default(),
            open: AtomicU32::new(0),
            joins: Semaphore::new(joins.max(1)),
            reads: Semaphore::new(reads.max(1)),
        })
    }

    /// Does something once.
    ///
    /// # Errors
    /// Refuses what was done too often, and says when it may be done again.
    pub(crate) fn take(&self, activity: Activity, now: Instant) -> Result<(), Refusal> {
        let Some(rate) = self.allowance.rate(activity) else { return Ok(()) };
        let mut tallies = self.tallies.lock();
        let Some(tally) = tallies.get_mut(activity.index()) else { return Ok(()) };
        tally.bucket.take(rate, now.into_std()).map_err(|wait| rate.refusal(activity, self.whose, wait))?;
        tally.unshared = tally.unshared.saturating_add(1);
        Ok(())
    }

    /// Counts an open connection.
    ///
    /// # Errors
    /// Refuses one more than there may be.
    pub(crate) fn open_connection(self: &Arc<Self>) -> Result<OpenConnection, Refusal> {
        let most = self.allowance.open.map_or(u32::MAX, std::num::NonZeroU32::get);
        let next = |open: u32| (open < most).then_some(open + 1);
        match self.open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next) {
            Ok(_) => Ok(OpenConnection(Arc::clone(self))),
            Err(_) => {
                let whose = self.whose.in_words();
                let detail = format!("more than {most} open connections {whose}; try again in {TRY_AGAIN} s");
                Err(Refusal { retry_after: Some(TRY_AGAIN), ..ErrorCode::RateLimited.refusal(detail) })
            }
        }
    }

    /// What other nodes should know: of each limit how many were taken, and how many there are a minute. It counts as said.
    pub(crate) fn notable(&self, now: Instant) -> Vec<(Activity, u32, u32)> {
        let mut notable = Vec::new();
        let mut tallies = self.tallies.lock();
        for (activity, tally) in Activity::ALL.into_iter().zip(tallies.iter_mut()) {
            let lacks = tally.bucket.lacks(now.into_std());
            if lacks.is_zero() {
                tally.unshared = 0;
            }
            if let Some(rate) = self.allowance.rate(activity)
                && tally.unshared > 0
                && lacks >= NOTABLE
            {
                notable.push((activity, std::mem::take(&mut tally.unshared), rate.count()));
            }
        }
        notable
    }

    /// What it takes for a limit to be whole again, counted for all nodes.
    pub(crate) fn learn(&self, activity: Activity, lacks: Duration, now: Instant) {
        if let Some(tally) = self.tallies.lock().get_mut(activity.index()) {
            tally.bucket.lack(lacks, now.into_std());
        }
    }

    /// What was said has not been heard.
    pub(crate) fn unheard(&self, activity: Activity, count: u32) {
        if let Some(tally) = self.tallies.lock().get_mut(activity.index()) {
            tally.unshared = tally.unshared.saturating_add(count);
        }
    }

    /// Whether there is nothing to remember.
    pub(crate) fn is_idle(&self, now: Instant) -> bool {
        let whole = |tally: &Tally| tally.bucket.lacks(now.into_std()).is_zero();
        self.open.load(Ordering::Relaxed) == 0 && self.tallies.lock().iter().all(whole)
    }
}

/// Whose limits a connection counts towards: its user's, and its address's if that is known.
pub(crate) struct ConnectionAccounts {
    user: OpenConnection,
    address: Option<OpenConnection>,
}

impl ConnectionAccounts {
    /// Counts an open connection. That it was opened has been counted for its address already.
    ///
    /// # Errors
    /// Refuses one too many of the user within a minute, and of either at once.
    pub(crate) fn open(user: &Arc<Account>, address: Option<&Arc<Account>>, now: Instant) -> Result<Self, Refusal> {
        let accounts =
            Self { user: user.open_connection()?, address: address.map(Account::open_connection).transpose()? };
        accounts.user.take(Activity::Connections, now)?;
        Ok(accounts)
    }

    /// Does something once.
    ///
    /// # Errors
    /// Refuses what was done too often, and says when it may be done again.
    pub(crate) fn take(&self, activity: Activity, now: Instant) -> Result<(), Refusal> {
        self.user.take(activity, now)?;
        self.address.as_ref().map_or(Ok(()), |address| address.take(activity, now))
    }

    /// The user's account.
    pub(crate) fn user(&self) -> &Account {
        &self.user
    }
}

impl std::ops::Deref for OpenConnection {
    type Target = Arc<Account>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}
