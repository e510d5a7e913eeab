use std::collections::HashMap;

use proptest::prelude::*;

use super::*;

fn limits() -> Limits {
    Limits { waiting: 1000, batch_messages: 4, batch_bytes: 100, crowd: 1..=1, ..Limits::default() }
}

fn place(conversation: Key, sender: Key) -> Place {
    Place { conversation, sender, bytes: 10 }
}

/// Queues messages, each named by its conversation, which has a sender of its own, and its number there.
fn filled(limits: &Limits, messages: &[(Key, u32)]) -> Waiting<(Key, u32)> {
    let mut waiting = Waiting::default();
    for message in messages {
        waiting.push(place(message.0, message.0), *message, limits).unwrap();
    }
    waiting
}

#[test]
fn a_free_lane_takes_what_no_other_batch_is_about() {
    let limits = limits();
    let mut waiting = filled(&limits, &[(1, 1), (2, 1), (1, 2)]);
    let (first, flight) = waiting.take(&limits).unwrap();
    assert_eq!(first, [(1, 1), (1, 2), (2, 1)]);
    assert!(!waiting.push(place(1, 1), (1, 3), &limits).unwrap(), "its conversation is under way");
    assert!(waiting.take(&limits).is_none());
    assert!(waiting.push(place(3, 3), (3, 1), &limits).unwrap(), "nobody has to wait for others");
    let (second, other) = waiting.take(&limits).unwrap();
    assert_eq!(second, [(3, 1)]);
    waiting.returned(flight, Duration::ZERO);
    assert_eq!(waiting.take(&limits).unwrap().0, [(1, 3)]);
    waiting.returned(other, Duration::ZERO);
    assert!(waiting.take(&limits).is_none());
}

#[test]
fn what_is_parted_from_a_batch_stays_under_way_when_that_has_returned() {
    let limits = limits();
    let mut waiting = filled(&limits, &[(1, 1), (2, 1)]);
    let (_, mut flight) = waiting.take(&limits).unwrap();
    let parted = Waiting::<(Key, u32)>::part(&mut flight, 1);
    waiting.returned(flight, Duration::ZERO);
    assert!(!waiting.push(place(1, 1), (1, 2), &limits).unwrap(), "it waits behind what was parted");
    assert!(waiting.push(place(2, 2), (2, 2), &limits).unwrap(), "nobody counts on that one");
    let (batch, flight) = waiting.take(&limits).unwrap();
    assert_eq!(batch, [(2, 2)]);
    waiting.returned(flight, Duration::ZERO);
    waiting.ended(&parted);
    assert_eq!(waiting.take(&limits).unwrap().0, [(1, 2)]);
    assert_eq!(waiting.pace, Duration::ZERO, "how long it took is no measure");
}

#[test]
fn who_had_a_turn_comes_after_those_who_had_none() {
    let limits = limits();
    let mut waiting = filled(&limits, &[(1, 1)]);
    let (_, flight) = waiting.take(&limits).unwrap();
    for message in [(1, 2), (2, 1), (1, 3), (3, 1)] {
        waiting.push(place(message.0, message.0), message, &limits).unwrap();
    }
    assert_eq!(waiting.take(&limits).unwrap().0, [(2, 1), (3, 1)]);
    waiting.push(place(4, 4), (4, 1), &limits).unwrap();
    waiting.returned(flight, Duration::ZERO);
    assert_eq!(waiting.take(&limits).unwrap().0, [(4, 1), (1, 2), (1, 3)]);
}

#[test]
fn while_a_batch_is_under_way_only_a_crowd_opens_another_lane() {
    let limits = Limits { crowd: 3..=3, ..limits() };
    let mut waiting = Waiting::default();
    assert!(waiting.push(place(1, 1), (), &limits).unwrap(), "nothing is under way");
    let (_, mut flight) = waiting.take(&limits).unwrap();
    assert!(!waiting.push(place(2, 2), (), &limits).unwrap());
    assert!(!waiting.push(place(3, 3), (), &limits).unwrap());
    assert!(!waiting.push(place(1, 1), (), &limits).unwrap(), "nobody could take this one");
    assert!(waiting.take(&limits).is_none());
    assert!(waiting.push(place(4, 4), (), &limits).unwrap(), "a crowd");
    let (crowd, other) = waiting.take(&limits).unwrap();
    assert_eq!(crowd.len(), 3);
    waiting.returned(other, Duration::ZERO);
    waiting.slow(&mut flight);
    assert!(waiting.push(place(5, 5), (), &limits).unwrap(), "nobody counts on a batch that hangs");
    let (_, other) = waiting.take(&limits).unwrap();
    waiting.returned(other, Duration::ZERO);
    waiting.returned(flight, Duration::ZERO);
    assert!(waiting.take(&limits).is_some(), "what waited for it");
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
            waiting.push(place(1, 1), (1, 1), &limits).unwrap();
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
    waiting.push(Place { bytes: 1000, ..place(2, 2) }, (2, 1), &limits).unwrap();
    waiting.push(place(3, 3), (3, 1), &limits).unwrap();
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
    assert_eq!(waiting.push(place(2, 2), (2, 2), &limits), Err(((2, 2), Crowded::Everybody)));
    assert_eq!(waiting.first(|message| (message.0 == 1).then_some(message.1)), [1]);
    assert_eq!(waiting.withdraw(1, |_| true), [(1, 1), (1, 2)]);
    assert!(waiting.push(place(2, 2), (2, 2), &limits).is_ok());
    assert_eq!(waiting.take(&limits).unwrap().0, [(2, 1), (2, 2)]);
}

