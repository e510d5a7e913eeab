//! A cursor against a world that loses, repeats, reorders, purges, restores and evicts.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use chat::cursor::{Arrival, Cursor, Page, Question, Step};
use proptest::prelude::*;
use uuid::Uuid;

/// How many messages one page of history has.
const PAGE: usize = 3;

/// What may happen next. Numbers choose among what there is, modulo how much of it there is.
#[derive(Clone, Debug)]
enum Happening {
    /// Somebody else sends.
    Spoken,
    /// The connection sends; the name may be one that it has used before.
    Sent { name: u8, reaches_the_database: bool },
    /// Something that is on its way arrives, perhaps to arrive again.
    Arrives { which: usize, again: bool },
    /// Something that is on its way is lost. A lost answer fails its send.
    Lost { which: usize },
    /// The sweep tells the last number.
    Swept,
    /// The cursor is asked whether it wants history, and the question is on its way.
    Asked,
    /// The history is purged up to some number.
    Purged { share: usize },
    /// The connection is thrown out.
    Evicted,
    /// The connection joins again, with what it has or from the start.
    Joins { from_the_start: bool },
    /// The database is replaced by an earlier state of itself.
    Restored { share: usize },
    /// A standby goes on without the last messages, and it is noticed.
    Failed { share: usize },
    /// Sends that wait for what is before them are given up.
    GivenUp,
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        6 => Just(Happening::Spoken),
        6 => (any::<u8>(), prop::bool::weighted(0.9))
            .prop_map(|(name, reaches_the_database)| Happening::Sent { name: name % 32, reaches_the_database }),
        14 => (any::<usize>(), prop::bool::weighted(0.2)).prop_map(|(which, again)| Happening::Arrives { which, again }),
        3 => any::<usize>().prop_map(|which| Happening::Lost { which }),
        2 => Just(Happening::Swept),
        5 => Just(Happening::Asked),
        1 => any::<usize>().prop_map(|share| Happening::Purged { share }),
        1 => Just(Happening::Evicted),
        2 => any::<bool>().prop_map(|from_the_start| Happening::Joins { from_the_start }),
        1 => any::<usize>().prop_map(|share| Happening::Restored { share }),
        1 => any::<usize>().prop_map(|share| Happening::Failed { share }),
        1 => Just(Happening::GivenUp),
    ]
}

/// A message: its number, and its sender's name for it when the connection's user has sent it.
type Message = (i64, Option<u8>);

/// What is on its way to the cursor.
#[derive(Clone, Debug)]
enum Mail {
    Event(Message),
    Answer { pending: usize, outcome: Option<Message> },
    Joined { at: i64, page: Page<Message> },
    History { question: Question, page: Page<Message> },
}

/// The database, the network and the client's view, around one cursor.
#[derive(Default)]
struct World {
    log: Vec<Option<u8>>,
    purged_through: i64,
    epoch: u32,
    cursor: Cursor<usize, Message>,
    mail: Vec<Mail>,
    /// The sends with the names of their messages, and how each ended: a number, or `None` for a failure.
    sends: BTreeMap<usize, (u8, Option<Option<i64>>)>,
    next_pending: usize,
    /// The epoch of what the client has, and the last number of it.
    seen: Option<(u32, i64)>,
    /// Up to which number the client was told that what it lacks is gone.
    told: i64,
    /// Whether a join was answered and nothing has ended it.
    inside: bool,
    joining: bool,
}

fn name(name: u8) -> Uuid {
    Uuid::from_u128(u128::from(name))
}

fn arrival(message: Message) -> Arrival<Message> {
    Arrival { seq: message.0, own: message.1.map(name), message }
}

impl World {
    fn last(&self) -> i64 {
        i64::try_from(self.log.len()).expect("a short log")
    }

    fn page(&self, after: i64) -> Page<Message> {
        let numbered = (1..).zip(self.log.iter().copied());
        let messages = numbered.filter(|(seq, _)| *seq > after.max(self.purged_through)).take(PAGE).map(arrival);
        Page { messages: messages.collect(), first: self.purged_through + 1, last: self.last() }
    }

    fn store(&mut self, own: Option<u8>) -> Message {
        self.log.push(own);
        let message = (self.last(), own);
        self.mail.push(Mail::Event(message));
        message
    }

