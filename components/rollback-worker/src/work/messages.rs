//! One turn of a message to people.

use rollback::{
    Environment, Target,
    audit::{Audience, Record},
};
use serde::Deserialize;
use serde_json::{Value, json};
use store::{Database, StoreError};

use super::{Office, Transport};
use crate::{
    ledger::{self, Claim, Commit, Then},
    notification::{Message, Progress, Step, read},
    trouble::Trouble,
};

/// What a message's job says.
#[derive(Deserialize)]
struct Payload {
    seq: i64,
    audience: Audience,
    record: Record,
}

impl<D: Database, T: Transport> Office<'_, D, T> {
    pub(super) async fn tell(&self, claim: Claim) -> Result<(), StoreError> {
        let payload: Payload = match serde_json::from_value(claim.payload.clone()) {
            Ok(payload) => payload,
            Err(error) => {
                eprintln!("a message can't be read: {error}");
                return self.finish(&claim, Then::Done).await;
            }
        };
        let now = claim.snapshot.now;
        let incident = claim.snapshot.case.as_ref().map(rollback::Case::incident);
        // What is about no incident is told where production is told of; where there is none, where staging is.
        let targets = match incident {
            Some(incident) => vec![incident.target()],
            None => [Environment::Production, Environment::Staging].map(Target::live).to_vec(),
        };
        let Some(place) = targets.into_iter().find_map(|target| self.settings.of(target).ok()) else {
            let outcome = json!({"left": "no environment is configured"});
            return self.told(&claim, payload.seq, &outcome).await;
        };
        let mut progress: Progress = serde_json::from_value(claim.notes.clone()).unwrap_or_default();
        let Payload { seq, audience, record } = &payload;
        let message = Message { seq: *seq, audience: *audience, record, incident, place };
        match message.next(&mut progress, now) {
            Step::Done => {
                let outcome = serde_json::to_value(&progress.told).unwrap_or_default();
                self.told(&claim, payload.seq, &outcome).await
            }
            Step::Wait(after) => {
                let seconds = after.to_std().map_or(1.0, |after| after.as_secs_f64());
                let notes = serde_json::to_value(&progress).ok();
                self.finish(&claim, Then::Again { seconds, notes }).await
            }
            Step::Tell(channel, request) => {
                let answer = self.wire.call(&request).map_err(|silence| Trouble::of(&silence));
                let outcome = answer.and_then(|response| read(channel, &response));
                if let Err(trouble) = &outcome {
                    eprintln!("{}: {}", request.subject(), trouble.failure().detail);
                }
                Message::told(channel, outcome, &mut progress, now);
                let notes = serde_json::to_value(&progress).ok();
                self.finish(&claim, Then::Again { seconds: 0.0, notes }).await
            }
        }
    }

    /// Puts on record that people are told.
    async fn told(&self, claim: &Claim, seq: i64, outcome: &Value) -> Result<(), StoreError> {
        let mut commit = Commit::new();
        commit.told(seq, outcome);
        ledger::commit(self.db, claim, None, &[], commit, Then::Done).await.map(drop)
    }
}