#[test]
fn when_all_places_are_taken_there_is_one_for_everybody_of_whom_nothing_waits_up_to_as_many_again() {
    let limits = Limits { waiting: 3, ..limits() };
    let mut waiting = Waiting::default();
    for sender in 1..=6 {
        waiting.push(place(1, sender), (1, 1), &limits).unwrap();
    }
    assert_eq!(waiting.push(place(2, 6), (2, 1), &limits), Err(((2, 1), Crowded::Everybody)));
    assert_eq!(waiting.push(place(2, 7), (2, 1), &limits), Err(((2, 1), Crowded::Everybody)));
}

#[test]
fn a_user_takes_only_so_many_places() {
    let limits = Limits { waiting_of_user: 3, waiting_bytes_of_user: 100, waiting_bytes: 150, ..limits() };
    let mut waiting = Waiting::default();
    for number in 0..3 {
        waiting.push(place(number, 7), number, &limits).unwrap();
    }
    assert_eq!(waiting.push(place(3, 7), 3, &limits), Err((3, Crowded::Sender)));
    let large = Place { bytes: 95, ..place(4, 8) };
    waiting.push(large, 4, &limits).unwrap();
    assert_eq!(waiting.push(place(4, 8), 5, &limits), Err((5, Crowded::Sender)), "counted in bytes too");
    let (taken, _flight) = waiting.take(&limits).unwrap();
    assert_eq!(taken[0], 0);
    assert!(waiting.push(place(3, 7), 3, &limits).is_ok(), "places are given back");
    let last = Place { bytes: 60, ..place(5, 9) };
    waiting.push(last, 6, &limits).expect("of whom nothing waits finds a place all the same");
    assert_eq!(waiting.push(Place { bytes: 30, ..last }, 7, &limits), Err((7, Crowded::Everybody)));
}

#[test]
fn whoever_has_a_crowd_of_messages_gets_a_batch_alone_and_one_at_a_time() {
    let limits = Limits { batch_messages: 64, batch_bytes: 10_000, crowd: 3..=3, ..limits() };
    let mut waiting = Waiting::default();
    for number in 0..400 {
        waiting.push(place(100 + number % 2, 7), (7, number), &limits).unwrap();
    }
    for other in 1..=3 {
        waiting.push(place(other, other), (other, 1), &limits).unwrap();
    }
    let (shared, flight) = waiting.take(&limits).unwrap();
    assert_eq!(shared.iter().filter(|(sender, _)| *sender == 7).count(), TURN);
    assert_eq!(shared.len(), TURN + 3);
    waiting.returned(flight, Duration::ZERO);
    let (alone, flight) = waiting.take(&limits).unwrap();
    assert_eq!(alone.len(), 64);
    waiting.push(place(102, 7), (7, 401), &limits).unwrap();
    assert!(waiting.take(&limits).is_none(), "it has the next one when this has returned");
    assert!(waiting.push(place(1, 1), (1, 2), &limits).unwrap(), "others do not wait for it");
    assert_eq!(waiting.take(&limits).unwrap().0, [(1, 2)]);
    waiting.returned(flight, Duration::ZERO);
    assert!(waiting.is_due(&Limits { crowd: 1..=1, ..limits }));
}

#[test]
fn what_is_withdrawn_leaves_the_others_in_their_order() {
    let limits = limits();
    let mut waiting = filled(&limits, &[(1, 1), (1, 2), (1, 3), (2, 1)]);
    assert_eq!(waiting.withdraw(1, |message| message.1 > 1), [(1, 2), (1, 3)]);
    assert_eq!(waiting.withdraw(2, |_| true), [(2, 1)]);
    assert_eq!(waiting.withdraw(3, |_| true), []);
    let (batch, flight) = waiting.take(&limits).unwrap();
    assert_eq!(batch, [(1, 1)]);
    waiting.push(place(1, 1), (1, 4), &limits).unwrap();
    assert_eq!(waiting.withdraw(1, |_| true), [(1, 4)], "beside a batch that is under way");
    waiting.returned(flight, Duration::ZERO);
    assert!(waiting.take(&limits).is_none());
}

