//! Joining, sending and leaving.

use std::sync::Arc;

use chat::{Attendance, ErrorCode, Parties, PartyPresence};
use tokio::time::Instant;
use uuid::Uuid;

use super::{Aftermath, DeliveryCursor, Group, Standing, fitting, take};
use crate::groups::History;
use crate::hub::Caller;
use crate::sending::PendingSend;

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

impl Group {
    /// A connection sends a message: whatever way its result comes, its cursor will know it.
    pub(crate) fn send(self: &Arc<Self>, name: Option<Uuid>, pending: &Arc<PendingSend>) {
        let mut state = self.state.lock();
        state.admit(self, &pending.caller).cursor.send(name, Arc::clone(pending));
    }

    /// A send has failed. Whether it is to be answered so: not if its message has been seen before.
    pub(crate) fn refuse(&self, pending: &Arc<PendingSend>) -> (bool, Aftermath) {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        let refused = state.member(&pending.caller).and_then(|member| member.cursor.refused(pending)).is_some();
        state.tidy(self);
        state.sum_up(&mut aftermath);
        (refused, aftermath)
    }

    /// A connection is about to join, perhaps again from another number.
    pub(crate) fn begin_join(self: &Arc<Self>, caller: &Arc<Caller>) {
        self.state.lock().admit(self, caller).cursor.begin_join();
    }

    /// A connection may join. `answer` tells the client, who is there included; messages are delivered after it.
    ///
    /// # Errors
    /// Says why not when what has become known meanwhile forbids it.
    pub(crate) fn finish_join(
        &self,
        caller: &Arc<Caller>,
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
        page.messages.iter().for_each(|arrival| state.note_latest(&arrival.message));
        state.learn(self, version, who.clone(), standing, &mut aftermath);
        let allowed = state.facts.as_ref().is_some_and(|facts| facts.admit(&caller.actor));
        let result = if allowed { Ok(()) } else { Err(ErrorCode::NotFound) };
        let mut roll = Vec::new();
        if allowed {
            aftermath.inquire |= state.join_presence(&who, elsewhere, asked);
            state.tell_presence(self);
            roll = state.roll(&caller.actor);
        }
        if let Some(member) = state.member(caller) {
            let mut steps = Vec::new();
            if allowed {
                answer(&roll);
                member.cursor.joined(at, fitting(&page, caller), &mut steps);
                member.is_there = true;
            } else {
                member.leave(&mut steps);
            }
            take(&mut steps, caller);
        } else {
            // Lost meanwhile. The function may have registered the user after it was told of that.
            state.departed(&caller.actor, &mut aftermath);
        }
        for member in state.members.iter_mut().filter(|member| member.cursor.follows()) {
            member.cursor.heard_of(last);
        }
        state.tell_presence(self);
        state.tidy(self);
        state.sum_up(&mut aftermath);
        (result, aftermath)
    }

    /// A connection leaves, or could not join.
    pub(crate) fn leave(&self, caller: &Arc<Caller>) -> Aftermath {
        self.go(caller, false)
    }

    /// A connection is lost: nothing of it needs an answer any longer.
    pub(crate) fn lose(&self, caller: &Arc<Caller>) -> Aftermath {
        self.go(caller, true)
    }

    fn go(&self, caller: &Arc<Caller>, lost: bool) -> Aftermath {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        let mut followed = false;
        if let Some(member) = state.member(caller) {
            followed = member.cursor.follows();
            let mut steps = Vec::new();
            member.leave(&mut steps);
            take(&mut steps, caller);
            if lost {
                member.cursor = DeliveryCursor::default();
            }
        }
        if followed {
            state.departed(&caller.actor, &mut aftermath);
            state.tell_presence(self);
        }
        state.tidy(self);
        state.sum_up(&mut aftermath);
        aftermath
    }
}
