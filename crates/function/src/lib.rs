//! What every HTTP function does before and after its own work: configuration, authentication, reading and answering,
//! the handles of the database and Redis.
//!
//! A host gives one instance of a function to many requests, one after another and at once, of different users. All that
//! outlives a request stands in [`Instance`], and each part of it is keyed by its owner or belongs to nobody.

pub mod answer;
pub mod body;
pub mod path;

mod access;
mod backplane;
mod breaker;
mod config;
mod database;
mod entry;
mod identify;
mod instance;
mod issuer;
mod keys;
mod limits;
mod misconfigured;
mod patience;
mod request;
mod rings;
mod send;
mod steady;
mod tags;

pub use access::{bearer, demand_alert_token, demand_relay};
pub use answer::Answer;
pub use config::{Config, variable};
pub use identify::Identified;
pub use instance::Instance;
pub use keys::Shown;
pub use misconfigured::misconfigured;
pub use patience::{in_time, within};
pub use request::{Body, Request, whole};
pub use rings::Rings;
pub use send::send;
pub use steady::steady;
pub use tags::{Tag, Tags};
