//! Reminding people of drills that are overdue.

use rollback::{
    Kind,
    audit::{Event, Record, Subject},
    drill::{Quarter, is_reminder_due, standing},
};
use store::{Database, StoreError};

use super::{Office, Transport};
use crate::ledger::{self, Claim, Commit, Then};

/// How often it is looked whether a drill is overdue, in seconds.
const LOOK: f64 = 3_600.0;

impl<D: Database, T: Transport> Office<'_, D, T> {
    /// One look at the drills of each kind.
    pub(super) async fn remind(&self, claim: Claim) -> Result<(), StoreError> {
        let known = ledger::drills(self.db).await?;
        let mut commit = Commit::new();
        for &kind in Kind::ALL {
            let standing = standing(kind, &known.drills, known.installed_at, known.now);
            let last = known.reminded.get(kind.as_str()).copied();
            if is_reminder_due(&standing, last, known.now) {
                // The one that passed without a drill.
                let quarter = Quarter::of(known.now).previous();
                let event = Event::DrillOverdue { kind, quarter };
                commit.record(&Record { at: known.now, actor: None, subject: Subject::default(), event })?;
                commit.reminded(kind);
            }
        }
        let then = Then::Again { seconds: LOOK, notes: None };
        ledger::commit(self.db, &claim, None, &[], commit, then).await.map(drop)
    }
}
