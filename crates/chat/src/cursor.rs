//! What one connection has seen of one conversation, and what it gets next.
//!
//! Messages reach a relay by several ways at once: as answers to its own sends, as events of other nodes, as pages of
//! history. Each way may be late, early, twice or never. A [`Cursor`] makes one line of it: message *n* goes out only after
//! *n* − 1, and each goes out once. What is missing it asks of history ([`Cursor::ask`]), whose answers are authoritative:
//! a number that history lacks is gone, and the cursor jumps over it.
//!
//! The result of the connection's own send passes the same cursor, so an acknowledged number never jumps over one that the
//! connection has not seen. And a message that arrives before its send is answered completes that send right there.
//!
//! A cursor does nothing by itself: each input appends its [`Step`]s to a list, for the caller to take in that order.

use std::collections::{BTreeMap, VecDeque};

use uuid::Uuid;

/// How many messages that came too early are kept: they go out at once when the gap before them closes. Beyond that
/// history, which is asked anyway, brings them again.
const HELD_AT_MOST: usize = 64;

/// What one connection has seen of one conversation.
///
/// `T` stands for a send that somebody waits for; `M` is a message and cheap to clone.
#[derive(Debug)]
pub struct Cursor<T, M> {
    state: State,
    /// Sends that have no outcome yet, or one that the cursor has not come to, oldest first.
    sends: VecDeque<Send<T, M>>,
    /// Messages beyond a gap.
    held: BTreeMap<i64, Arrival<M>>,
    /// The highest number that the conversation is known to have.
    last: i64,
    asked: Asked,
    /// Where the connection stood when it left, and what of its own sends it has been told since without a gap.
    left: Option<i64>,
    /// How many times the connection has joined. An answer of history to an earlier time finds another position.
    joins: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Not joined: nothing is delivered, and sends complete when they are answered.
    Outside,
    /// On the way in: the position is not known yet.
    Joining,
    /// Everything up to this number has gone out.
    At(i64),
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Asked {
    Nothing,
    History,
    /// History had nothing new although there should be: somebody else has to speak first.
    InVain,
}

#[derive(Debug)]
struct Send<T, M> {
    /// The sender's own name for the message.
    name: Option<Uuid>,
    pending: T,
    answer: Option<(i64, M)>,
    /// Whether the connection took part, or was about to, when it sent this.
    inside: bool,
}

/// A message that has arrived.
#[derive(Clone, Debug)]
pub struct Arrival<M> {
    /// Its number.
    pub seq: i64,
    /// The sender's own name for it, if the sender is this connection's user.
    pub own: Option<Uuid>,
    /// The message.
    pub message: M,
}

/// What the caller must do.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Step<T, M> {
    /// Deliver the message to the connection.
    Deliver(M),
    /// Answer the connection's own send with the message.
    Complete(T, M),
    /// Tell the connection that it has to send this again to learn its outcome: the message is stored, with a number beyond one
    /// that the connection has joined for and not seen.
    Refuse(T),
}

/// A page of history, ascending.
#[derive(Clone, Debug)]
pub struct Page<M> {
    /// The messages.
    pub messages: Vec<Arrival<M>>,
    /// The first number that is kept; what came before is gone.
    pub first: i64,
    /// The last number of the conversation as the page was read.
    pub last: i64,
}

/// A question to history, to be handed back with its answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Question {
    /// The answer shall begin after this number.
    pub after: i64,
    join: u32,
}

impl<T, M> Default for Cursor<T, M> {
    fn default() -> Self {
        Self {
            state: State::Outside,
            sends: VecDeque::new(),
            held: BTreeMap::new(),
            last: 0,
            asked: Asked::Nothing,
            left: None,
            joins: 0,
        }
    }
}

impl<T: PartialEq, M: Clone> Cursor<T, M> {
    /// Whether the connection takes part, or is about to.
    pub fn follows(&self) -> bool {
        self.state != State::Outside
    }

    /// Whether there is nothing to remember.
    pub fn is_idle(&self) -> bool {
        !self.follows() && self.sends.is_empty()
    }

    /// The last number that has gone out; `None` while the connection is not in.
    pub fn position(&self) -> Option<i64> {
        match self.state {
            State::At(at) => Some(at),
            State::Outside | State::Joining => None,
        }
    }

