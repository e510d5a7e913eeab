//! What a token proves, and why one proves nothing.

use std::borrow::Cow;

use chat::{Actor, CenterId, Role, UserId};

/// How far the clocks of the issuer and of this machine may differ, in seconds.
pub(crate) const LEEWAY: i64 = 60;

/// What a valid token says about its bearer.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Identity {
    /// The user.
    pub subject: UserId,
    /// What they are, as far as the roles are known here.
    pub roles: Vec<Role>,
    /// The service centre that they belong to, if any.
    pub center: Option<CenterId>,
    /// When the token ends, in seconds since 1970.
    pub expires_at: i64,
}

impl TokenError {
    /// A claim of this name is missing or breaks its rule.
    pub(crate) fn claim(name: &'static str) -> Self {
        Self::Claim(Cow::Borrowed(name))
    }
}

impl Identity {
    /// The bearer as the chat sees them.
    #[must_use]
    pub fn actor(&self) -> Actor {
        Actor { user: self.subject.clone(), roles: self.roles.clone(), center: self.center.clone() }
    }

    /// How many seconds the token is honoured from this time on, which is in seconds since 1970: to its end, or a minute beyond
    /// that when it has come after its end already, for clocks differ.
    #[must_use]
    pub fn seconds_left(&self, now: i64) -> u64 {
        let end = if self.expires_at > now { self.expires_at } else { self.expires_at.saturating_add(LEEWAY) };
        u64::try_from(end.saturating_sub(now)).unwrap_or_default()
    }
}

/// Why a token proves nothing.
///
/// The texts name the reason and nothing of the token, so they may be shown and logged.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum TokenError {
    /// It is not three parts of base64url, or its header or claims are not the JSON that they should be.
    #[error("the token can't be read: {0}")]
    Malformed(&'static str),
    /// Its algorithm is none of those taken here, or no key is configured for it.
    #[error("the token's algorithm is not accepted")]
    Algorithm,
    /// No known key has its `kid`.
    #[error("the token's key is not known")]
    UnknownKey,
    /// Its key has not made its signature.
    #[error("the token's signature does not hold")]
    Signature,
    /// Its time is over.
    #[error("the token has expired")]
    Expired,
    /// Its time has not come.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// Another issuer has made it.
    #[error("the token is of another issuer")]
    Issuer,
    /// It is meant for somebody else.
    #[error("the token is for another audience")]
    Audience,
    /// A claim is missing or breaks its rule.
    #[error("the token's claim `{0}` is missing or invalid")]
    Claim(Cow<'static, str>),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_honoured_to_its_end_and_one_that_came_late_for_a_minute() {
        let identity =
            Identity { subject: "carla".parse().unwrap(), roles: Vec::new(), center: None, expires_at: 1_000 };
        for (now, left) in [(0, 1_000), (999, 1), (1_000, 60), (1_059, 1), (1_060, 0), (2_000, 0)] {
            assert_eq!(identity.seconds_left(now), left, "at {now}");
        }
    }
}
