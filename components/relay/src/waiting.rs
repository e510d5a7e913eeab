//! Who waits to be sent, and which batch comes next.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use crate::Limits;

/// A crowd has one message for each of these that a batch takes. The longer batches take, the busier is whatever they wait
/// for, and the dearer is one more of them.
const CROWDING: Duration = Duration::from_micros(750);

/// How many batches back their time counts, more or less.
const MEMORY: u32 = 8;

/// What names a conversation here: a hash of its id. Two that share one merely wait for each other.
pub(crate) type Key = u64;

/// Messages in the order in which they came, and the conversations that are under way.
///
/// A batch takes the longest waiting first, and passes by those whose conversation is in another batch: so a
/// conversation's messages keep their order, and nobody waits for a batch that has nothing to do with them.
#[derive(Debug)]
pub(crate) struct Waiting<T> {
    queue: VecDeque<Entry<T>>,
    /// The conversations of all batches that have not returned.
    busy: HashSet<Key>,
    /// Batches that have not returned, but for those that are slow.
    brisk: usize,
    /// How long batches take these days.
    pace: Duration,
}

#[derive(Debug)]
struct Entry<T> {
    key: Key,
    bytes: usize,
    item: T,
}

/// A batch that has been taken. It is given back by [`Waiting::returned`].
#[derive(Debug)]
pub(crate) struct Flight {
    keys: Vec<Key>,
    slow: bool,
}

impl<T> Default for Waiting<T> {
    fn default() -> Self {
        Self { queue: VecDeque::new(), busy: HashSet::new(), brisk: 0, pace: Duration::ZERO }
    }
}

impl<T> Waiting<T> {
    /// Queues a message; whether a lane that is free should take it now.
    ///
    /// # Errors
    /// Gives the message back when too many wait.
    pub(crate) fn push(&mut self, key: Key, bytes: usize, item: T, limits: &Limits) -> Result<bool, T> {
        if self.queue.len() >= limits.waiting {
            return Err(item);
        }
        self.queue.push_back(Entry { key, bytes, item });
        Ok(!self.busy.contains(&key) && self.is_due(limits))
    }

    /// The next batch, if there is one to be sent now.
    pub(crate) fn take(&mut self, limits: &Limits) -> Option<(Vec<T>, Flight)> {
        if !self.is_due(limits) {
            return None;
        }
        let (mut items, mut keys) = (Vec::new(), Vec::new());
        let (mut passed_by, mut room) = (Vec::new(), limits.batch_bytes);
        while items.len() < limits.batch_messages
            && let Some(entry) = self.queue.pop_front()
        {
            if self.busy.contains(&entry.key) {
                passed_by.push(entry);
                continue;
            }
            // A message that is larger than a batch may be is a batch by itself.
            if entry.bytes > room && !items.is_empty() {
                self.queue.push_front(entry);
                break;
            }
            room = room.saturating_sub(entry.bytes);
            if !keys.contains(&entry.key) {
                keys.push(entry.key);
            }
            items.push(entry.item);
        }
        for entry in passed_by.into_iter().rev() {
            self.queue.push_front(entry);
        }
        if self.queue.is_empty() && self.queue.capacity() > limits.batch_messages * 8 {
            self.queue = VecDeque::new();
        }
        if items.is_empty() {
            return None;
        }
        self.busy.extend(&keys);
        self.brisk += 1;
        Some((items, Flight { keys, slow: false }))
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
        self.pace = (self.pace * (MEMORY - 1) + took) / MEMORY;
        for key in &flight.keys {
            self.busy.remove(key);
        }
    }

    /// Takes out those at the front that have waited for too long.
    pub(crate) fn expired(&mut self, is_over: impl Fn(&T) -> bool) -> Vec<T> {
        let count = self.queue.iter().take_while(|entry| is_over(&entry.item)).count();
        self.queue.drain(..count).map(|entry| entry.item).collect()
    }

