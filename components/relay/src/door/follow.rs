//! Coming, sending and going.

use std::sync::Arc;

use chat::{ErrorCode, Parties, PartyPresence};
use uuid::Uuid;

use super::{Aftermath, Door, History, Line, Standing, fitting, take};
use crate::connection::Connection;
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
    /// Who is connected, anywhere, as the database knows it.
    pub(crate) presence: Vec<PartyPresence>,
    /// When it was asked, in milliseconds since 1970.
    pub(crate) asked_at: i64,
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
    pub(crate) fn begin_join(self: &Arc<Self>, connection: &Arc<Connection>) {
        self.state.lock().admit(self, connection).line.begin_join();
    }

    /// A connection may join. `answer` tells the client, who is there included; what follows in the line comes after it.
    ///
    /// # Errors
    /// Says why not when what has become known meanwhile forbids it.
    pub(crate) fn finish_join(
        &self,
        connection: &Arc<Connection>,
        joined: Joined,
        answer: impl FnOnce(&[PartyPresence]),
    ) -> (Result<(), ErrorCode>, Aftermath) {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        let Joined { at, page, version, who, standing, mut presence, asked_at } = joined;
        let last = page.last;
        state.learn(self, version, who, Some(standing), &mut aftermath);
        state.synced = state.synced.max(version);
        let allowed = state.facts.as_ref().is_some_and(|facts| facts.admit(&connection.actor));
        let result = if allowed { Ok(()) } else { Err(ErrorCode::NotFound) };
        if allowed {
            state.know_presence(&mut presence, asked_at);
        }
        if let Some(member) = state.member(connection) {
            let mut steps = Vec::new();
            if allowed {
                answer(&presence);
                member.line.joined(at, fitting(&page, connection), &mut steps);
            } else {
                member.line.leave(&mut steps);
            }
            take(&mut steps, connection);
        } else {
            // Lost meanwhile. The function may have registered the user after it was told of that.
            state.departed(self, &connection.actor, &mut aftermath);
        }
        for member in state.members.iter_mut().filter(|member| member.line.follows()) {
            member.line.heard_of(last);
        }
        if allowed {
            state.come_online(self, &connection.actor);
        }
        state.tidy(self);
        state.sum_up(&mut aftermath);
        (result, aftermath)
    }

    /// A connection goes, or could not join.
    pub(crate) fn leave(&self, connection: &Arc<Connection>) -> Aftermath {
        self.go(connection, false)
    }

    /// A connection is lost: nothing of it needs an answer any longer.
    pub(crate) fn lose(&self, connection: &Arc<Connection>) -> Aftermath {
        self.go(connection, true)
    }

    fn go(&self, connection: &Arc<Connection>, lost: bool) -> Aftermath {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        let mut followed = false;
        if let Some(member) = state.member(connection) {
            followed = member.line.follows();
            let mut steps = Vec::new();
            member.line.leave(&mut steps);
            take(&mut steps, connection);
            if lost {
                member.line = Line::default();
            }
        }
        if followed {
            state.departed(self, &connection.actor, &mut aftermath);
        }
        state.tidy(self);
        state.sum_up(&mut aftermath);
        aftermath
    }
}
