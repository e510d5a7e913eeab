//! Coming, sending and going.

use std::sync::Arc;

use chat::{Attendance, ErrorCode, Parties, PartyPresence};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Aftermath, Door, Line, Standing, fitting, take};
use crate::caller::Caller;
use crate::post::History;
use crate::ticket::Ticket;

/// What a function answers to a join, as of one moment.
pub(crate) struct Joined {
    /// Up to which number the client has everything.
    pub(crate) at: i64,
    /// The first page after that.
    pub(crate) page: History,
    /// The number of the conversation's last change.
    pub(crate) version: i64,
    /// Its parties.
    pub(crate) who: Parties,
    /// Whether it takes messages.
    pub(crate) standing: Standing,
    /// Which of them are on other nodes.
    pub(crate) elsewhere: Attendance,
    /// When all this was asked for.
    pub(crate) asked: Instant,
}

impl Door {
    /// A connection sends a message: whatever way its result comes, its cursor will know it.
    pub(crate) fn send(self: &Arc<Self>, name: Option<Uuid>, ticket: &Arc<Ticket>) {
        let mut state = self.state.lock();
        state.admit(self, &ticket.connection).line.send(name, Arc::clone(ticket));
    }

    /// A send has failed. Whether it is to be answered so: not if its message came by before.
    pub(crate) fn refuse(&self, ticket: &Arc<Ticket>) -> (bool, Aftermath) {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        let refused = state.member(&ticket.connection).and_then(|member| member.line.refused(ticket)).is_some();
        state.tidy(self);
        state.sum_up(&mut aftermath);
        (refused, aftermath)
    }

    /// A connection is about to join, perhaps again from another number.
    pub(crate) fn begin_join(self: &Arc<Self>, connection: &Arc<Caller>) {
        self.state.lock().admit(self, connection).line.begin_join();
    }

    /// A connection may join. `answer` tells the client, who is there included; what follows in the line comes after it.
    ///
    /// # Errors
    /// Says why not when what has become known meanwhile forbids it.
    pub(crate) fn finish_join(
        &self,
        connection: &Arc<Caller>,
        joined: Joined,
        answer: impl FnOnce(&[PartyPresence]),
    ) -> (Result<(), ErrorCode>, Aftermath) {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        let Joined { at, page, version, who, standing, elsewhere, asked } = joined;
        let last = page.last;
        if state.is_behind(version, asked) || page.messages.iter().any(|arrival| state.is_another(&arrival.message)) {
            state.start_over(self, last, &mut aftermath);
        }
        page.messages.iter().for_each(|arrival| state.meet(&arrival.message));
        state.learn(self, version, who.clone(), standing, &mut aftermath);
        let allowed = state.facts.as_ref().is_some_and(|facts| facts.admit(&connection.actor));
        let result = if allowed { Ok(()) } else { Err(ErrorCode::NotFound) };
        let mut roll = Vec::new();
        if allowed {
            aftermath.inquire |= state.join_presence(&who, elsewhere, asked);
            state.tell_presence(self);
            roll = state.roll(&connection.actor);
        }
        if let Some(member) = state.member(connection) {
            let mut steps = Vec::new();
            if allowed {
                answer(&roll);
                member.line.joined(at, fitting(&page, connection), &mut steps);
                member.is_there = true;
            } else {
                member.leave(&mut steps);
            }
            take(&mut steps, connection);
        } else {
            // Lost meanwhile. The function may have registered the user after it was told of that.
            state.departed(&connection.actor, &mut aftermath);
        }
        for member in state.members.iter_mut().filter(|member| member.line.follows()) {
            member.line.heard_of(last);
        }
        state.tell_presence(self);
        state.tidy(self);
        state.sum_up(&mut aftermath);
        (result, aftermath)
    }

    /// A connection goes, or could not join.
    pub(crate) fn leave(&self, connection: &Arc<Caller>) -> Aftermath {
        self.go(connection, false)
    }

    /// A connection is lost: nothing of it needs an answer any longer.
    pub(crate) fn lose(&self, connection: &Arc<Caller>) -> Aftermath {
        self.go(connection, true)
    }

    fn go(&self, connection: &Arc<Caller>, lost: bool) -> Aftermath {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        let mut followed = false;
        if let Some(member) = state.member(connection) {
            followed = member.line.follows();
            let mut steps = Vec::new();
            member.leave(&mut steps);
            take(&mut steps, connection);
            if lost {
                member.line = Line::default();
            }
        }
        if followed {
            state.departed(&connection.actor, &mut aftermath);
            state.tell_presence(self);
        }
        state.tidy(self);
        state.sum_up(&mut aftermath);
        aftermath
    }
}