    /// The connection sends a message of this name.
    pub fn send(&mut self, name: Option<Uuid>, pending: T) {
        let inside = self.follows();
        self.sends.push_back(Send { name, pending, answer: None, inside });
    }

    /// A send of this connection is stored: as this message, by this call or an earlier one.
    pub fn answered(&mut self, pending: &T, arrival: Arrival<M>, steps: &mut Vec<Step<T, M>>) {
        let Some(index) = self.sends.iter().position(|send| send.pending == *pending) else {
            // It completed when its message came by, or was given up: then this is news.
            return self.arrived(arrival, steps);
        };
        match self.state {
            State::Outside => {
                let Some(Send { pending, inside, .. }) = self.sends.remove(index) else { return };
                let seen = !inside || self.left.is_some_and(|left| arrival.seq <= left.saturating_add(1));
                if inside && seen {
                    self.left = self.left.max(Some(arrival.seq));
                }
                steps.push(if seen { Step::Complete(pending, arrival.message) } else { Step::Refuse(pending) });
            }
            State::At(at) if arrival.seq <= at => {
                let pending = self.sends.remove(index).map(|send| send.pending);
                steps.extend(pending.map(|pending| Step::Complete(pending, arrival.message)));
            }
            State::At(_) | State::Joining => {
                if let Some(send) = self.sends.get_mut(index) {
                    send.answer = Some((arrival.seq, arrival.message.clone()));
                }
                self.arrived(arrival, steps);
            }
        }
    }

    /// A send of this connection has failed. Gives its pending back unless it has completed all the same.
    pub fn refused(&mut self, pending: &T) -> Option<T> {
        let index = self.sends.iter().position(|send| send.pending == *pending)?;
        self.sends.remove(index).map(|send| send.pending)
    }

    /// Gives up the stored sends that have waited too long for what comes before them.
    pub fn give_up(&mut self, mut too_long: impl FnMut(&T) -> bool) -> Vec<T> {
        let mut given_up = Vec::new();
        for send in std::mem::take(&mut self.sends) {
            if send.answer.is_some() && too_long(&send.pending) {
                given_up.push(send.pending);
            } else {
                self.sends.push_back(send);
            }
        }
        given_up
    }

    /// The connection is about to join, perhaps again from another number.
    pub fn begin_join(&mut self) {
        self.joins = self.joins.wrapping_add(1);
        self.enter(State::Joining);
        self.last = 0;
    }

    /// The connection has joined: everything up to `at` it has, and the page is what follows. Whether something between
    /// the two is gone the answer to the join says.
    pub fn joined(&mut self, at: i64, page: Page<M>, steps: &mut Vec<Step<T, M>>) {
        self.state = State::At(at);
        self.follow(page, steps);
        self.advance(steps);
    }

    /// The connection leaves, is no longer allowed in, or could not join: nothing is delivered from now on.
    ///
    /// What it has sent is answered as long as that jumps over nothing that it has joined for: who joins again goes on behind
    /// the last number that it knows, and would never see what lies before.
    pub fn leave(&mut self, steps: &mut Vec<Step<T, M>>) {
        self.left = self.position();
        self.enter(State::Outside);
        steps.extend(self.give_up(|_| true).into_iter().map(Step::Refuse));
    }

    /// The conversation has another history: to a connection that is in, everything goes out again from its beginning.
    /// Whether it is in, and the sends that were stored in the former history: nobody knows whether this one has them.
    pub fn restart(&mut self) -> (bool, Vec<T>) {
        let inside = self.position().is_some();
        if inside {
            // An answer of history that is on its way is of the former one.
            self.joins = self.joins.wrapping_add(1);
        }
        self.enter(if inside { State::At(0) } else { self.state });
        self.last = 0;
        (inside, self.give_up(|_| true))
    }

    /// A message has arrived, by whatever way.
    pub fn arrived(&mut self, arrival: Arrival<M>, steps: &mut Vec<Step<T, M>>) {
        match self.state {
            State::Outside => {}
            State::At(at) if arrival.seq == at + 1 => {
                self.pass(arrival, steps);
                self.advance(steps);
            }
            State::At(at) if arrival.seq <= at => {}
            State::At(_) | State::Joining => {
                self.heard_of(arrival.seq);
                if self.held.len() < HELD_AT_MOST {
                    self.held.insert(arrival.seq, arrival);
                }
            }
        }
    }

