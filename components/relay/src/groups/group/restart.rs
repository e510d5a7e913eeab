//! Whether the conversation has the history that is known here, and starting over when it has another one.
//!
//! A standby that is promoted without the last commits of its primary goes on under the same epoch, and the same numbers then
//! stand for other messages. What the database answers may prove that, and only to a question: events come late and again.

use std::sync::Arc;

use chat::ServiceRequestId;
use serde::Serialize;
use tokio::time::Instant;
use uuid::Uuid;

use super::{Aftermath, Group, News, State};
use crate::groups::{History, Post};
use crate::hub::Caller;
use crate::sending::unknown_outcome;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Restarted<'a> {
    service_request_id: &'a ServiceRequestId,
    last_seq: i64,
}

/// A message that is known here, and may be another one in the database.
pub(crate) struct Doubt {
    /// The number.
    pub(crate) seq: i64,
    /// The id of the message that is known here.
    id: Uuid,
    /// A follower, in whose name the database may be asked.
    pub(crate) asker: Arc<Caller>,
}

impl Group {
    /// What to ask the database about now, if nobody does. [`Self::resolve`] ends it.
    pub(crate) fn doubt(&self) -> Option<Doubt> {
        let mut state = self.state.lock();
        let (seq, id) = state.latest.filter(|_| !state.doubting)?;
        let follower = state.members.iter().find(|member| member.cursor.position().is_some())?;
        let asker = Arc::clone(&follower.caller);
        state.doubting = true;
        Some(Doubt { seq, id, asker })
    }

    /// What the database has, from the number in doubt on; `None` when it can't say: then the next doubt asks again.
    pub(crate) fn resolve(&self, doubt: &Doubt, page: Option<&History>) -> Aftermath {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        state.doubting = false;
        // Unless what was doubted counts no longer.
        if let Some(page) = page
            && state.latest == Some((doubt.seq, doubt.id))
            && page.first <= doubt.seq
            && page.messages.first().is_none_or(|first| (first.seq, first.message.id) != (doubt.seq, doubt.id))
        {
            state.start_over(self, page.last, &mut aftermath);
            state.tidy(self);
        }
        state.sum_up(&mut aftermath);
        aftermath
    }
}

impl State {
    /// Whether the news can't be of the history that is known here.
    pub(super) fn is_refuted_by(&self, news: &News) -> bool {
        news.asked.is_some_and(|asked| self.is_behind(news.version, asked))
            || news.asked.is_some() && news.posts.iter().any(|arrived| self.is_another(&arrived.post))
    }

    /// Whether the database, asked at that time, did not know what had been told here before.
    pub(super) fn is_behind(&self, version: i64, asked: Instant) -> bool {
        self.facts.as_ref().is_some_and(|facts| version < facts.version && facts.since <= asked)
    }

    /// Whether another message of this number has been seen here.
    pub(super) fn is_another(&self, post: &Post) -> bool {
        self.latest.is_some_and(|(seq, id)| seq == post.seq && id != post.id)
    }

    /// Takes note of a message, if it is the latest that has been seen here.
    pub(super) fn note_latest(&mut self, post: &Post) {
        if self.latest.is_none_or(|(seq, _)| seq < post.seq) {
            self.latest = Some((post.seq, post.id));
        }
    }

    /// The conversation has another history, up to this number: everything goes out again, after an event that says so.
    pub(super) fn start_over(&mut self, group: &Group, last: i64, aftermath: &mut Aftermath) {
        if let Some(facts) = &mut self.facts {
            (facts.version, facts.since) = (0, Instant::now());
        }
        self.latest = None;
        let event = Restarted { service_request_id: &group.id, last_seq: last };
        for member in &mut self.members {
            let (inside, void) = member.cursor.restart();
            if inside {
                member.cursor.heard_of(last);
                member.caller.send("OnRestarted", &event);
            }
            for pending in void {
                pending.refuse(&unknown_outcome());
            }
        }
        aftermath.restarted = true;
    }
}
