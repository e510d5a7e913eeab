//! The key by which functions know their relays.

use crate::{ErrorCode, FieldError, Refusal};

/// The key that opens the functions' internal routes.
pub struct RelayKey;

impl RelayKey {
    /// The header in which a relay shows it.
    pub const HEADER: &str = "x-hubline-key";

    /// What whoever shows another one is told.
    #[must_use]
    pub fn refusal() -> Refusal {
        let fault = FieldError::new(Self::HEADER, "is not the key of these functions");
        Refusal {
            errors: vec![fault],
            ..ErrorCode::Unauthenticated.refusal("this route is for relays, which show a key")
        }
    }

    /// Whether it was the key that was refused, and not the token of a user that came with it.
    #[must_use]
    pub fn is_refused(refusal: &Refusal) -> bool {
        refusal.errors.iter().any(|error| error.field == Self::HEADER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Problem;

    #[test]
    fn a_refused_key_is_told_from_a_refused_token_on_the_other_side_too() {
        let sent = |refusal: Refusal| -> Refusal {
            serde_json::from_slice::<Problem>(&serde_json::to_vec(&Problem::from(refusal)).unwrap()).unwrap().into()
        };
        assert!(RelayKey::is_refused(&sent(RelayKey::refusal())));
        assert!(!RelayKey::is_refused(&sent(ErrorCode::Unauthenticated.refusal("the token has expired"))));
    }
}
