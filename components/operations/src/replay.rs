//! A command that comes again.

use rollback::{
    Digest,
    idempotency::{Arrival, arrival},
};
use store::operations::Answer;

use crate::refused::Refused;

/// The answer that was given to the first command under a key, for this one under the same key.
///
/// # Errors
/// Returns [`Refused::KeyTaken`] when the first one was another command.
pub(crate) fn replay(first: &Answer, request: Digest) -> Result<Answer, Refused> {
    match arrival(Some(first.request), request) {
        Arrival::Again => Ok(first.clone()),
        Arrival::First | Arrival::Taken => Err(Refused::KeyTaken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_command_gets_the_same_answer_and_another_gets_none() {
        let first = Answer { request: Digest::of(b"a"), status: 201, body: "{}".to_owned() };
        assert_eq!(replay(&first, Digest::of(b"a")).unwrap(), first);
        assert!(matches!(replay(&first, Digest::of(b"b")), Err(Refused::KeyTaken)));
    }
}
