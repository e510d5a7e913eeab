//! Which messages members lack, and the pages of history that bring them.

use std::sync::Arc;

use chat::cursor::Question;
use chat::{ErrorCode, ServiceRequestId};
use serde::Serialize;
use tokio::time::Instant;

use super::{Aftermath, Group, Member, fitting, take};
use crate::groups::History;
use crate::hub::Caller;
use crate::sending::PendingSend;

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

impl Group {
    /// Whether a task shall fetch missing messages from now on: there are some, and none does.
    pub(crate) fn begin_catch_up(&self) -> bool {
        let mut state = self.state.lock();
        let begin = !state.catching_up && state.members.iter().any(Member::can_take_history);
        state.catching_up |= begin;
        begin
    }

    /// Where messages are missing: on which connection, by its address, and after which number.
    pub(crate) fn gaps(&self) -> Vec<(usize, i64)> {
        let state = self.state.lock();
        let lacking = state.members.iter().filter(|member| member.cursor.lacks());
        lacking.filter_map(|member| Some((Arc::as_ptr(&member.caller).addr(), member.cursor.position()?))).collect()
    }

    /// Whether the task that fetches missing messages may end: there are none, or those that there are must wait.
    pub(crate) fn end_catch_up(&self) -> bool {
        let mut state = self.state.lock();
        let end = !state.members.iter().any(Member::can_take_history);
        state.catching_up &= !end;
        end
    }

    /// The task that fetches missing messages has ended, whatever is missing.
    pub(crate) fn abandon_catch_up(&self) {
        self.state.lock().catching_up = false;
    }

    /// What to ask of history now. Who has not read what waits already is left out until there is room.
    pub(crate) fn questions(&self) -> Vec<Wanted> {
        let mut wanted: Vec<Wanted> = Vec::new();
        let mut state = self.state.lock();
        for member in &mut state.members {
            if !member.can_take_history() {
                continue;
            }
            let Some(question) = member.cursor.ask() else { continue };
            let asker = (Arc::clone(&member.caller), question);
            let same = |page: &&mut Wanted| {
                page.after == question.after
                    && page.for_whom.first().is_some_and(|(first, _)| first.actor == member.caller.actor)
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
        page.messages.iter().for_each(|arrival| state.note_latest(&arrival.message));
        let mut steps = Vec::new();
        for (caller, question) in &wanted.for_whom {
            if let Some(member) = state.member(caller) {
                let gone = member.cursor.history(*question, fitting(page, caller), &mut steps);
                if let Some(first_seq) = gone {
                    caller.send("OnHistoryTruncated", &Truncated { service_request_id: &self.id, first_seq });
                }
                take(&mut steps, caller);
            }
        }
        state.tidy(self);
        state.sum_up(&mut aftermath);
        aftermath
    }

    /// History could not be asked.
    pub(crate) fn fail(&self, wanted: &Wanted) {
        let mut state = self.state.lock();
        for (caller, question) in &wanted.for_whom {
            if let Some(member) = state.member(caller) {
                member.cursor.history_failed(*question);
            }
        }
    }

    /// History is closed to these users: they are no parties any longer.
    pub(crate) fn expel(&self, wanted: &Wanted) -> Aftermath {
        let mut aftermath = Aftermath::default();
        let mut state = self.state.lock();
        let expelled = |caller: &Arc<Caller>| wanted.for_whom.iter().any(|(asker, _)| asker.actor == caller.actor);
        state.remove(self, ErrorCode::Forbidden, |member| expelled(&member.caller), &mut aftermath);
        state.tell_presence(self);
        state.sum_up(&mut aftermath);
        aftermath
    }

    /// Asks again for what history did not have. Gives the sends whose clients can wait no longer.
    pub(crate) fn nudge(&self, now: Instant) -> (Vec<Arc<PendingSend>>, Aftermath) {
        let mut aftermath = Aftermath::default();
        let mut overdue = Vec::new();
        let mut state = self.state.lock();
        for member in state.members.iter_mut().filter(|member| member.cursor.follows()) {
            member.cursor.heard_of(0);
            overdue.extend(member.cursor.give_up(|pending| pending.deadline <= now));
        }
        state.sum_up(&mut aftermath);
        (overdue, aftermath)
    }
}
