//! Who waits, by conversation and by sender, and whose turn it is.

use std::collections::{HashMap, VecDeque};
use std::hash::{BuildHasherDefault, Hasher};

/// How many empty queues are kept for the next conversations, so that a message that waits for a moment costs no memory.
const SPARE: usize = 64;

/// A queue that has grown beyond this gives its memory back.
const KEEP_CAPACITY: usize = 16;

/// Maps that have grown beyond this give their memory back once they are empty.
const KEEP_PLACES: usize = 1024;

/// What names a conversation or a sender here: a hash of its id. Two that share one merely wait for each other.
pub(crate) type Key = u64;

/// Where a message waits.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Place {
    /// Its conversation.
    pub(crate) conversation: Key,
    /// Its sender: a user, however many connections that has.
    pub(crate) sender: Key,
    /// How large it is.
    pub(crate) bytes: usize,
}

/// Messages that wait: those of a conversation in the order in which they came, the conversations of a sender in theirs, and
/// the senders by turns. Whatever is asked of it costs as much as it gives, however many wait.
#[derive(Debug)]
pub(super) struct Queues<T> {
    conversations: Map<Line<T>>,
    senders: Map<Sender>,
    /// Senders of whom something may be taken, next one first.
    turns: VecDeque<Key>,
    /// How many wait, and how large they are.
    count: usize,
    bytes: usize,
    /// How many may be taken.
    ready: usize,
    spare: Vec<VecDeque<Entry<T>>>,
}

/// A map by keys that are hashes already.
type Map<V> = HashMap<Key, V, BuildHasherDefault<AsItIs>>;

/// Takes a key for its own hash.
#[derive(Debug, Default)]
struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

/// The messages of one conversation.
#[derive(Debug)]
struct Line<T> {
    entries: VecDeque<Entry<T>>,
    /// Whose turn it takes: the sender of the message that was the first when it was last listed. `None` while a batch with
    /// it is under way.
    listed: Option<Key>,
}

#[derive(Debug)]
struct Entry<T> {
    place: Place,
    item: T,
}

/// What one sender has here.
#[derive(Debug, Default)]
struct Sender {
    count: usize,
    bytes: usize,
    /// Conversations that take this sender's turns, next one first, and how many messages they have.
    conversations: VecDeque<Key>,
    ready: usize,
    /// The sender's turns are suspended: a batch of nobody else's is under way.
    resting: bool,
    /// Whether it stands among the turns.
    queued: bool,
}

impl<T> Default for Queues<T> {
    fn default() -> Self {
        Self {
            conversations: Map::default(),
            senders: Map::default(),
            turns: VecDeque::new(),
            count: 0,
            bytes: 0,
            ready: 0,
            spare: Vec::new(),
        }
    }
}

impl<T> Queues<T> {
    /// How many wait.
    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// How large they are, in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// How many could be taken now.
    pub(super) fn ready(&self) -> usize {
        self.ready
    }

    /// How many of a sender wait, and how large they are, in bytes.
    pub(super) fn of(&self, sender: Key) -> (usize, usize) {
        self.senders.get(&sender).map_or((0, 0), |sender| (sender.count, sender.bytes))
    }

    /// Puts a message at the end of its conversation. Whether it could be taken now.
    pub(super) fn push(&mut self, place: Place, item: T) -> bool {
        let Place { conversation, sender, bytes } = place;
        self.count += 1;
        self.bytes += bytes;
        let own = self.senders.entry(sender).or_default();
        own.count += 1;
        own.bytes += bytes;
        let spare = &mut self.spare;
        let mut new = false;
        let line = self.conversations.entry(conversation).or_insert_with(|| {
            new = true;
            Line { entries: spare.pop().unwrap_or_default(), listed: None }
        });
        line.entries.push_back(Entry { place, item });
        if new {
            return self.list(conversation);
        }
        let Some(listed) = line.listed else { return false };
        let Some(owner) = self.senders.get_mut(&listed) else { return false };
        owner.ready += 1;
        self.ready += usize::from(!owner.resting);
        !owner.resting
    }

    /// Whose turn it is.
    pub(super) fn next(&self) -> Option<Key> {
        self.turns.front().copied()
    }

    /// Whether another than this sender could be next.
    pub(super) fn has_others(&self) -> bool {
        self.turns.len() > 1
    }

    /// Takes a turn: the next conversation of whose turn it is. It is not listed any longer, until [`Self::list`].
    pub(super) fn turn(&mut self) -> Option<Key> {
        let sender = self.turns.pop_front()?;
        let own = self.senders.get_mut(&sender)?;
        let conversation = own.conversations.pop_front();
        own.queued = !own.conversations.is_empty();
        if own.queued {
            self.turns.push_back(sender);
        }
        let line = self.conversations.get_mut(&conversation?)?;
        line.listed = None;
        own.ready -= line.entries.len();
        self.ready -= line.entries.len();
        self.let_go(sender);
        conversation
    }

    /// How many wait in a conversation.
    pub(super) fn length(&self, conversation: Key) -> usize {
        self.conversations.get(&conversation).map_or(0, |line| line.entries.len())
    }

