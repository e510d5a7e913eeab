//! Reminding people of drills that are overdue.

use store::{Database, StoreError};

use super::{Office, Transport};
use crate::ledger::{Claim, Then};

/// How often it is looked whether a drill is overdue, in seconds.
const LOOK: f64 = 3_600.0;

impl<D: Database, T: Transport> Office<'_, D, T> {
    pub(super) async fn remind(&self, claim: Claim) -> Result<(), StoreError> {
        self.finish(&claim, Then::Again { seconds: LOOK, notes: None }).await
    }
}
