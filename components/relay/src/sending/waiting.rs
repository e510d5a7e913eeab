//! Who waits to be sent, and which batch comes next.

mod queues;

use std::time::Duration;

use queues::Queues;
pub(crate) use queues::{Key, Place};

use crate::Limits;

/// One more message makes a crowd for each such time that batches take. The longer they take, the busier is whatever they wait
/// for, and the dearer is one more of them.
const CROWDING: Duration = Duration::from_micros(750);

/// How many batches back their time counts, more or less.
const MEMORY: u32 = 8;

/// How many messages of one conversation a batch takes before those of other senders have had their turn.
const TURN: usize = 4;

/// Messages that wait, and the conversations that are under way.
///
/// A conversation's messages keep their order: it is in one batch at a time. Senders take turns, so that nobody waits for
/// what another one has in store. Who has more than a few messages when all others have had theirs gets a batch alone, one at
/// a time, and no other batch waits for it to return.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    queues: Queues<T>,
    /// Batches that have not returned, but for those that are slow.
    brisk: usize,
    /// How long batches take these days.
    pace: Duration,
}

/// A batch that has been taken. It is given back by [`Waiting::returned`].
#[derive(Debug)]
pub(crate) struct Flight {
    conversations: Vec<Key>,
    /// The sender to whom it belongs alone.
    alone: Option<Key>,
    slow: bool,
}

/// Whose places are taken.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Crowded {
    /// All of them.
    Everybody,
    /// The sender's own.
    Sender,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { queues: Queues::default(), brisk: 0, pace: Duration::ZERO }
    }
}

impl<T> Waiting<T> {
    /// Queues a message; whether a lane that is free should take it now.
    ///
    /// # Errors
    /// Gives the message back when too many wait.
    pub(crate) fn push(&mut self, place: Place, item: T, limits: &Limits) -> Result<bool, (T, Crowded)> {
        let (count, bytes) = self.queues.of(place.sender);
        // A sender of whom nothing waits is not turned away because others have filled the queue: there are as many places
        // again.
        let share = if count == 0 { 2 } else { 1 };
        // A message that is larger than all places together still finds one when nothing else waits.
        if count >= limits.waiting_of_user || (count > 0 && bytes + place.bytes > limits.waiting_bytes_of_user) {
            return Err((item, Crowded::Sender));
        }
        let (count, bytes) = (self.queues.count(), self.queues.bytes());
        if count >= limits.waiting.saturating_mul(share)
            || (count > 0 && bytes + place.bytes > limits.waiting_bytes.saturating_mul(share))
        {
            return Err((item, Crowded::Everybody));
        }
        Ok(self.queues.push(place, item) && self.is_due(limits))
    }

    /// The next batch, if there is one to be sent now.
    pub(crate) fn take(&mut self, limits: &Limits) -> Option<(Vec<T>, Flight)> {
        if !self.is_due(limits) {
            return None;
        }
        let mut batch = Batch { items: Vec::new(), room: limits.batch_bytes, places: limits.batch_messages };
        let (mut conversations, mut senders) = (Vec::new(), Vec::new());
        while batch.places > 0
            && let Some(sender) = self.queues.next()
        {
            let again = senders.contains(&sender);
            if again && senders.len() > 1 && !self.queues.has_others() {
                // All others have had their turn, and go; the rest of this one waits for a batch alone.
                break;
            }
            let Some(conversation) = self.queues.turn() else { break };
            let before = batch.items.len();
            while batch.items.len() - before < TURN && batch.take(&mut self.queues, conversation) {}
            if batch.items.len() == before {
                // It had no room for this one, which stays the next of its sender.
                self.queues.take_back(conversation);
                break;
            }
            conversations.push(conversation);
            if !again {
                senders.push(sender);
            }
        }
        self.fill(&mut batch, &conversations, senders.len() > 1);
        if batch.items.is_empty() {
            return None;
        }
        let alone = senders.first().copied().filter(|_| senders.len() == 1 && batch.items.len() > TURN);
        if let Some(sender) = alone {
            self.queues.rest(sender, true);
        } else {
            self.brisk += 1;
        }
        Some((batch.items, Flight { conversations, alone, slow: alone.is_some() }))
    }

