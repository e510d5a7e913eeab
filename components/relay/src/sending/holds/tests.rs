use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;
use crate::Limits;
use crate::sending::waiting::{Flight, Place, Waiting};

const TIME: Duration = Duration::from_secs(5);

fn name(number: u128) -> Option<Uuid> {
    Some(Uuid::from_u128(number))
}

fn limited() -> Refusal {
    ErrorCode::RateLimited.refusal("too many; try again in 3 s")
}

#[test]
fn later_messages_are_refused_until_the_earlier_one_comes_again() {
    let now = Instant::now();
    let mut holds = Holds::default();
    let [first, second] = [1, 2].map(|number| holds.admit(7, name(number), now).unwrap());
    assert!(holds.refused(&first, &limited(), now, TIME));
    assert!(holds.is_behind(&second, now));
    let refusal = holds.admit(7, name(3), now).unwrap_err();
    assert_eq!(refusal.code, ErrorCode::RateLimited);
    assert!(refusal.detail.ends_with("try again in 3 s"), "{refusal}");
    assert!(holds.admit(8, name(4), now).is_ok(), "another conversation");
    assert!(!holds.refused(&second, &limited(), now, TIME), "it was under way");
    for (number, taken) in
        [(3, false), (2, false), (1, true), (3, false), (2, true), (5, false), (3, true), (5, true), (6, true)]
    {
        assert_eq!(holds.admit(7, name(number), now).is_ok(), taken, "{number}");
    }
    assert_eq!(holds.names, 0);
}

#[test]
fn a_client_that_chooses_otherwise_is_kept_for_a_moment_only() {
    let now = Instant::now();
    let mut holds = Holds::default();
    let message = holds.admit(7, name(1), now).unwrap();
    holds.refused(&message, &limited(), now, TIME);
    assert!(holds.admit(7, name(2), now + TIME - Duration::from_millis(1)).is_err());
    assert!(holds.admit(7, name(2), now + TIME).is_ok());
    let message = holds.admit(7, name(3), now).unwrap();
    holds.refused(&message, &limited(), now, TIME);
    holds.joined(7);
    assert!(holds.admit(7, name(4), now).is_ok(), "it has joined again");
    assert_eq!(holds.names, 0);
}

#[test]
fn what_is_refused_for_good_holds_nothing_back() {
    let now = Instant::now();
    let mut holds = Holds::default();
    for code in ErrorCode::ALL {
        let message = holds.admit(7, name(1), now).unwrap();
        let nameless = holds.admit(7, None, now).unwrap();
        assert_eq!(holds.refused(&message, &code.refusal(""), now, TIME), passes(code), "{code}");
        assert!(!holds.refused(&nameless, &code.refusal(""), now, TIME), "{code}");
        holds.joined(7);
        holds.forget(7);
    }
}

#[test]
fn it_remembers_only_so_much() {
    let now = Instant::now();
    let mut holds = Holds::default();
    for number in 0..5_000 {
        if let Ok(message) = holds.admit(number, name(number.into()), now) {
            holds.refused(&message, &limited(), now, TIME);
        }
    }
    assert_eq!((holds.conversations.len(), holds.names), (NAMES + 1, NAMES));
    assert_eq!(holds.admit(9_999, name(1), now).unwrap_err().code, ErrorCode::RateLimited, "the connection rests");
    assert!(holds.admit(9_999, name(1), now + TIME).is_ok());
}

/// A client of one connection, the queue of its messages, and a database that forgets nothing.
struct World {
    holds: Holds,
    waiting: Waiting<Message>,
    flights: Vec<(Vec<Message>, Flight)>,
    /// The client's outbox for each conversation, in its order, and what it has heard of since.
    outbox: [Vec<u128>; 2],
    refused: [VecDeque<u128>; 2],
    stored: [Vec<u128>; 2],
    now: Instant,
}

