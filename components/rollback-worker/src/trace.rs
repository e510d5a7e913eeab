//! A call that may have left, looked for on the other side.

use rollback::Reference;

/// What was found of a shot whose outcome is not known.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Trace {
    /// It is there, under this name.
    Found(Reference),
    /// It is not there.
    Absent,
}
