//! The worker against a database and an outside that keep count: workers are killed, and the outside misbehaves.
#![cfg(test)]

mod books;
mod gate;
mod kill;
mod misbehaviour;
mod people;
mod stage;
mod validation;
mod world;