    fn happen(&mut self, happening: Happening) {
        let mut steps = Vec::new();
        match happening {
            Happening::Spoken => {
                self.store(None);
            }
            Happening::Sent { name: given, reaches_the_database } => {
                let pending = self.next_pending;
                self.next_pending += 1;
                self.sends.insert(pending, (given, None));
                self.cursor.send(Some(name(given)), pending);
                let outcome = reaches_the_database.then(|| {
                    let stored = (1..).zip(&self.log).find(|(_, own)| **own == Some(given)).map(|(seq, _)| seq);
                    stored.map_or_else(|| self.store(Some(given)), |seq| (seq, Some(given)))
                });
                self.mail.push(Mail::Answer { pending, outcome });
            }
            Happening::Arrives { which, again } if !self.mail.is_empty() => {
                let which = which % self.mail.len();
                let mail = self.mail[which].clone();
                // Events come any number of times; what answers a question answers it once.
                if !(again && matches!(mail, Mail::Event(_))) {
                    self.mail.remove(which);
                }
                self.receive(mail, &mut steps);
            }
            Happening::Lost { which } if !self.mail.is_empty() => {
                let which = which % self.mail.len();
                match self.mail.remove(which) {
                    Mail::Event(_) => {}
                    Mail::Answer { pending, .. } => self.fail(pending),
                    Mail::Joined { .. } => self.end_join(&mut steps),
                    Mail::History { question, .. } => self.cursor.history_failed(question),
                }
            }
            Happening::Arrives { .. } | Happening::Lost { .. } => {}
            Happening::Swept => self.cursor.heard_of(self.last()),
            Happening::Asked => {
                if let Some(question) = self.cursor.ask() {
                    let page = self.page(question.after);
                    self.mail.push(Mail::History { question, page });
                }
            }
            Happening::Purged { share } => {
                let through = i64::try_from(share % (self.log.len() + 1)).expect("a short log");
                self.purged_through = self.purged_through.max(through);
            }
            Happening::Evicted => self.end_join(&mut steps),
            Happening::Joins { from_the_start } => self.join(from_the_start),
            Happening::Restored { share } => {
                self.log.truncate(share % (self.log.len() + 1));
                self.purged_through = self.purged_through.min(self.last());
                self.epoch += 1;
                // The relay closes the connection; whatever was on its way goes nowhere.
                self.mail.clear();
                self.cursor = Cursor::default();
                self.sends.clear();
                (self.inside, self.joining) = (false, false);
            }
            Happening::Failed { share } => self.fail_over(share % (self.log.len() + 1), &mut steps),
            Happening::GivenUp => {
                for pending in self.cursor.give_up(|_| true) {
                    self.end(pending, None);
                }
            }
        }
        self.take(steps);
    }

    fn receive(&mut self, mail: Mail, steps: &mut Vec<Step<usize, Message>>) {
        match mail {
            Mail::Event(message) => self.cursor.arrived(arrival(message), steps),
            Mail::Answer { pending, outcome: Some(message) } => self.cursor.answered(&pending, arrival(message), steps),
            Mail::Answer { pending, outcome: None } => self.fail(pending),
            Mail::Joined { at, page } => {
                self.seen = Some((self.epoch, at));
                (self.inside, self.joining) = (true, false);
                // The answer to the join tells of what is gone.
                self.told = page.first - 1;
                self.cursor.joined(at, page, steps);
            }
            Mail::History { question, page } => {
                if let Some(first) = self.cursor.history(question, page, steps) {
                    assert!(self.told < first - 1, "told twice that what comes before {first} is gone");
                    self.told = first - 1;
                }
            }
        }
    }

    fn join(&mut self, from_the_start: bool) {
        if self.joining {
            return;
        }
        let has = self.seen.filter(|(epoch, _)| *epoch == self.epoch && !from_the_start).map_or(0, |(_, at)| at);
        self.cursor.begin_join();
        (self.inside, self.joining) = (false, true);
        self.mail.push(Mail::Joined { at: has, page: self.page(has) });
    }

