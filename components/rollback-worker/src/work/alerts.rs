//! One turn of asking Alertmanager for the alerts that a notification has left out.
//!
//! What it names is taken in like a notification. Where nobody can be asked, people are told how many alerts are missing: once
//! a day and group, however often Alertmanager sends it again.

use chrono::{DateTime, TimeDelta, Utc};
use clients::alertmanager::{Alertmanager, read_alerts};
use rollback::{
    Target,
    alert::{Alert, Notification},
    audit::{Event, Record, Subject},
};
use serde::{Deserialize, Serialize};
use store::{
    Database, StoreError,
    operations::{Rest, take_in},
};
use uuid::Uuid;

use super::{Office, Transport};
use crate::{
    ledger::{self, Claim, Commit, Then},
    trouble::Trouble,
};

/// How often Alertmanager is asked before people are told.
const TRIES: u32 = 3;

/// The pause between two tries.
const PAUSE: TimeDelta = TimeDelta::seconds(2);

/// For how long people are not told of the same group again.
const DAY: TimeDelta = TimeDelta::days(1);

/// What is kept between two turns.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Notes {
    /// How often it was asked without an answer.
    tries: u32,
    /// When people were told that alerts are missing.
    told_at: Option<DateTime<Utc>>,
}

impl<D: Database, T: Transport> Office<'_, D, T> {
    /// One turn.
    pub(super) async fn ask_for_the_rest(&self, claim: Claim) -> Result<(), StoreError> {
        let rest: Rest = match serde_json::from_value(claim.payload.clone()) {
            Ok(rest) => rest,
            Err(error) => {
                eprintln!("what a notification has left out can't be read: {error}");
                return self.finish(&claim, Then::Done).await;
            }
        };
        let mut notes: Notes = serde_json::from_value(claim.notes.clone()).unwrap_or_default();
        match self.left_out(&rest) {
            Ok(alerts) => {
                let group = Notification {
                    receiver: rest.receiver,
                    group: rest.group,
                    labels: rest.labels,
                    alerts,
                    truncated: 0,
                };
                // Whoever dies here asks again, and every event counts once.
                take_in(self.db, &group, Uuid::now_v7).await?;
                self.finish(&claim, Then::Done).await
            }
            Err(Trouble::Passing { retry_after, .. }) if notes.tries < TRIES => {
                notes.tries = notes.tries.saturating_add(1);
                self.later(&claim, retry_after.unwrap_or(PAUSE), notes).await
            }
            Err(trouble) => self.miss(&claim, &rest, notes, &trouble).await,
        }
    }

    /// The alerts that fire, of the group.
    fn left_out(&self, rest: &Rest) -> Result<Vec<Alert>, Trouble> {
        let unknown = |why: &str| Trouble::decided(rollback::step::FailureCode::Refused, why);
        let place = self.settings.of(Target::live(rest.environment)).map_err(|error| unknown(&error.to_string()))?;
        let Some(configured) = &place.targets.alertmanager else {
            return Err(unknown("no Alertmanager is configured that could be asked"));
        };
        let alertmanager = Alertmanager::new(&configured.api, place.credentials.alertmanager.clone());
        let request = alertmanager.alerts(&rest.receiver, &rest.labels);
        let answer = self.wire.call(&request).map_err(|silence| Trouble::of(&silence));
        let alerts = answer.and_then(|response| read_alerts(&response).map_err(|error| Trouble::of(&error)));
        alerts.inspect_err(|trouble| eprintln!("{}: {}", request.subject(), trouble.failure().detail))
    }

    /// Puts on record that alerts are missing, unless that was done today.
    async fn miss(&self, claim: &Claim, rest: &Rest, mut notes: Notes, trouble: &Trouble) -> Result<(), StoreError> {
        let now = claim.snapshot.now;
        notes.tries = 0;
        if let Some(told_at) = notes.told_at {
            return match DAY - (now - told_at) {
                left if left > TimeDelta::zero() => self.later(claim, left, notes).await,
                _ => self.finish(claim, Then::Done).await,
            };
        }
        notes.told_at = Some(now);
        let incident = claim.snapshot.case.as_ref().map(|case| case.incident().id());
        let subject = Subject { incident, ..Subject::default() };
        let why = trouble.failure().detail.clone();
        let event = Event::AlertsLeftOut { group: line(&rest.group), count: rest.truncated, why };
        let mut commit = Commit::new();
        commit.record(&Record { at: now, actor: None, subject, event })?;
        let then = Then::Again { seconds: seconds(DAY), notes: serde_json::to_value(notes).ok() };
        ledger::commit(self.db, claim, None, &[], commit, then).await.map(drop)
    }

    async fn later(&self, claim: &Claim, after: TimeDelta, notes: Notes) -> Result<(), StoreError> {
        let notes = serde_json::to_value(notes).ok();
        self.finish(claim, Then::Again { seconds: seconds(after), notes }).await
    }
}

fn seconds(after: TimeDelta) -> f64 {
    after.to_std().map_or(0.0, |after| after.as_secs_f64())
}

/// The name of a group on one line: its labels come from outside.
fn line(group: &str) -> String {
    group.chars().take(300).map(|character| if character.is_control() { ' ' } else { character }).collect()
}
