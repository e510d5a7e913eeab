//! The group of one conversation: its followers on this node.

mod catch_up;
mod membership;
mod news;
mod presence;
mod presence_state;
mod restart;

use std::sync::Arc;

use chat::cursor::{Arrival, Cursor, Step};
use chat::{Actor, ErrorCode, Parties, ServiceRequestId, Status, UserId};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

pub(crate) use catch_up::Wanted;
pub(crate) use membership::Joined;
pub(crate) use news::{Arrived, News, Standing};
pub(crate) use restart::Doubt;

use presence_state::Presence;

use super::post::{History, Post};
use crate::hub::Caller;
use crate::sending::{PendingSend, unknown_outcome};

/// What one member has been delivered of the conversation, and what is to be done for it next.
type DeliveryCursor = Cursor<Arc<PendingSend>, Arc<Post>>;
type Next = Step<Arc<PendingSend>, Arc<Post>>;

/// One conversation on this node. Answers, events, sweeps and pages of history bring its messages, in any order and any number
/// of times. Each member has a cursor, which delivers every message once, in the order of their numbers.
pub(crate) struct Group {
    /// Which conversation.
    pub(crate) id: ServiceRequestId,
    /// Notified when a catch-up that waits for late messages should wait no longer.
    pub(crate) urgent: Notify,
    /// Notified when a catch-up that is under way has more to do.
    pub(crate) missing: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is known of the conversation itself; `None` before the first answer or event.
    facts: Option<Facts>,
    /// The highest number that has been seen here, and the id of its message.
    latest: Option<(i64, Uuid)>,
    /// Whether a task asks the database about that message.
    doubting: bool,
    members: Vec<Member>,
    presence: Presence,
    /// Whether a task fetches missing messages.
    catching_up: bool,
}

/// What is known of a conversation, as of one version. Every change up to it is known here: each answer and event says the
/// conversation's last number too, and that is passed on to every cursor.
struct Facts {
    version: i64,
    /// When it became known.
    since: Instant,
    parties: Parties,
    standing: Standing,
}

/// A connection that follows the conversation, or at least sends to it.
struct Member {
    caller: Arc<Caller>,
    cursor: DeliveryCursor,
    /// Whether it has joined and not left since. One that joins again counts as there meanwhile.
    is_there: bool,
}

/// What is left to do after a group has changed.
#[derive(Debug, Default)]
pub(crate) struct Aftermath {
    /// Users who follow the conversation on this node no longer.
    pub(crate) departed: Vec<UserId>,
    /// Whether messages are missing.
    pub(crate) lacking: bool,
    /// Whether the database is to be asked soon who is there.
    pub(crate) inquire: bool,
    /// Whether nobody is in the group, so that it can be removed.
    pub(crate) empty: bool,
    /// Whether the conversation has another history than the one that was known here, and its followers started over.
    pub(crate) restarted: bool,
    /// Whether the conversation may have another history: the database has to be asked.
    pub(crate) doubtful: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Removed<'a> {
    service_request_id: &'a ServiceRequestId,
    code: ErrorCode,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Changed<'a> {
    service_request_id: &'a ServiceRequestId,
    status: Status,
    #[serde(serialize_with = "chat::time::serialize_maybe")]
    closed_at: Option<DateTime<Utc>>,
    technician_id: Option<&'a UserId>,
    service_center_id: &'a chat::CenterId,
}

impl Group {
    /// A group without members.
    pub(crate) fn new(id: ServiceRequestId) -> Arc<Self> {
        Arc::new(Self { id, urgent: Notify::new(), missing: Notify::new(), state: Mutex::default() })
    }

    /// Whether it has no members.
    pub(crate) fn is_empty(&self) -> bool {
        self.state.lock().members.is_empty()
    }

    /// Whether a connection of this user has joined, or is about to.
    pub(crate) fn is_followed_by(&self, user: &UserId) -> bool {
        let state = self.state.lock();
        state.members.iter().any(|member| member.cursor.follows() && member.caller.actor.user == *user)
    }

    /// The database has another history: nothing known counts any longer, and nobody follows.
    pub(crate) fn forget(&self) -> Vec<Arc<Caller>> {
        let mut state = self.state.lock();
        let followers = state.members.iter().filter(|member| member.cursor.position().is_some());
        let followers = followers.map(|member| Arc::clone(&member.caller)).collect();
        let mut steps = Vec::new();
        for member in &mut state.members {
            if member.cursor.position().is_some() {
                member.leave(&mut steps);
                take(&mut steps, &member.caller);
                member.caller.flush();
            }
        }
        state.facts = None;
        state.latest = None;
        state.presence = Presence::default();
        followers
    }
}

