//! Sharing limits with other nodes: what was taken here is told to a function, which knows what was taken anywhere.

use std::sync::Arc;
use std::time::Duration;

use chat::Activity;
use chat::wire::{LimitsAnswer, LimitsRequest, Taken};
use tokio::time::{Instant, sleep};

use super::account::Account;
use crate::functions::Failure;
use crate::node::Node;

/// How often it is told. Meanwhile each node counts alone.
const PACE: Duration = Duration::from_secs(1);

/// Something that was taken, and by whom.
struct Note {
    account: Arc<Account>,
    activity: Activity,
    taken: Taken,
}

impl Node {
    /// Shares limits for as long as it is polled. A user who does what people do is not worth telling of, so mostly
    /// nothing is asked.
    pub(crate) async fn share_limits(self: &Arc<Self>) {
        let mut heard = true;
        loop {
            sleep(PACE).await;
            let notes = self.notes();
            for some in notes.chunks(LimitsRequest::MOST) {
                let told = self.tell(some).await;
                if let Err(failure) = &told
                    && heard
                {
                    tracing::warn!(%failure, "limits are not shared with other nodes: each counts alone");
                }
                heard = told.is_ok();
            }
        }
    }

    fn notes(&self) -> Vec<Note> {
        let now = Instant::now();
        let mut notes = Vec::new();
        for (subject, account) in self.accounts.tidy(now) {
            for (activity, count, a_minute) in account.notable(now) {
                let activity_name = activity.as_str().to_owned();
                let taken = Taken { subject: subject.to_string(), activity: activity_name, count, a_minute };
                notes.push(Note { account: Arc::clone(&account), activity, taken });
            }
        }
        notes
    }

    async fn tell(&self, notes: &[Note]) -> Result<(), Failure> {
        let taken = notes.iter().map(|note| note.taken.clone()).collect();
        let answer = self.calls.limits(taken).await.and_then(|answer| Ok(serde_json::from_slice(&answer)?));
        let LimitsAnswer { lacks } = match answer {
            Ok(answer) => answer,
            Err(failure) => {
                for note in notes {
                    note.account.unheard(note.activity, note.taken.count);
                }
                return Err(failure);
            }
        };
        if lacks.is_empty() {
            for note in notes {
                note.account.unheard(note.activity, note.taken.count);
            }
        }
        let now = Instant::now();
        for (note, lacks) in notes.iter().zip(lacks) {
            note.account.learn(note.activity, Duration::from_micros(lacks), now);
        }
        Ok(())
    }
}