    /// Takes the first message of a conversation that is not listed, if it is no larger than this: with its size.
    pub(super) fn pop(&mut self, conversation: Key, room: usize) -> Option<(T, usize)> {
        let line = self.conversations.get_mut(&conversation)?;
        let entry = line.entries.pop_front_if(|entry| entry.place.bytes <= room)?;
        let bytes = entry.place.bytes;
        let item = self.forget(entry);
        Some((item, bytes))
    }

    /// A conversation may be taken from: no batch with it is under way. Whether there is something to take.
    pub(super) fn list(&mut self, conversation: Key) -> bool {
        self.list_at(conversation, false)
    }

    /// Takes a turn back: the conversation is the next again.
    pub(super) fn take_back(&mut self, conversation: Key) {
        self.list_at(conversation, true);
    }

    fn list_at(&mut self, conversation: Key, first: bool) -> bool {
        let Some(line) = self.conversations.get_mut(&conversation) else { return false };
        let Some(head) = line.entries.front() else {
            self.remove(conversation);
            return false;
        };
        let sender = head.place.sender;
        line.listed = Some(sender);
        let own = self.senders.entry(sender).or_default();
        if first {
            own.conversations.push_front(conversation)
        } else {
            own.conversations.push_back(conversation)
        }
        own.ready += line.entries.len();
        if own.resting {
            return false;
        }
        self.ready += line.entries.len();
        if !own.queued {
            own.queued = true;
            if first { self.turns.push_front(sender) } else { self.turns.push_back(sender) }
        } else if first && self.turns.back() == Some(&sender) {
            // It stands where its turn has put it.
            self.turns.rotate_right(1);
        }
        true
    }

    /// Suspends the turns of a sender, or gives them back.
    pub(super) fn rest(&mut self, sender: Key, resting: bool) {
        let own = self.senders.entry(sender).or_default();
        if own.resting == resting {
            return;
        }
        own.resting = resting;
        if resting {
            self.ready -= own.ready;
            if std::mem::take(&mut own.queued) {
                self.turns.retain(|other| *other != sender);
            }
        } else {
            self.ready += own.ready;
            own.queued = !own.conversations.is_empty();
            if own.queued {
                self.turns.push_back(sender);
            }
        }
        self.let_go(sender);
    }

    /// What this finds in the first messages of their conversations.
    pub(super) fn first<F>(&self, find: impl Fn(&T) -> Option<F>) -> Vec<F> {
        self.conversations.values().filter_map(|line| find(&line.entries.front()?.item)).collect()
    }

    /// Takes out the messages of a conversation for which this holds.
    pub(super) fn withdraw(&mut self, conversation: Key, mut which: impl FnMut(&T) -> bool) -> Vec<T> {
        let Some(line) = self.conversations.get_mut(&conversation) else { return Vec::new() };
        let (gone, kept): (VecDeque<_>, _) =
            std::mem::take(&mut line.entries).into_iter().partition(|entry| which(&entry.item));
        line.entries = kept;
        let (listed, left) = (line.listed, line.entries.len());
        if let Some(sender) = listed
            && let Some(owner) = self.senders.get_mut(&sender)
        {
            owner.ready -= gone.len();
            self.ready -= if owner.resting { 0 } else { gone.len() };
            if left == 0 {
                owner.conversations.retain(|other| *other != conversation);
                if owner.conversations.is_empty() && std::mem::take(&mut owner.queued) {
                    self.turns.retain(|other| *other != sender);
                }
                self.remove(conversation);
            }
        }
        let items = gone.into_iter().map(|entry| self.forget(entry)).collect();
        if let Some(sender) = listed {
            self.let_go(sender);
        }
        items
    }

    /// Counts a message no longer.
    fn forget(&mut self, entry: Entry<T>) -> T {
        let Place { sender, bytes, .. } = entry.place;
        self.count -= 1;
        self.bytes -= bytes;
        if let Some(own) = self.senders.get_mut(&sender) {
            own.count -= 1;
            own.bytes -= bytes;
        }
        self.let_go(sender);
        entry.item
    }

    /// Forgets a sender who has nothing here.
    fn let_go(&mut self, sender: Key) {
        let idle = |own: &Sender| own.count == 0 && own.conversations.is_empty() && !own.resting;
        if self.senders.get(&sender).is_some_and(idle) {
            self.senders.remove(&sender);
            if self.senders.is_empty() && self.senders.capacity() > KEEP_PLACES {
                self.senders = Map::default();
                self.turns = VecDeque::new();
            }
        }
    }

    /// Forgets a conversation that has nothing.
    fn remove(&mut self, conversation: Key) {
        if let Some(line) = self.conversations.remove(&conversation)
            && self.spare.len() < SPARE
            && line.entries.capacity() <= KEEP_CAPACITY
        {
            self.spare.push(line.entries);
        }
        if self.conversations.is_empty() && self.conversations.capacity() > KEEP_PLACES {
            self.conversations = Map::default();
        }
    }

    /// Whether nothing at all is remembered.
    #[cfg(test)]
    pub(super) fn is_forgotten(&self) -> bool {
        let counts =
            [self.count, self.bytes, self.ready, self.conversations.len(), self.senders.len(), self.turns.len()];
        counts == [0; 6]
    }
}