impl State {
    /// Ends the membership of those who follow and fail the test, with an event that says why.
    fn remove(
        &mut self,
        group: &Group,
        code: ErrorCode,
        mut fails: impl FnMut(&Member) -> bool,
        aftermath: &mut Aftermath,
    ) {
        let mut steps = Vec::new();
        let mut removed = Vec::new();
        for member in &mut self.members {
            // One that is about to join hears it from the answer to its join, which may be newer than this.
            if member.cursor.position().is_some() && fails(member) {
                member.leave(&mut steps);
                member.caller.send("OnRemoved", &Removed { service_request_id: &group.id, code });
                take(&mut steps, &member.caller);
                removed.push(Arc::clone(&member.caller));
            }
        }
        for caller in removed {
            self.departed(&caller.actor, aftermath);
        }
        self.tidy(group);
    }

    /// Notes that a connection of this user follows no longer, if it was the user's last one here.
    fn departed(&self, actor: &Actor, aftermath: &mut Aftermath) {
        let still = self.members.iter().any(|member| member.cursor.follows() && member.caller.actor.user == actor.user);
        if !still && !aftermath.departed.contains(&actor.user) {
            aftermath.departed.push(actor.user.clone());
        }
    }

    /// Has everything written that was queued for the members, and removes those that neither follow nor wait for an answer.
    fn tidy(&mut self, group: &Group) {
        self.members.retain(|member| {
            member.caller.flush();
            let keep = !member.cursor.is_idle();
            if !keep {
                member.caller.remove_from_group(&group.id);
            }
            keep
        });
    }

    /// What is left to do now.
    fn sum_up(&self, aftermath: &mut Aftermath) {
        aftermath.lacking = self.members.iter().any(Member::can_take_history);
        aftermath.empty = self.members.is_empty();
    }

    fn member(&mut self, caller: &Arc<Caller>) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| Arc::ptr_eq(&member.caller, caller))
    }

    /// The member for this connection, which may be new.
    fn admit(&mut self, group: &Arc<Group>, caller: &Arc<Caller>) -> &mut Member {
        let found = self.members.iter().position(|member| Arc::ptr_eq(&member.caller, caller));
        let index = found.unwrap_or_else(|| {
            caller.add_to_group(&group.id);
            let caller = Arc::clone(caller);
            self.members.push(Member { caller, cursor: DeliveryCursor::default(), is_there: false });
            self.members.len() - 1
        });
        // In bounds either way; the borrow checker can't return `last_mut` out of a branch.
        #[expect(clippy::indexing_slicing, reason = "the index was found or made a line above")]
        &mut self.members[index]
    }
}

impl Member {
    /// Nothing is delivered from now on.
    fn leave(&mut self, steps: &mut Vec<Next>) {
        self.is_there = false;
        self.cursor.leave(steps);
    }

    /// Whether history has something for this connection, and the connection room for it.
    fn can_take_history(&self) -> bool {
        self.cursor.lacks() && self.caller.has_room()
    }
}

impl Facts {
    /// Whether this user may follow the conversation.
    fn admit(&self, actor: &Actor) -> bool {
        self.parties.role_of(actor).is_some()
    }
}

/// As much of a page as a connection has room for. It asks for the rest when it has read this.
fn fitting(page: &History, caller: &Caller) -> History {
    let mut room = caller.room();
    let fits = |arrival: &&Arrival<Arc<Post>>| {
        let enough = arrival.message.size() <= room;
        room = room.saturating_sub(arrival.message.size());
        enough
    };
    History { messages: page.messages.iter().take_while(fits).cloned().collect(), ..*page }
}

/// Does what a cursor says must be done for its connection; [`State::tidy`] has it written.
fn take(steps: &mut Vec<Next>, caller: &Caller) {
    for step in steps.drain(..) {
        match step {
            Step::Deliver(post) => caller.deliver(&post),
            Step::Complete(pending, post) => pending.complete(&post),
            Step::Refuse(pending) => pending.refuse(&unknown_outcome()),
        }
    }
}
