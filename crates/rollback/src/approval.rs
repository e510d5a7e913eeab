//! One person's approval of one preview.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{Digest, Person, Reason, moment::after, recipe::Hazard};

/// For how long an approval holds. Whoever approved knew what was the case then.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(30);

/// One person's approval of one preview. A person has at most one in a run: another one takes its place.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Who.
    pub person: Person,
    /// Of which preview.
    pub digest: Digest,
    /// What they acknowledged by name.
    pub acknowledged: BTreeSet<Hazard>,
    /// When.
    pub at: DateTime<Utc>,
    /// Why the rule that the decider does not approve was broken, if it was.
    pub break_glass: Option<Reason>,
}

impl Approval {
    /// From when on it does not hold.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        after(self.at, LIFETIME)
    }

    /// Whether it holds for this preview now, as far as it can tell by itself.
    #[must_use]
    pub fn holds(&self, digest: Digest, now: DateTime<Utc>) -> bool {
        self.digest == digest && self.at <= now && now < self.expires_at()
    }
}

/// That somebody opened one preview. Without it they can't approve.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Reading {
    /// Who.
    pub person: Person,
    /// Which preview.
    pub digest: Digest,
    /// When they first did.
    pub at: DateTime<Utc>,
}