    /// Fills the rest of a batch from the conversations that are in it, by turns. One that alone has more is left to a batch
    /// of its own when there are others' messages in this one.
    fn fill(&mut self, batch: &mut Batch<T>, conversations: &[Key], others: bool) {
        let mut left: Vec<Key> = conversations.to_vec();
        loop {
            left.retain(|conversation| self.queues.length(*conversation) > 0);
            if left.is_empty() || (left.len() == 1 && others) {
                return;
            }
            for conversation in &left {
                let before = batch.items.len();
                while batch.items.len() - before < TURN && batch.take(&mut self.queues, *conversation) {}
                if batch.items.len() == before {
                    return;
                }
            }
        }
    }

    /// A batch takes long: the others do as if it were not there, its conversations aside.
    pub(crate) fn slow(&mut self, flight: &mut Flight) {
        if !flight.slow {
            flight.slow = true;
            self.brisk -= 1;
        }
    }

    /// A batch has returned, after so long.
    pub(crate) fn returned(&mut self, mut flight: Flight, took: Duration) {
        self.slow(&mut flight);
        match flight.alone {
            Some(sender) => self.queues.rest(sender, false),
            None => self.pace = (self.pace * (MEMORY - 1) + took) / MEMORY,
        }
        for conversation in &flight.conversations {
            self.queues.list(*conversation);
        }
    }

    /// Parts a conversation from its batch, which is given back without it.
    pub(crate) fn part(flight: &mut Flight, conversation: Key) -> Flight {
        flight.conversations.retain(|known| *known != conversation);
        Flight { conversations: vec![conversation], alone: None, slow: true }
    }

    /// What was parted from its batch has ended. How long that took says nothing of how long batches take.
    pub(crate) fn ended(&mut self, flight: &Flight) {
        for conversation in &flight.conversations {
            self.queues.list(*conversation);
        }
    }

    /// Takes out the messages of a conversation for which this holds.
    pub(crate) fn withdraw(&mut self, conversation: Key, which: impl FnMut(&T) -> bool) -> Vec<T> {
        self.queues.withdraw(conversation, which)
    }

    /// What this finds in the first messages of their conversations.
    pub(crate) fn first<F>(&self, find: impl Fn(&T) -> Option<F>) -> Vec<F> {
        self.queues.first(find)
    }

    /// Whether another batch is worth its cost now. While one is under way, it soon returns and takes along whatever came
    /// meanwhile; only a crowd does not wait for that.
    pub(crate) fn is_due(&self, limits: &Limits) -> bool {
        let least = if self.brisk == 0 { 1 } else { self.crowd(limits) };
        self.queues.ready() >= least
    }

    /// How many messages are a crowd now.
    fn crowd(&self, limits: &Limits) -> usize {
        let crowd = self.pace.as_micros() / CROWDING.as_micros();
        usize::try_from(crowd).unwrap_or(usize::MAX).max(*limits.crowd.start()).min(*limits.crowd.end())
    }
}

/// A batch while it is filled.
struct Batch<T> {
    items: Vec<T>,
    /// How many more bytes and messages it takes.
    room: usize,
    places: usize,
}

impl<T> Batch<T> {
    /// Takes the next message of a conversation along. Whether there was one, and room for it.
    fn take(&mut self, queues: &mut Queues<T>, conversation: Key) -> bool {
        // A message that is larger than a batch may be is a batch by itself.
        let room = if self.items.is_empty() { usize::MAX } else { self.room };
        if self.places == 0 {
            return false;
        }
        let Some((item, bytes)) = queues.pop(conversation, room) else { return false };
        self.room = self.room.saturating_sub(bytes);
        self.places -= 1;
        self.items.push(item);
        true
    }
}

#[cfg(test)]
mod tests;
