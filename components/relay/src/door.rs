//! The one door by which everything of a conversation reaches its followers on this node.

mod follow;
mod news;
mod presence;
mod repair;

use std::sync::Arc;

use chat::cursor::{Arrival, Cursor, Page, Step};
use chat::{Actor, ErrorCode, Parties, ServiceRequestId, Status, UserId};
use chrono::{DateTime, Utc};
use parking_lot::Mutex;
use serde::Serialize;
use tokio::sync::Notify;

pub(crate) use follow::Joined;
pub(crate) use news::{Arrived, News, Standing};
pub(crate) use presence::milliseconds_now;
pub(crate) use repair::Wanted;

use presence::Elsewhere;

use crate::connection::Connection;
use crate::post::Post;
use crate::ticket::Ticket;

/// A message of the conversation, its line of delivery, and a page of its history.
type Line = Cursor<Arc<Ticket>, Arc<Post>>;
type Next = Step<Arc<Ticket>, Arc<Post>>;
pub(crate) type History = Page<Arc<Post>>;

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
    /// Every change up to this version is known here. It may be behind the version of the facts: news that came without
    /// the conversation's last number may have overtaken messages.
    synced: i64,
    members: Vec<Member>,
    /// Who is connected on other nodes, and who has gone there.
    elsewhere: Vec<Elsewhere>,
    /// When the database was asked last who is there, in milliseconds since 1970: older news is no news.
    presence_at: i64,
    /// Whether a task looks after missing messages.
    repairing: bool,
}

/// What is known of a conversation, as of one version.
struct Facts {
    version: i64,
    parties: Parties,
    standing: Standing,
}

/// A connection that follows the conversation, or at least sends to it.
struct Member {
    connection: Arc<Connection>,
    line: Line,
}

/// What is left to do after something came in.
#[derive(Debug, Default)]
pub(crate) struct Aftermath {
    /// Users who follow the conversation on this node no longer.
    pub(crate) departed: Vec<UserId>,
    /// Whether messages are missing.
    pub(crate) lacking: bool,
    /// Whether the door may be taken down.
    pub(crate) deserted: bool,
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

    /// What a sweep tells of it: every change up to this version is known. `None` when nobody follows.
    pub(crate) fn synced(&self) -> Option<i64> {
        let state = self.state.lock();
        state.members.iter().any(|member| member.line.follows()).then_some(state.synced)
    }

    /// The database has another history: nothing known counts any longer, and nobody follows.
    pub(crate) fn forget(&self) -> Vec<Arc<Connection>> {
        let mut state = self.state.lock();
        let followers = state.members.iter().filter(|member| member.line.position().is_some());
        let followers = followers.map(|member| Arc::clone(&member.connection)).collect();
        let mut steps = Vec::new();
        for member in &mut state.members {
            if member.line.position().is_some() {
                member.line.leave(&mut steps);
                take(&mut steps, &member.connection);
                member.connection.flush();
            }
        }
        state.facts = None;
        state.synced = 0;
        state.elsewhere = Vec::new();
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
            if member.line.follows() && fails(member) {
                // One that is about to join hears it from the answer to its join.
                let tell = member.line.position().is_some();
                member.line.leave(&mut steps);
                take(&mut steps, &member.connection);
                if tell {
                    member.connection.tell("OnRemoved", &Removed { service_request_id: &door.id, code });
                }
                removed.push(Arc::clone(&member.connection));
            }
        }
        for connection in removed {
            self.departed(door, &connection.actor, aftermath);
        }
        self.tidy(door);
    }

    /// Notes that a connection of this user follows no longer, if it was the user's last one here.
    fn departed(&mut self, door: &Door, actor: &Actor, aftermath: &mut Aftermath) {
        let still =
            self.members.iter().any(|member| member.line.follows() && member.connection.actor.user == actor.user);
        if !still && !aftermath.departed.contains(&actor.user) {
            aftermath.departed.push(actor.user.clone());
        }
        self.gone_offline(door, actor);
    }

    /// Has everything written that was queued for the members, and lets go of those that neither follow nor wait.
    fn tidy(&mut self, door: &Door) {
        self.members.retain(|member| {
            member.connection.flush();
            let keep = !member.line.is_idle();
            if !keep {
                member.connection.exit(door);
            }
            keep
        });
    }

    /// What is left to do now.
    fn sum_up(&self, aftermath: &mut Aftermath) {
        aftermath.lacking = self.members.iter().any(Member::can_take_history);
        aftermath.deserted = self.members.is_empty();
    }

    fn member(&mut self, connection: &Arc<Connection>) -> Option<&mut Member> {
        self.members.iter_mut().find(|member| Arc::ptr_eq(&member.connection, connection))
    }

    /// The member for this connection, which may be new.
    fn admit(&mut self, door: &Arc<Door>, connection: &Arc<Connection>) -> &mut Member {
        let found = self.members.iter().position(|member| Arc::ptr_eq(&member.connection, connection));
        let index = found.unwrap_or_else(|| {
            connection.enter(door);
            self.members.push(Member { connection: Arc::clone(connection), line: Line::default() });
            self.members.len() - 1
        });
        // In bounds either way; the borrow checker can't return `last_mut` out of a branch.
        #[expect(clippy::indexing_slicing, reason = "the index was found or made a line above")]
        &mut self.members[index]
    }
}

impl Member {
    /// Whether history has something for this connection, and the connection room for it.
    fn can_take_history(&self) -> bool {
        self.line.lacks() && self.connection.outbox.has_room()
    }
}

impl Facts {
    /// Whether this user may follow the conversation.
    fn admit(&self, actor: &Actor) -> bool {
        self.parties.role_of(actor).is_some()
    }
}

/// As much of a page as a connection has room for. It asks for the rest when it has read this.
fn fitting(page: &History, connection: &Connection) -> History {
    let mut room = connection.outbox.room();
    let fits = |arrival: &&Arrival<Arc<Post>>| {
        let enough = arrival.message.size() <= room;
        room = room.saturating_sub(arrival.message.size());
        enough
    };
    History { messages: page.messages.iter().take_while(fits).cloned().collect(), ..*page }
}

/// Does what a cursor says must be done for its connection; [`State::tidy`] has it written.
fn take(steps: &mut Vec<Next>, connection: &Connection) {
    for step in steps.drain(..) {
        match step {
            Step::Deliver(post) => connection.deliver(&post),
            Step::Complete(ticket, post) => ticket.complete(&post),
        }
    }
}
