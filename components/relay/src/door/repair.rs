//! Getting what is missing.

use std::sync::Arc;

use chat::cursor::Question;
use chat::{ErrorCode, ServiceRequestId};
use serde::Serialize;
use tokio::time::Instant;

use super::{Aftermath, Door, Member, fitting, take};
use crate::caller::Caller;
use crate::post::History;
use crate::ticket::Ticket;

/// A page of history that somebody lacks.
pub(crate) struct Wanted {
    /// After which number.
    pub(crate) after: i64,
    /// Who asks: connections of one user, with the same rights. The first one's token opens the page.
    pub(crate) for_whom: Vec<(Arc<Caller>, Question)>,
}

/// Messages that the client lacks are deleted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Truncated<'a> {
    service_request_id: &'a ServiceRequestId,
    /// The first number that is kept.
    first_seq: i64,
}

impl Door {
    /// Whether the caller shall look after missing messages from now on: there are some, and nobody does.
    pub(crate) fn begin_repair(&self) -> bool {
        let mut state = self.state.lock();
        let begin = !state.repairing && state.members.iter().any(Member::can_take_history);
        state.repairing |= begin;
        begin
    }

    /// Where messages are missing: on which connection, by its address, and after which number.
    pub(crate) fn gaps(&self) -> Vec<(usize, i64)> {
        let state = self.state.lock();
        let lacking = state.members.iter().filter(|member| member.line.lacks());
        lacking.filter_map(|member| Some((Arc::as_ptr(&member.connection).addr(), member.line.position()?))).collect()
    }

    /// Whether the caller may stop looking after missing messages: there are none, or what there are must wait.
    pub(crate) fn end_repair(&self) -> bool {
        let mut state = self.state.lock();
        let end = !state.members.iter().any(Member::can_take_history);
        state.repairing &= !end;
        end
    }

    /// Nobody looks after missing messages any longer, whatever there are.
    pub(crate) fn abandon_repair(&self) {
        self.state.lock().repairing = false;
    }

    /// What to ask of history now. Who has not read what waits already is left out until there is room.
    pub(crate) fn questions(&self) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut state = self.state.lock();
        for member in &mut state.members {
            if !member.can_take_history() {
                continue;
            }
            let Some(question) = member.line.ask() else { continue };
            let asker = (Arc::clone(&member.connection), question);
            let same = |page: &&mut Wanted| {
                page.after == question.after
                    && page.for_whom.first().is_some_and(|(first, _)| first.actor == member.connection.actor)
            };
            match wanted.iter_mut().find(same) {
                Some(page) => page.for_whom.push(asker),
                None => wanted.push(Wanted { after: question.after, for_whom: vec![asker] }),
            }
        }
        wanted
    }

    /// History has answered. The page goes to those in whose name it was asked for, and to nobody else.
    pub(crate) fn fill(&self, wanted: &Wanted, page: &History) -> Aftermath {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        // They have a message that history no longer has, or has another one in its place.
        if wanted.after > page.last || page.messages.iter().any(|arrival| state.is_another(&arrival.message)) {
            state.start_over(self, page.last, &mut aftermath);
        }
        page.messages.iter().for_each(|arrival| state.meet(&arrival.message));
        let mut steps = Vec::new();
        for (connection, question) in &wanted.for_whom {
            if let Some(member) = state.member(connection) {
                let gone = member.line.history(*question, fitting(page, connection), &mut steps);
                if let Some(first_seq) = gone {
                    connection.send("OnHistoryTruncated", &Truncated { service_request_id: &self.id, first_seq });
                }
                take(&mut steps, connection);
            }
        }
        state.tidy(self);
        state.sum_up(&mut aftermath);
        aftermath
    }

    /// History could not be asked.
    pub(crate) fn fail(&self, wanted: &Wanted) {
        let mut state = self.state.lock();
        for (connection, question) in &wanted.for_whom {
            if let Some(member) = state.member(connection) {
                member.line.history_failed(*question);
            }
        }
    }

    /// History is closed to these users: they are no parties any longer.
    pub(crate) fn expel(&self, wanted: &Wanted) -> Aftermath {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        let expelled =
            |connection: &Arc<Caller>| wanted.for_whom.iter().any(|(asker, _)| asker.actor == connection.actor);
        state.remove(self, ErrorCode::Forbidden, |member| expelled(&member.connection), &mut aftermath);
        state.tell_presence(self);
        state.sum_up(&mut aftermath);
        aftermath
    }

    /// Asks again for what history did not have. Gives the sends whose clients can wait no longer.
    pub(crate) fn nudge(&self, now: Instant) -> (Vec<Arc<Ticket>>, Aftermath) {
        let mut aftermath = Aftermath::default();
        let mut overdue = Vec::new();
        let mut state = self.state.lock();
        for member in state.members.iter_mut().filter(|member| member.line.follows()) {
            member.line.heard_of(0);
            overdue.extend(member.line.give_up(|ticket| ticket.deadline <= now));
        }
        state.sum_up(&mut aftermath);
        (overdue, aftermath)
    }
}