#[test]
fn the_next_batch_costs_what_it_takes_however_many_wait() {
    let limits = Limits {
        waiting: usize::MAX,
        waiting_of_user: usize::MAX,
        waiting_bytes: usize::MAX,
        waiting_bytes_of_user: usize::MAX,
        batch_messages: 64,
        ..Limits::default()
    };
    // The same 200 batches of one message, beside a conversation with so many that is under way.
    let time = |crowd: u32| {
        let mut waiting = Waiting::default();
        waiting.push(place(0, 0), 0, &limits).unwrap();
        let (_, mut hanging) = waiting.take(&limits).unwrap();
        waiting.slow(&mut hanging);
        for number in 0..crowd {
            waiting.push(place(0, 0), number, &limits).unwrap();
        }
        let began = std::time::Instant::now();
        for round in 1..=200 {
            waiting.push(place(round, round), 1, &limits).unwrap();
            let (batch, flight) = waiting.take(&limits).unwrap();
            assert_eq!(batch.len(), 1);
            waiting.returned(flight, Duration::ZERO);
        }
        began.elapsed()
    };
    // The quickest of several: others may use the processor too.
    let quickest = |crowd| (0..9).map(|_| time(crowd)).min().unwrap();
    let (few, many) = (quickest(1), quickest(65_536));
    assert!(many < few * 10, "{few:?} beside one, {many:?} beside 65,536");
}

proptest! {
    /// However batches are taken and return, and messages are withdrawn: no conversation is in two of
    /// them, none is overtaken by itself, nobody is forgotten, and what is counted is what is there.
    #[test]
    fn conversations_keep_their_order(
        steps in prop::collection::vec((0..6u8, 0..6u64, 0..3u64, 1..60usize), 1..300),
        crowd in 1..5usize,
        places in 2..20usize,
    ) {
        let limits = Limits { crowd: crowd..=crowd, batch_messages: places, ..limits() };
        let mut waiting: Waiting<(Key, u32)> = Waiting::default();
        let mut flights: Vec<(Vec<Key>, Flight)> = Vec::new();
        let mut pushed = [0u32; 6];
        let mut left: HashMap<Key, Vec<u32>> = HashMap::new();
        let (mut count, mut bytes) = (0, HashMap::new());
        let check = |batch: Vec<(Key, u32)>, flights: &[(Vec<Key>, Flight)], left: &mut HashMap<Key, Vec<u32>>| {
            for (key, number) in &batch {
                let before = left.entry(*key).or_default();
                assert!(before.last().is_none_or(|last| last < number), "in order");
                assert!(flights.iter().all(|(keys, _)| !keys.contains(key)), "in one batch at a time");
                before.push(*number);
            }
            batch.into_iter().map(|(key, _)| key).collect::<Vec<_>>()
        };
        for (step, key, sender, size) in steps {
            let at = usize::try_from(key).unwrap();
            match step {
                0..=2 => {
                    let place = Place { conversation: key, sender, bytes: size };
                    waiting.push(place, (key, pushed[at]), &limits).unwrap();
                    bytes.insert((key, pushed[at]), size);
                    pushed[at] += 1;
                    count += 1;
                }
                3 => if let Some((batch, flight)) = waiting.take(&limits) {
                    count -= batch.len();
                    prop_assert!(batch.len() <= places);
                    let size: usize = batch.iter().map(|message| bytes[message]).sum();
                    prop_assert!(size <= limits.batch_bytes, "{} bytes", size);
                    flights.push((check(batch, &flights, &mut left), flight));
                },
                4 => {
                    let withdrawn = waiting.withdraw(key, |message| message.1 % 3 == 0);
                    prop_assert!(withdrawn.iter().all(|message| message.0 == key && message.1 % 3 == 0));
                    count -= withdrawn.len();
                    left.entry(key).or_default();
                    bytes.retain(|message, _| !withdrawn.contains(message));
                }
                _ if !flights.is_empty() => {
                    let (_, flight) = flights.swap_remove(at % flights.len());
                    waiting.returned(flight, Duration::ZERO);
                }
                _ => {}
            }
            prop_assert_eq!(waiting.queues.count(), count);
            prop_assert!(waiting.queues.ready() <= count);
        }
        for (_, flight) in flights.drain(..) {
            waiting.returned(flight, Duration::ZERO);
        }
        while let Some((batch, flight)) = waiting.take(&limits) {
            check(batch, &[], &mut left);
            waiting.returned(flight, Duration::ZERO);
        }
        let gone: usize = left.values().map(Vec::len).sum();
        prop_assert_eq!(gone, bytes.len(), "nobody is forgotten");
        prop_assert!(waiting.queues.is_forgotten(), "and nothing is kept: {:?}", waiting.queues);
    }

    /// Whoever has any number of messages in any number of conversations: somebody else's message is in the next batch.
    #[test]
    fn nobody_waits_for_anothers_crowd(crowd in 1..2000u64, conversations in 1..300u64) {
        let limits = Limits { batch_messages: 64, waiting: usize::MAX, waiting_of_user: usize::MAX, ..Limits::default() };
        let mut waiting = Waiting::default();
        for number in 0..crowd {
            waiting.push(place(1000 + number % conversations, 7), 7, &limits).unwrap();
        }
        let (_, flight) = waiting.take(&limits).unwrap();
        waiting.push(place(1, 1), 1, &limits).unwrap();
        let (batch, _other) = waiting.take(&limits).unwrap();
        prop_assert!(batch.contains(&1), "{:?}", batch);
        waiting.returned(flight, Duration::ZERO);
    }
}
