//! Random sequences of commands, reports and waiting, through the real transition functions, against rules that an observer
//! keeps by itself.
//!
//! Two incidents share an environment, people lose and regain their roles, plans come back, time passes. The observer sees
//! only what was put in and whether it was taken; it never asks the domain what it thinks.
//!
//! `MODEL_SEQUENCES` sets how many sequences are tried, `MODEL_SEED` where they begin: a failure names its own.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test fails by panicking"
)]

mod chance;
mod forgery;
mod input;
mod observer;
mod people;
mod player;
mod recipes;
mod world;

use std::{collections::BTreeMap, env, thread};

use chance::Chance;
use forgery::Forgery;
use world::World;

/// How many sequences are tried, and how long each is.
const SEQUENCES: u64 = 20_000;
const LENGTH: usize = 150;

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().expect("a number"))
}

/// Plays one sequence. Returns the rule that was broken, with the way there, if one was.
fn play(seed: u64, forgery: Option<Forgery>, seen: &mut BTreeMap<&'static str, u64>) -> Option<String> {
    let mut chance = Chance::new(seed);
    let mut world = World::new(&mut chance);
    for _ in 0..LENGTH {
        if let Some(forgery) = forgery.filter(|_| chance.one_in(4)) {
            world.forge(forgery);
        }
        let input = player::next(&mut world, &mut chance);
        if let Err(rule) = world.put_in(input) {
            return Some(format!("seed {seed}: {rule}\n{}", world.history()));
        }
    }
    for (what, count) in world.seen() {
        *seen.entry(what).or_default() += count;
    }
    None
}

/// Plays sequences in two threads. Panics at the first that breaks a rule.
fn play_all(sequences: u64) -> BTreeMap<&'static str, u64> {
    let first = number("MODEL_SEED", 1);
    let half = |offset: u64| {
        let mut seen = BTreeMap::new();
        for seed in (first + offset..first + sequences).step_by(2) {
            if let Some(broken) = play(seed, None, &mut seen) {
                panic!("{broken}");
            }
        }
        seen
    };
    thread::scope(|scope| {
        let halves = [0, 1].map(|offset| scope.spawn(move || half(offset)));
        halves.into_iter().map(|half| half.join().expect("no rule is broken")).fold(BTreeMap::new(), |mut all, seen| {
            seen.into_iter().for_each(|(what, count)| *all.entry(what).or_default() += count);
            all
        })
    })
}

#[test]
fn no_sequence_breaks_a_rule() {
    let sequences = number("MODEL_SEQUENCES", SEQUENCES);
    let seen = play_all(sequences);
    println!("{sequences} sequences: {seen:#?}");
    // A model that never gets anywhere proves nothing.
    let often = sequences / 100;
    for what in [
        "resolved",
        "dismissed",
        "validated",
        "applications executed",
        "databases executed",
        "infrastructures executed",
        "succeeded",
        "failed",
        "stopped for a person",
        "attested",
        "applied",
        "applies refused as spent",
        "sent again",
        "cancelled",
        "expired",
        "executions refused",
        "glass broken",
    ] {
        let count = seen.get(what).copied().unwrap_or_default();
        assert!(count > often / 4, "{what}: seen {count} times in {sequences} sequences");
    }
}

/// For each rule: a world whose state is forged as if its guard were missing is caught, by that very rule.
#[test]
fn the_observer_catches_what_a_missing_guard_would_let_through() {
    for forgery in Forgery::ALL {
        let caught = (1..=2_000).filter_map(|seed| play(seed, Some(forgery), &mut BTreeMap::new()));
        let by_its_rule = |broken: &String| broken.lines().next().is_some_and(|line| line.contains(forgery.rule()));
        let mut caught = caught.inspect(|broken| {
            assert!(by_its_rule(broken), "{forgery:?} is caught by another rule: {broken}");
        });
        assert!(caught.next().is_some(), "{forgery:?} is not caught");
    }
}
