//! The one door by which everything of a conversation reaches its followers on this node.

mod attendance;
mod follow;
mod history;
mod news;
mod presence;
mod repair;

use std::sync::Arc;

use chat::cursor::{Arrival, Cursor, Step};
use chat::{Actor, ErrorCode, Parties, ServiceRequestId, Status, UserId};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::Instant;
use uuid::Uuid;

pub(crate) use follow::Joined;
pub(crate) use history::Doubt;
pub(crate) use news::{Arrived, News, Standing};
pub(crate) use repair::Wanted;

use attendance::Presence;

use crate::caller::Caller;
use crate::post::{History, Post};
use crate::ticket::{Ticket, unknown};

/// A conversation's line of delivery to one follower, and what follows from a turn of it.
type Line = Cursor<Arc<Ticket>, Arc<Post>>;
type Next = Step<Arc<Ticket>, Arc<Post>>;

/// One conversation on this node. Answers, events, sweeps and history all come in here, in any order and any number of
/// times; each follower's cursor makes one line of it.
pub(crate) struct Door {
    /// Which conversation.
    pub(crate) id: ServiceRequestId,
    /// Rings when a repair that waits for late messages should wait no longer.
    pub(crate) urgent: Notify,
    /// Rings when a repair that is at work has more to do.
    pub(crate) missing: Notify,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// What is known of the conversation itself; `None` before the first word of it.
    facts: Option<Facts>,
    /// The highest number that came by here, and the message that bears it.
    latest: Option<(i64, Uuid)>,
    /// Whether a task asks the database about that message.
    doubting: bool,
    members: Vec<Member>,
    presence: Presence,
    /// Whether a task looks after missing messages.
    repairing: bool,
}

/// What is known of a conversation, as of one version. Every change up to it is known here: each word of a conversation
/// says its last number too, and followers have heard of that.
struct Facts {
    version: i64,
    /// When it became known.
    since: Instant,
    parties: Parties,
    standing: Standing,
}

/// A connection that follows the conversation, or at least sends to it.
struct Member {
    connection: Arc<Caller>,
    line: Line,
    /// Whether it has joined and not left since. Who joins again is there meanwhile.
    is_there: bool,
}

/// What is left to do after something came in.
#[derive(Debug, Default)]
pub(crate) struct Aftermath {
    /// Users who follow the conversation on this node no longer.
    pub(crate) departed: Vec<UserId>,
    /// Whether messages are missing.
    pub(crate) lacking: bool,
    /// Whether the database is to be asked soon who is there.
    pub(crate) inquire: bool,
    /// Whether the door may be taken down.
    pub(crate) deserted: bool,
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

impl Door {
    /// A door that nobody stands at yet.
    pub(crate) fn new(id: ServiceRequestId) -> Arc<Self> {
        Arc::new(Self { id, urgent: Notify::new(), missing: Notify::new(), state: Mutex::default() })
    }

    /// Whether nobody stands at it.
    pub(crate) fn is_deserted(&self) -> bool {
        self.state.lock().members.is_empty()
    }

    /// Whether a connection of this user follows, or is about to.
    pub(crate) fn is_followed_by(&self, user: &UserId) -> bool {
        let state = self.state.lock();
        state.members.iter().any(|member| member.line.follows() && member.connection.actor.user == *user)
    }

    /// The database has another history: nothing known counts any longer, and nobody follows.
    pub(crate) fn forget(&self) -> Vec<Arc<Caller>> {
        let mut state = self.state.lock();
        let followers = state.members.iter().filter(|member| member.line.position().is_some());
        let followers = followers.map(|member| Arc::clone(&member.connection)).collect();
        let mut steps = Vec::new();
        for member in &mut state.members {
            if member.line.position().is_some() {
                member.leave(&mut steps);
                take(&mut steps, &member.connection);
                member.connection.flush();
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
        door: &Door,
        code: ErrorCode,
        mut fails: impl FnMut(&Member) -> bool,
        aftermath: &mut Aftermath,
    ) {
        let mut steps = Vec::new();
        let mut removed = Vec::new();
        for member in &mut self.members {
            // One that is about to join hears it from the answer to its join, which may be newer than this.
            if member.line.position().is_some() && fails(member) {
                member.leave(&mut steps);
                member.connection.send("OnRemoved", &Removed { service_request_id: &door.id, code });
                take(&mut steps, &member.connection);
                removed.push(Arc::clone(&member.connection));
            }
        }
        for connection in removed {
            self.departed(&connection.actor, aftermath);
        }
        self.tidy(door);
    }

    /// Notes that a connection of this user follows no longer, if it was the user's last one here.
    fn departed(&self, actor: &Actor, aftermath: &mut Aftermath) {
        let still =
            self.members.iter().any(|member| member.line.follows() && member.connection.actor.user == actor.user);
        if !still && !aftermath.departed.contains(&actor.user) {
            aftermath.departed.push(actor.user.clone());
        }
    }

    /// Has everything written that was queued for the members, and lets go of those that neither follow nor wait.
    fn tidy(&mut self, door: &Door) {
        self.members.retain(|member| {
            member.connection.flush();
            let keep = !member.line.is_idle();
            if !keep {
                member.connection.exit(&door.id);
            }
            keep
        });
    }

    /// What is left to do now.
    fn sum_up(&self, aftermath: &mut Aftermath) {
        aftermath.lacking = self.members.iter().any(Member::can_take_history);
        aftermath.deserted = self.members.is_empty();
    }

    fn member(&mut self, connection: &Arc<Caller>) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| Arc::ptr_eq(&member.connection, connection))
    }

    /// The member for this connection, which may be new.
    fn admit(&mut self, door: &Arc<Door>, connection: &Arc<Caller>) -> &mut Member {
        let found = self.members.iter().position(|member| Arc::ptr_eq(&member.connection, connection));
        let index = found.unwrap_or_else(|| {
            connection.enter(&door.id);
            let connection = Arc::clone(connection);
            self.members.push(Member { connection, line: Line::default(), is_there: false });
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
        self.line.leave(steps);
    }

    /// Whether history has something for this connection, and the connection room for it.
    fn can_take_history(&self) -> bool {
        self.line.lacks() && self.connection.has_room()
    }
}

impl Facts {
    /// Whether this user may follow the conversation.
    fn admit(&self, actor: &Actor) -> bool {
        self.parties.role_of(actor).is_some()
    }
}

/// As much of a page as a connection has room for. It asks for the rest when it has read this.
fn fitting(page: &History, connection: &Caller) -> History {
    let mut room = connection.room();
    let fits = |arrival: &&Arrival<Arc<Post>>| {
        let enough = arrival.message.size() <= room;
        room = room.saturating_sub(arrival.message.size());
        enough
    };
    History { messages: page.messages.iter().take_while(fits).cloned().collect(), ..*page }
}

/// Does what a cursor says must be done for its connection; [`State::tidy`] has it written.
fn take(steps: &mut Vec<Next>, connection: &Caller) {
    for step in steps.drain(..) {
        match step {
            Step::Deliver(post) => connection.deliver(&post),
            Step::Complete(ticket, post) => ticket.complete(&post),
            Step::Refuse(ticket) => ticket.refuse(&unknown()),
        }
    }
}