impl World {
    fn send(&mut self, conversation: usize, number: u128, limited_now: bool) {
        let key = conversation as Key;
        match self.holds.admit(key, name(number), self.now) {
            Err(_) => self.refused[conversation].push_back(number),
            Ok(message) if limited_now => self.refuse(&[message]),
            Ok(message) => {
                let place = Place { conversation: key, sender: 1, bytes: 10 };
                self.waiting.push(place, message, &Limits::default()).unwrap();
            }
        }
    }

    fn refuse(&mut self, messages: &[Message]) {
        for message in messages {
            let mut gone = vec![*message];
            if self.holds.refused(message, &limited(), self.now, TIME) {
                let behind = self.waiting.withdraw(message.conversation, |other| other.rank > message.rank);
                for other in behind {
                    self.holds.refused(&other, &limited(), self.now, TIME);
                    gone.push(other);
                }
            }
            for message in gone {
                let number = message.name.unwrap().as_u128();
                self.refused[usize::try_from(message.conversation).unwrap()].push_back(number);
            }
        }
    }

    fn store(&mut self, message: &Message) {
        let number = message.name.unwrap().as_u128();
        let conversation = usize::try_from(message.conversation).unwrap();
        if !self.stored[conversation].contains(&number) {
            self.stored[conversation].push(number);
        }
    }

    /// A batch is taken apart: each message is stored or not, and of each it is known or not.
    fn take_apart(&mut self, batch: Vec<Message>, mut luck: impl FnMut() -> u8) {
        let mut unknown: Vec<Message> = Vec::new();
        for message in batch {
            let later = unknown.iter().any(|earlier| earlier.conversation == message.conversation);
            if later || self.holds.is_behind(&message, self.now) {
                unknown.push(message);
                continue;
            }
            match luck() % 4 {
                0 => unknown.push(message),
                1 => {
                    self.store(&message);
                    unknown.push(message);
                }
                _ => self.store(&message),
            }
        }
        self.refuse(&unknown);
    }
}

proptest! {
    /// Whatever is refused, in whatever order a client sends again what was refused and sends new messages meanwhile: no later
    /// message of a conversation is stored before an earlier one that still comes.
    #[test]
    fn a_senders_order_holds(steps in prop::collection::vec((0..8u8, any::<u8>(), any::<u8>()), 1..200)) {
        let mut world = World {
            holds: Holds::default(), waiting: Waiting::default(), flights: Vec::new(),
            outbox: Default::default(), refused: Default::default(), stored: Default::default(), now: Instant::now(),
        };
        let mut next = 0;
        for (step, one, other) in steps {
            let conversation = usize::from(one % 2);
            match step {
                0..=2 => {
                    next += 1;
                    world.outbox[conversation].push(next);
                    world.send(conversation, next, step == 0 && other % 4 == 0);
                }
                3 => if let Some(taken) = world.waiting.take(&Limits::default()) {
                    world.flights.push(taken);
                },
                4 | 5 if !world.flights.is_empty() => {
                    let (batch, flight) = world.flights.swap_remove(usize::from(one) % world.flights.len());
                    if step == 4 {
                        for message in &batch {
                            world.store(message);
                        }
                    } else {
                        let mut seed = other;
                        world.take_apart(batch, || { seed = seed.wrapping_mul(37).wrapping_add(11); seed >> 4 });
                    }
                    world.waiting.returned(flight, Duration::ZERO);
                }
                _ if !world.refused[conversation].is_empty() => {
                    let at = usize::from(other) % world.refused[conversation].len();
                    let number = world.refused[conversation].remove(at).unwrap();
                    world.send(conversation, number, step == 6 && other % 5 == 0);
                }
                _ => {}
            }
        }
        // From now on all goes well, and the client sends again what was refused, whatever comes first.
        for _ in 0..2_000 {
            for conversation in 0..2 {
                if let Some(number) = world.refused[conversation].pop_front() {
                    world.send(conversation, number, false);
                }
            }
            if let Some((batch, flight)) = world.flights.pop().or_else(|| world.waiting.take(&Limits::default())) {
                for message in &batch {
                    world.store(message);
                }
                world.waiting.returned(flight, Duration::ZERO);
            }
        }
        prop_assert_eq!(&world.stored, &world.outbox);
    }
}
