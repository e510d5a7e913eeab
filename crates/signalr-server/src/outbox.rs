//! What waits to be written to one client.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Context;

use crate::frame::Frame;
use futures_util::task::AtomicWaker;
use parking_lot::Mutex;

/// A queue that grew beyond this gives its memory back once it is empty.
const KEEP_CAPACITY: usize = 32;

/// Frames that wait to be written to one client, within a bound: who doesn't read is cut off and holds up nobody.
pub(crate) struct Outbox {
    queue: Mutex<Queue>,
    writer: AtomicWaker,
    /// Whether something was queued since the writer was woken.
    fresh: AtomicBool,
    limit: usize,
}

#[derive(Default)]
struct Queue {
    frames: VecDeque<Frame>,
    bytes: usize,
    ended: bool,
    /// Somebody has more, and waits for room.
    awaited: bool,
}

/// What became of a frame.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pushed {
    /// It waits to be written.
    Queued,
    /// There was no room: the reader is too slow.
    Full,
    /// The last frame was queued before; this one is dropped.
    Ended,
}

/// What a writer finds.
#[derive(Debug, Eq, PartialEq)]
pub(crate) enum Next {
    /// A frame to write.
    Frame(Frame),
    /// Nothing at the moment.
    Nothing,
    /// Nothing, and nothing will follow.
    End,
}

impl Outbox {
    /// A queue for so many bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self { queue: Mutex::default(), writer: AtomicWaker::new(), fresh: AtomicBool::new(false), limit }
    }

    /// Queues a frame. It is written once [`Self::flush`] says so: what comes together is written together.
    pub(crate) fn push(&self, frame: Frame) -> Pushed {
        let mut queue = self.queue.lock();
        if queue.ended {
            return Pushed::Ended;
        }
        if queue.bytes + frame.len() > self.limit {
            return Pushed::Full;
        }
        queue.bytes += frame.len();
        queue.frames.push_back(frame);
        drop(queue);
        self.fresh.store(true, Ordering::Release);
        Pushed::Queued
    }

    /// Has what was queued written.
    pub(crate) fn flush(&self) {
        if self.fresh.swap(false, Ordering::AcqRel) {
            self.writer.wake();
        }
    }

    /// Queues the last frame, if there is one to send. What waits is kept only when there is room for it: who is cut off
    /// for being slow gets the reason next.
    pub(crate) fn end(&self, last: Option<Frame>, keep: bool) {
        let mut queue = self.queue.lock();
        if queue.ended {
            return;
        }
        queue.ended = true;
        if !keep {
            queue.frames.clear();
        }
        queue.frames.extend(last);
        drop(queue);
        self.writer.wake();
    }

    /// Takes the next frame.
    pub(crate) fn pop(&self) -> Next {
        let mut queue = self.queue.lock();
        match queue.frames.pop_front() {
            Some(frame) => {
                queue.bytes = queue.bytes.saturating_sub(frame.len());
                Next::Frame(frame)
            }
            None => {
                if queue.frames.capacity() > KEEP_CAPACITY {
                    queue.frames = VecDeque::new();
                }
                if queue.ended { Next::End } else { Next::Nothing }
            }
        }
    }

    /// How many bytes of history may be queued now; the rest is kept for what happens meanwhile.
    pub(crate) fn room(&self) -> usize {
        self.limit.saturating_sub(self.queue.lock().bytes) / 2
    }

    /// Whether there is room for some history. If not, [`Self::has_room_again`] tells when.
    pub(crate) fn has_room(&self) -> bool {
        let mut queue = self.queue.lock();
        queue.awaited = queue.bytes > self.limit / 4;
        !queue.awaited
    }

    /// Whether there is room that somebody waits for; tells it once.
    pub(crate) fn has_room_again(&self) -> bool {
        let mut queue = self.queue.lock();
        let room = queue.awaited && queue.bytes <= self.limit / 4;
        queue.awaited &= !room;
        room
    }

    /// Whether the last frame was queued.
    pub(crate) fn has_ended(&self) -> bool {
        self.queue.lock().ended
    }

    /// Has the writer of this task look again, after this or after [`Self::wake`].
    pub(crate) fn register(&self, writer: &Context<'_>) {
        self.writer.register(writer.waker());
    }

    /// Has the writer look again.
    pub(crate) fn wake(&self) {
        self.writer.wake();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &'static str) -> Frame {
        Frame::from_static(text)
    }

    #[test]
    fn it_is_bounded_by_bytes() {
        let outbox = Outbox::new(8);
        assert_eq!(outbox.push(frame("1234")), Pushed::Queued);
        assert!(!outbox.has_room());
        assert_eq!(outbox.push(frame("1234")), Pushed::Queued);
        assert_eq!(outbox.push(frame("1")), Pushed::Full);
        assert_eq!(outbox.pop(), Next::Frame(frame("1234")));
        assert!(!outbox.has_room_again());
        assert_eq!(outbox.pop(), Next::Frame(frame("1234")));
        assert!(outbox.has_room_again());
        assert!(!outbox.has_room_again(), "it says so once");
        assert_eq!(outbox.pop(), Next::Nothing);
    }

    #[test]
    fn who_is_cut_off_hears_why_and_nothing_else() {
        let outbox = Outbox::new(8);
        outbox.push(frame("late"));
        outbox.end(Some(frame("why, at any length")), false);
        outbox.end(Some(frame("again")), false);
        assert_eq!(outbox.push(frame("x")), Pushed::Ended);
        assert_eq!(outbox.pop(), Next::Frame(frame("why, at any length")));
        assert_eq!(outbox.pop(), Next::End);
    }

    #[test]
    fn who_is_sent_away_gets_what_waits_first() {
        let outbox = Outbox::new(8);
        outbox.push(frame("mail"));
        outbox.end(None, true);
        assert_eq!(outbox.pop(), Next::Frame(frame("mail")));
        assert_eq!(outbox.pop(), Next::End);
    }
}
