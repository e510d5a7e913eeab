//! The schema, as numbered steps forward.

/// A step forward of the schema. There are no steps back.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Migration {
    /// Its number: steps are applied in this order, each once, each in a transaction of its own.
    pub version: i64,
    /// Its name.
    pub name: &'static str,
    /// Its statements.
    pub sql: &'static str,
}

/// Every step, in order.
pub const MIGRATIONS: &[Migration] = &[];