    /// The messages after so many are gone, and so is what tells of them, but for pages of history that are on their way.
    fn fail_over(&mut self, kept: usize, steps: &mut Vec<Step<usize, Message>>) {
        self.log.truncate(kept);
        self.purged_through = self.purged_through.min(self.last());
        let (inside, void) = self.cursor.restart();
        void.into_iter().for_each(|pending| self.end(pending, None));
        if self.joining {
            self.end_join(steps);
        }
        let (mail, last) = (std::mem::take(&mut self.mail), self.last());
        for mail in mail {
            match mail {
                Mail::Event((seq, _)) if seq > last => {}
                Mail::Answer { pending, outcome: Some((seq, _)) } if seq > last => self.fail(pending),
                mail => self.mail.push(mail),
            }
        }
        if inside {
            self.seen = Some((self.epoch, 0));
            self.told = 0;
        } else if self.seen.is_some_and(|(_, at)| at > last) {
            // The answer to the next join says so.
            self.seen = None;
        }
    }

    fn end_join(&mut self, steps: &mut Vec<Step<usize, Message>>) {
        self.cursor.leave(steps);
        self.mail.retain(|mail| !matches!(mail, Mail::Joined { .. }));
        (self.inside, self.joining) = (false, false);
    }

    fn fail(&mut self, pending: usize) {
        if self.cursor.refused(&pending).is_some() {
            self.end(pending, None);
        }
    }

    fn end(&mut self, pending: usize, outcome: Option<i64>) {
        let (_, ended) = self.sends.get_mut(&pending).expect("a send");
        assert_eq!(ended.replace(outcome), None, "a send ends once");
    }

    fn take(&mut self, steps: Vec<Step<usize, Message>>) {
        for step in steps {
            match step {
                Step::Deliver((seq, own)) => {
                    assert!(self.inside, "{seq} was delivered outside");
                    let awaited = self.sends.values().any(|(name, ended)| own == Some(*name) && ended.is_none());
                    assert!(!awaited, "{seq} is the result of a send and no news");
                    self.see(seq);
                    assert_eq!(self.log.get(index(seq)), Some(&own), "another message than the database's");
                }
                Step::Complete(pending, (seq, own)) => {
                    self.end(pending, Some(seq));
                    assert_eq!(self.log.get(index(seq)), Some(&own), "another message than the database's");
                    if self.inside && self.seen.is_some_and(|(_, at)| seq > at) {
                        self.see(seq);
                    }
                }
                Step::Refuse(pending) => {
                    assert!(!self.inside, "who is in waits for it");
                    self.end(pending, None);
                }
            }
        }
    }

    /// The client sees a number for the first time: what is between the last one and this one must be gone.
    fn see(&mut self, seq: i64) {
        let (_, at) = self.seen.expect("joined");
        assert!(seq > at, "{seq} after {at}");
        assert!((at + 1..seq).all(|skipped| skipped <= self.told), "{seq} jumps from {at}, and nobody said why");
        assert!(self.told <= self.purged_through, "what is kept was called gone");
        self.seen = Some((self.epoch, seq));
    }

    /// The network heals: everything arrives, and sweep and history do their work.
    fn settle(&mut self) {
        if !self.inside && !self.joining {
            self.join(false);
        }
        for _ in 0..10_000 {
            if !self.mail.is_empty() {
                self.happen(Happening::Arrives { which: 0, again: false });
            } else if self.cursor.lacks() {
                self.happen(Happening::Asked);
            } else if self.cursor.position() < Some(self.last()) {
                self.happen(Happening::Swept);
            } else {
                return;
            }
        }
        panic!("the cursor never comes to rest");
    }
}

fn index(seq: i64) -> usize {
    usize::try_from(seq - 1).expect("numbers start at 1")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_client_ends_up_with_everything_in_order_and_once(
        happenings in proptest::collection::vec(happening(), 0..120),
    ) {
        let mut world = World::default();
        for happening in happenings {
            world.happen(happening);
        }
        world.settle();
        let last = world.last();
        prop_assert_eq!(world.cursor.position(), Some(last));
        let (epoch, seen) = world.seen.expect("joined");
        prop_assert_eq!(epoch, world.epoch);
        prop_assert!((seen + 1..=last).all(|missed| missed <= world.told), "{} of {}, and nobody said why", seen, last);
        prop_assert!(world.sends.values().all(|(_, ended)| ended.is_some()), "a send was never answered");
    }
}