    /// The conversation is known to have messages up to this number.
    pub fn heard_of(&mut self, last: i64) {
        self.last = self.last.max(last);
        if self.asked == Asked::InVain {
            self.asked = Asked::Nothing;
        }
    }

    /// Whether messages are missing that history has not been asked for.
    pub fn lacks(&self) -> bool {
        matches!(self.state, State::At(at) if at < self.last) && self.asked == Asked::Nothing
    }

    /// The question to ask of history now, if messages are missing and none is under way.
    pub fn ask(&mut self) -> Option<Question> {
        if !self.lacks() {
            return None;
        }
        self.asked = Asked::History;
        self.position().map(|after| Question { after, join: self.joins })
    }

    /// History has answered. Gives the first number that is kept if the connection lacks some before it: they are gone, and
    /// it is to be told so ahead of the steps.
    #[must_use]
    pub fn history(&mut self, question: Question, page: Page<M>, steps: &mut Vec<Step<T, M>>) -> Option<i64> {
        if question.join != self.joins || !self.follows() {
            return None;
        }
        let first = page.first;
        let gone = self.position().is_some_and(|at| at.saturating_add(1) < first);
        self.follow(page, steps);
        self.advance(steps);
        let progress = self.position().is_some_and(|at| at > question.after);
        self.asked = if progress { Asked::Nothing } else { Asked::InVain };
        gone.then_some(first)
    }

    /// History could not be asked. The next word of the conversation asks again.
    pub fn history_failed(&mut self, question: Question) {
        if question.join == self.joins && self.asked == Asked::History {
            self.asked = Asked::InVain;
        }
    }

    /// A new beginning, from which nothing held or asked before counts.
    fn enter(&mut self, state: State) {
        self.state = state;
        self.held = BTreeMap::new();
        self.asked = Asked::Nothing;
    }

    /// Takes a page that begins at this position, or earlier.
    fn follow(&mut self, page: Page<M>, steps: &mut Vec<Step<T, M>>) {
        self.jump(page.first.saturating_sub(1));
        self.last = self.last.max(page.last);
        for arrival in page.messages {
            if self.position().is_some_and(|at| at < arrival.seq) {
                self.pass(arrival, steps);
            }
        }
    }

    /// Moves past numbers that are gone.
    fn jump(&mut self, to: i64) {
        if let State::At(at) = &mut self.state {
            *at = to.max(*at);
        }
    }

    /// Lets one message out, to whoever waits for it or else to the connection.
    fn pass(&mut self, arrival: Arrival<M>, steps: &mut Vec<Step<T, M>>) {
        let Arrival { seq, own, message } = arrival;
        self.jump(seq);
        self.last = self.last.max(seq);
        let before = steps.len();
        if own.is_some() {
            self.complete(|send| (send.name == own).then(|| message.clone()), steps);
        }
        if steps.len() == before {
            steps.push(Step::Deliver(message));
        }
    }

    /// Lets out what was held and comes next, and completes the sends that the cursor has passed.
    fn advance(&mut self, steps: &mut Vec<Step<T, M>>) {
        let State::At(mut at) = self.state else { return };
        while let Some(entry) = self.held.first_entry() {
            if *entry.key() > at + 1 {
                break;
            }
            let arrival = entry.remove();
            if arrival.seq > at {
                at = arrival.seq;
                self.pass(arrival, steps);
            }
        }
        // An answer of before the position: the message had gone out earlier, or is gone.
        if self.sends.iter().any(|send| matches!(send.answer, Some((seq, _)) if seq <= at)) {
            self.complete(|send| send.answer.take_if(|(seq, _)| *seq <= at).map(|(_, message)| message), steps);
        }
    }

    fn complete(&mut self, mut with: impl FnMut(&mut Send<T, M>) -> Option<M>, steps: &mut Vec<Step<T, M>>) {
        let mut index = 0;
        while let Some(send) = self.sends.get_mut(index) {
            match with(send) {
                None => index += 1,
                Some(message) => {
                    let pending = self.sends.remove(index).map(|send| send.pending);
                    steps.extend(pending.map(|pending| Step::Complete(pending, message)));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
