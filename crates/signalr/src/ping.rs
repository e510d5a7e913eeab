//! Ping, type 6.

/// The peer is there.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Ping;

impl Ping {
    pub(crate) const TYPE: i64 = 6;

    /// The message and its separator: always the same.
    pub const ENCODED: &str = "{\"type\":6}\u{1e}";
}
