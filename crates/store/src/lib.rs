//! Every SQL statement of Hubline, and what a function does with its answer.
//!
//! One use case is one statement: the host pools connections and never rolls back for a guest that trapped inside a
//! transaction. What takes more than one step is a database function (see `migrations/`). Every statement may be
//! repeated after an unknown outcome without doing its work twice.
//!
//! [`sql`] has the statements themselves, for native tools and tests; the functions here run them on a [`Database`]:
//! a guest's [`Connection`], or what a native program has instead. [`MIGRATIONS`] is the schema.
//!
//! All of this is the chat's; [`operations`] is what rollbacks are kept in, with [`OPERATIONS_MIGRATIONS`] as its schema.

pub mod operations;
pub mod sql;

mod columns;
mod conversation;
mod database;
mod error;
mod history;
mod issuer_keys;
mod join;
mod leave;
mod migrations;
mod purge;
mod query;
mod ready;
mod rehearse;
mod role;
mod send;
mod send_new;
mod sent;
mod service_request;
mod sweep;

pub use conversation::Conversation;
pub use database::Database;
pub use error::StoreError;
pub use history::history;
pub use issuer_keys::{Keeper, KeptKeys, KeysAct, issuer_keys};
pub use join::{Join, Joined, join};
pub use leave::{Departure, Departures, leave};
pub use migrations::{MIGRATIONS, Migration, OPERATIONS_MIGRATIONS};
pub use purge::{Batch, Purged, Retention, purge, retention};
pub use ready::ready;
pub use rehearse::rehearse;
pub use role::{Role, demand_role};
pub use send::send;
pub use sent::{Item, Sent};
pub use service_request::{Expected, Put, put_service_request, service_request};
pub use spin_sdk::pg::{Connection, DbValue, ParameterValue};
pub use sweep::sweep;
