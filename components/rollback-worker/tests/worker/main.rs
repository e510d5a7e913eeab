//! The worker against a database and an outside that keep count: workers are killed, and the outside misbehaves.
#![cfg(test)]

mod alerts;
mod artifacts;
mod books;
mod gate;
mod kill;
mod misbehaviour;
mod people;
mod real;
mod stage;
mod validation;
mod watchers;
mod world;
