//! What keeps a sender's order when one of its messages was refused for now.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use chat::{ErrorCode, Refusal};
use tokio::time::Instant;
use uuid::Uuid;

use super::waiting::Key;

/// How many refused messages of one connection are remembered by name. Beyond that the connection sends nothing for a while.
const NAMES: usize = 1024;

/// The order of one connection's messages.
///
/// A message that was refused for now is sent again, and others that come after it may be under way meanwhile. None of them is
/// taken before it: they are refused likewise, until all of them come again in their order, or until the client could long
/// know of the refusal and has chosen otherwise.
#[derive(Debug, Default)]
pub(crate) struct Holds {
    /// How many messages this connection has sent.
    sent: u64,
    conversations: HashMap<Key, Hold>,
    /// How many names there are in all of them.
    names: usize,
    /// Everything is refused, and until when: there was too much to remember.
    all: Option<(Refusal, Instant)>,
}

/// The messages of one conversation that were refused and may come again.
#[derive(Debug)]
struct Hold {
    /// Their names by their ranks.
    awaited: BTreeMap<u64, Uuid>,
    /// Why others are refused.
    refusal: Refusal,
    until: Instant,
}

/// A message as its connection knows it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Message {
    /// Its conversation.
    pub(crate) conversation: Key,
    /// Its sender's own name for it, when it is one.
    pub(crate) name: Option<Uuid>,
    /// Its place among the messages of its connection when it came first, as far as that is known.
    pub(crate) rank: u64,
}

impl Holds {
    /// A message is sent.
    ///
    /// # Errors
    /// Gives the refusal of an earlier message that has to come before it.
    pub(crate) fn admit(&mut self, conversation: Key, name: Option<Uuid>, now: Instant) -> Result<Message, Refusal> {
        self.sent += 1;
        let message = Message { conversation, name, rank: self.sent };
        if let Some((refusal, until)) = &self.all {
            if now < *until {
                return Err(refusal.clone());
            }
            self.all = None;
        }
        if self.conversations.is_empty() {
            return Ok(message);
        }
        let Some(hold) = self.conversations.get_mut(&conversation) else { return Ok(message) };
        if hold.until <= now {
            self.forget(conversation);
            return Ok(message);
        }
        let Some(first) = hold.awaited.first_entry() else { return Ok(message) };
        if Some(*first.get()) == name {
            let rank = *first.key();
            first.remove();
            self.names -= 1;
            return Ok(Message { rank, ..message });
        }
        let refusal = hold.refusal.clone();
        self.await_again(&message, &refusal, now);
        Err(refusal)
    }

    /// A message was refused. Whether it is the earliest of those that may come again: then what waits behind it must be
    /// refused as well. It is waited for as long as `time`.
    pub(crate) fn refused(&mut self, message: &Message, refusal: &Refusal, now: Instant, time: Duration) -> bool {
        if !passes(refusal.code) || message.name.is_none() {
            return false;
        }
        if self.conversations.get(&message.conversation).is_some_and(|hold| hold.until <= now) {
            self.forget(message.conversation);
        }
        let hold = self.conversations.entry(message.conversation).or_insert_with(|| Hold {
            awaited: BTreeMap::new(),
            refusal: behind(refusal),
            until: now + time,
        });
        let earliest = hold.awaited.first_key_value().is_none_or(|(rank, _)| message.rank < *rank);
        if earliest {
            hold.refusal = behind(refusal);
            hold.until = now + time;
        }
        self.await_again(message, refusal, now);
        earliest
    }

    /// A message that was refused is stored after all.
    pub(crate) fn stored(&mut self, message: &Message) {
        if let Some(hold) = self.conversations.get_mut(&message.conversation)
            && hold.awaited.remove(&message.rank).is_some()
        {
            self.names -= 1;
        }
    }

    /// Whether a message that is under way is behind one that was refused.
    pub(crate) fn is_behind(&self, message: &Message, now: Instant) -> bool {
        self.conversations.get(&message.conversation).is_some_and(|hold| {
            now < hold.until && hold.awaited.first_key_value().is_some_and(|(rank, _)| *rank < message.rank)
        })
    }

    /// The client joins the conversation again: what it sends from now on it sends in the order that it wants.
    pub(crate) fn joined(&mut self, conversation: Key) {
        if let Some(hold) = self.conversations.get_mut(&conversation) {
            self.names -= hold.awaited.len();
            hold.awaited.clear();
        }
    }

    fn await_again(&mut self, message: &Message, refusal: &Refusal, now: Instant) {
        if self.names >= NAMES {
            self.conversations.retain(|_, hold| now < hold.until);
            self.names = self.conversations.values().map(|hold| hold.awaited.len()).sum();
        }
        let full = self.names >= NAMES;
        let Some(hold) = self.conversations.get_mut(&message.conversation) else { return };
        let Some(name) = message.name.filter(|name| hold.awaited.values().all(|awaited| awaited != name)) else {
            return;
        };
        if full {
            self.all = Some((refusal.clone(), hold.until));
        } else {
            hold.awaited.insert(message.rank, name);
            self.names += 1;
        }
    }

    fn forget(&mut self, conversation: Key) {
        if let Some(hold) = self.conversations.remove(&conversation) {
            self.names -= hold.awaited.len();
        }
    }
}

/// Whether what is refused so may be taken another time.
fn passes(code: ErrorCode) -> bool {
    matches!(code, ErrorCode::RateLimited | ErrorCode::Unavailable | ErrorCode::Unauthenticated)
}

/// The refusal of what comes after a message that was refused so.
fn behind(refusal: &Refusal) -> Refusal {
    let detail = format!("an earlier message must be sent again first, which was refused: {}", refusal.detail);
    Refusal { detail, ..refusal.clone() }
}

#[cfg(test)]
mod tests;
