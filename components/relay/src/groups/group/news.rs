//! What answers, events and sweeps tell of a conversation.

use std::sync::Arc;

use chat::{ErrorCode, Parties, Status};
use chrono::{DateTime, Utc};
use tokio::time::Instant;

use super::{Aftermath, Changed, Facts, Group, Presence, State, take};
use crate::groups::Post;
use crate::sending::PendingSend;

/// Whether a conversation takes messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Standing {
    /// Whether it does.
    pub(crate) status: Status,
    /// When it was closed, while it is.
    pub(crate) closed_at: Option<DateTime<Utc>>,
}

/// What is known of a conversation as of one transaction.
pub(crate) struct News {
    /// The number of the transaction's change.
    pub(crate) version: i64,
    /// The parties then.
    pub(crate) who: Parties,
    /// Whether it took messages then.
    pub(crate) standing: Standing,
    /// The last number then. Only this says what there is: the messages below may be old ones that were sent again.
    pub(crate) last: i64,
    /// Messages, ascending.
    pub(crate) posts: Vec<Arrived>,
    /// When the database was asked for all this; `None` for an event, which comes whenever it comes.
    pub(crate) asked: Option<Instant>,
}

/// A message among the news.
pub(crate) struct Arrived {
    /// The message.
    pub(crate) post: Arc<Post>,
    /// The send that it answers, if it is the result of one of this node's.
    pub(crate) pending: Option<Arc<PendingSend>>,
}

impl Group {
    /// Takes news. Who is no longer a party gets none of it; everybody else gets the messages by their cursors, in order.
    pub(crate) fn hear(&self, news: &News) -> Aftermath {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        if state.is_refuted_by(news) {
            state.start_over(self, news.last, &mut aftermath);
        }
        state.learn(self, news.version, news.who.clone(), news.standing, &mut aftermath);
        let mut steps = Vec::new();
        for Arrived { post, pending } in &news.posts {
            aftermath.doubtful |= state.is_another(post);
            state.note_latest(post);
            for member in &mut state.members {
                match pending {
                    Some(pending) if Arc::ptr_eq(&pending.caller, &member.caller) => {
                        member.cursor.answered(pending, post.result(), &mut steps);
                    }
                    _ => member.cursor.arrived(post.arrival(&member.caller.actor), &mut steps),
                }
                take(&mut steps, &member.caller);
            }
        }
        for member in state.members.iter_mut().filter(|member| member.cursor.follows()) {
            member.cursor.heard_of(news.last);
        }
        state.tidy(self);
        state.sum_up(&mut aftermath);
        aftermath
    }

    /// A message is stored, and the answer doesn't tell of its conversation: only its sender is told.
    pub(crate) fn answer(&self, arrived: &Arrived) -> Aftermath {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        let mut steps = Vec::new();
        if let Some(pending) = &arrived.pending
            && let Some(member) = state.member(&pending.caller)
        {
            member.cursor.answered(pending, arrived.post.result(), &mut steps);
            take(&mut steps, &pending.caller);
        }
        state.tidy(self);
        state.sum_up(&mut aftermath);
        aftermath
    }

    /// The conversation is gone from the database: nobody follows it.
    pub(crate) fn vanish(&self) -> Aftermath {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        state.remove(self, ErrorCode::NotFound, |_| true, &mut aftermath);
        state.facts = None;
        state.latest = None;
        state.presence = Presence::default();
        state.sum_up(&mut aftermath);
        aftermath
    }
}

impl State {
    /// Takes note of the facts as of a version, unless later ones are known, and acts on what has changed.
    pub(super) fn learn(
        &mut self,
        group: &Group,
        version: i64,
        parties: Parties,
        standing: Standing,
        aftermath: &mut Aftermath,
    ) {
        let known = self.facts.as_ref();
        if known.is_some_and(|facts| version <= facts.version) {
            return;
        }
        let changed = known.is_some_and(|facts| facts.parties != parties || facts.standing != standing);
        let reassigned = known.is_none_or(|facts| facts.parties != parties);
        let known_before = known.is_some();
        let facts = Facts { version, since: Instant::now(), parties, standing };
        if reassigned {
            self.replace_parties(group, &facts.parties);
            aftermath.inquire |= known_before;
            self.remove(group, ErrorCode::Forbidden, |member| !facts.admit(&member.caller.actor), aftermath);
        }
        if changed {
            let event = Changed {
                service_request_id: &group.id,
                status: facts.standing.status,
                closed_at: facts.standing.closed_at,
                technician_id: facts.parties.technician_id.as_ref(),
                service_center_id: &facts.parties.service_center_id,
            };
            for member in self.members.iter().filter(|member| member.cursor.position().is_some()) {
                member.caller.send("OnServiceRequestChanged", &event);
            }
        }
        self.facts = Some(facts);
        if reassigned {
            self.tell_presence(group);
        }
    }
}