    /// Whether another batch is worth its cost now. While one is under way, it soon returns and takes along whatever came
    /// meanwhile; only a crowd does not wait for that.
    fn is_due(&self, limits: &Limits) -> bool {
        let least = if self.brisk == 0 { 1 } else { self.crowd(limits) };
        self.queue.len() >= least
    }

    /// How many messages are a crowd now.
    fn crowd(&self, limits: &Limits) -> usize {
        let crowd = self.pace.as_micros() / CROWDING.as_micros();
        usize::try_from(crowd).unwrap_or(usize::MAX).max(*limits.crowd.start()).min(*limits.crowd.end())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn limits() -> Limits {
        Limits { waiting: 1000, batch_messages: 4, batch_bytes: 100, crowd: 1..=1, ..Limits::default() }
    }

    /// Queues messages, each named by its conversation and its number there.
    fn filled(limits: &Limits, messages: &[(Key, u32)]) -> Waiting<(Key, u32)> {
        let mut waiting = Waiting::default();
        for message in messages {
            waiting.push(message.0, 10, *message, limits).unwrap();
        }
        waiting
    }

    #[test]
    fn a_free_lane_takes_what_no_other_batch_is_about() {
        let limits = limits();
        let mut waiting = filled(&limits, &[(1, 1), (2, 1), (1, 2)]);
        let (first, flight) = waiting.take(&limits).unwrap();
        assert_eq!(first, [(1, 1), (2, 1), (1, 2)]);
        assert!(!waiting.push(1, 10, (1, 3), &limits).unwrap(), "its conversation is under way");
        assert!(waiting.take(&limits).is_none());
        assert!(waiting.push(3, 10, (3, 1), &limits).unwrap(), "nobody has to wait for others");
        let (second, other) = waiting.take(&limits).unwrap();
        assert_eq!(second, [(3, 1)]);
        waiting.returned(flight, Duration::ZERO);
        assert_eq!(waiting.take(&limits).unwrap().0, [(1, 3)]);
        waiting.returned(other, Duration::ZERO);
        assert!(waiting.take(&limits).is_none());
    }

    #[test]
    fn who_was_passed_by_keeps_the_place() {
        let limits = limits();
        let mut waiting = filled(&limits, &[(1, 1)]);
        let (_, flight) = waiting.take(&limits).unwrap();
        for message in [(1, 2), (2, 1), (1, 3), (3, 1)] {
            waiting.push(message.0, 10, message, &limits).unwrap();
        }
        assert_eq!(waiting.take(&limits).unwrap().0, [(2, 1), (3, 1)]);
        waiting.push(4, 10, (4, 1), &limits).unwrap();
        waiting.returned(flight, Duration::ZERO);
        assert_eq!(waiting.take(&limits).unwrap().0, [(1, 2), (1, 3), (4, 1)], "who came first goes first");
    }

    #[test]
    fn while_a_batch_is_under_way_only_a_crowd_opens_another_lane() {
        let limits = Limits { crowd: 3..=3, ..limits() };
        let mut waiting = Waiting::default();
        assert!(waiting.push(1, 10, (), &limits).unwrap(), "nothing is under way");
        let (_, mut flight) = waiting.take(&limits).unwrap();
        assert!(!waiting.push(2, 10, (), &limits).unwrap());
        assert!(!waiting.push(3, 10, (), &limits).unwrap());
        assert!(waiting.take(&limits).is_none());
        assert!(waiting.push(4, 10, (), &limits).unwrap(), "a crowd");
        let (crowd, other) = waiting.take(&limits).unwrap();
        assert_eq!(crowd.len(), 3);
        waiting.returned(other, Duration::ZERO);
        waiting.slow(&mut flight);
        assert!(waiting.push(5, 10, (), &limits).unwrap(), "nobody counts on a batch that hangs");
        assert!(waiting.take(&limits).is_some());
        waiting.returned(flight, Duration::ZERO);
        assert!(waiting.take(&limits).is_none());
    }

    #[test]
    fn the_longer_batches_take_the_larger_is_a_crowd() {
        let limits = Limits { crowd: 1..=8, ..limits() };
        let mut waiting = filled(&limits, &[(1, 1)]);
        for (took, crowd) in [(100, 1), (1_400, 1), (1_600, 2), (2_500, 3), (90_000, 8), (1_600, 2)] {
            for _ in 0..100 {
                let (_, flight) = waiting.take(&limits).unwrap();
                waiting.returned(flight, Duration::from_micros(took));
                waiting.push(1, 10, (1, 1), &limits).unwrap();
            }
            assert_eq!(waiting.crowd(&limits), crowd, "{took} µs");
        }
    }

    #[test]
    fn a_batch_has_its_bounds_and_a_giant_goes_alone() {
        let limits = limits();
        let mut waiting = filled(&limits, &[(1, 1), (1, 2), (1, 3), (1, 4), (1, 5)]);
        let (four, flight) = waiting.take(&limits).unwrap();
        assert_eq!(four.len(), 4);
        waiting.returned(flight, Duration::ZERO);
        waiting.push(2, 1000, (2, 1), &limits).unwrap();
        waiting.push(3, 10, (3, 1), &limits).unwrap();
        for alone in [(1, 5), (2, 1), (3, 1)] {
            let (batch, flight) = waiting.take(&limits).unwrap();
            assert_eq!(batch, [alone]);
            waiting.returned(flight, Duration::ZERO);
        }
    }

    #[test]
    fn too_many_are_refused_and_the_overdue_come_out_first() {
        let limits = Limits { waiting: 3, ..limits() };
        let mut waiting = filled(&limits, &[(1, 1), (1, 2), (2, 1)]);
        assert_eq!(waiting.push(2, 10, (2, 2), &limits), Err((2, 2)));
        assert_eq!(waiting.expired(|message| message.0 == 1), [(1, 1), (1, 2)]);
        assert!(waiting.push(2, 10, (2, 2), &limits).is_ok());
    }

    proptest! {
        /// However batches are taken and return: no conversation is in two of them, none is overtaken by itself, and
        /// nobody is forgotten.
        #[test]
        fn conversations_keep_their_order(steps in prop::collection::vec((0..4u8, 0..6u64), 1..300), crowd in 1..5usize) {
            let limits = Limits { crowd: crowd..=crowd, ..limits() };
            let mut waiting = Waiting::default();
            let mut flights: Vec<(Vec<Key>, Flight)> = Vec::new();
            let (mut pushed, mut left) = ([0u32; 6], [0u32; 6]);
            let mut check = |batch: Vec<(Key, u32)>, flights: &[(Vec<Key>, Flight)]| {
                for (key, number) in &batch {
                    let at = usize::try_from(*key).unwrap();
                    assert_eq!(*number, left[at], "in order");
                    left[at] += 1;
                    assert!(flights.iter().all(|(keys, _)| !keys.contains(key)), "in one batch at a time");
                }
                batch.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
            };
            for (step, key) in steps {
                let at = usize::try_from(key).unwrap();
                match step {
                    0 | 1 => {
                        waiting.push(key, 30, (key, pushed[at]), &limits).unwrap();
                        pushed[at] += 1;
                    }
                    2 => if let Some((batch, flight)) = waiting.take(&limits) {
                        flights.push((check(batch, &flights), flight));
                    },
                    _ if !flights.is_empty() => {
                        let (_, flight) = flights.swap_remove(at % flights.len());
                        waiting.returned(flight, Duration::ZERO);
                    }
                    _ => {}
                }
            }
            for (_, flight) in flights.drain(..) {
                waiting.returned(flight, Duration::ZERO);
            }
            while let Some((batch, flight)) = waiting.take(&limits) {
                check(batch, &[]);
                waiting.returned(flight, Duration::ZERO);
            }
            prop_assert_eq!(pushed, left);
        }
    }
}
