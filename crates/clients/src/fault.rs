//! What every error of an outside system can say.

use chrono::{DateTime, TimeDelta, Utc};
use rollback::step::{Failure, FailureCode};
use serde::de::DeserializeOwned;

use crate::Response;

/// The longest time that somebody else may make us wait between two tries.
const LONGEST: TimeDelta = TimeDelta::hours(1);

/// The most characters of somebody else's words that are kept.
const WORDS: usize = 200;

/// Whether it is worth asking again. That says nothing of whether it is *allowed*: a call that is not the same when it is
/// made twice is repeated by the rules of its step only.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Retry {
    /// Later, with a pause of one's own, or after the time that the other side asks for.
    Later(Option<TimeDelta>),
    /// Once, with a new token: the old one may have expired or been revoked.
    Renewed,
    /// No: asked again it says the same.
    Never,
}

/// An error of an outside system. Its text is one short line for a person, without a secret.
pub trait Fault: std::error::Error {
    /// The system, in a word that does not change.
    fn system(&self) -> &'static str;

    /// The error, in a word that does not change and that no other error of the system has.
    fn code(&self) -> &'static str;

    /// Whether it is worth asking again.
    fn retry(&self) -> Retry;

    /// What a step comes to when it stays like this.
    fn failure_code(&self) -> FailureCode;

    /// What a step comes to when it stays like this, with the error's words.
    fn failure(&self) -> Failure {
        Failure::new(self.failure_code(), &format!("{}: {self}", self.system()))
    }
}

/// An answer that is not the one that was hoped for, as far as HTTP tells. The systems add their own errors to it.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum Rejection {
    /// 401: the credential is not accepted.
    #[error("the credential is not accepted{0}")]
    LoginRefused(Words),
    /// 403: the credential is accepted and may not do this.
    #[error("the credential may not do this{0}")]
    Forbidden(Words),
    /// 404 or 410: there is no such thing, or none that the credential may see.
    #[error("there is no such thing{0}")]
    NotFound(Words),
    /// 409 or 412: it does not fit to what is there.
    #[error("it does not fit to what is there{0}")]
    Conflict(Words),
    /// 400, 422 and their like: the request is not taken.
    #[error("the request is not taken ({status}){words}")]
    Invalid {
        /// The status.
        status: u16,
        /// What they say.
        words: Words,
    },
    /// 429: too many requests.
    #[error("too many requests{words}")]
    RateLimited {
        /// When to ask again.
        after: Option<TimeDelta>,
        /// What they say.
        words: Words,
    },
    /// 5xx and 408: something is wrong on the other side. It may have acted all the same.
    #[error("something is wrong on the other side ({status}){words}")]
    Unavailable {
        /// The status.
        status: u16,
        /// When to ask again.
        after: Option<TimeDelta>,
        /// What they say.
        words: Words,
    },
    /// An answer that the contract does not allow.
    #[error("the answer is not what the contract allows: {0}")]
    Garbled(Words),
}

/// What somebody else says, for a person: one line, cut short. Empty, or preceded by a colon when it follows something.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Words(String);

impl Words {
    /// These words, on one line and cut short.
    #[must_use]
    pub fn new(text: &str) -> Self {
        let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS).collect();
        Self(line.trim().to_owned())
    }

    /// The words.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.0.is_empty() { Ok(()) } else { write!(f, ": {}", self.0) }
    }
}

impl Response {
    /// The body as JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, Rejection> {
        // What serde says may quote the value, and the value may be a token.
        serde_json::from_slice(&self.body).map_err(|error| {
            let (line, column) = (error.line(), error.column());
            let what = if error.is_data() { "another shape" } else { "no JSON" };
            Rejection::garbled(&format!("{what} at line {line}, column {column}"))
        })
    }
}

impl Rejection {
    /// What an answer comes to that is not the one that was hoped for.
    #[must_use]
    pub fn of(response: &Response, words: &str) -> Self {
        let words = Words::new(words);
        let (status, after) = (response.status, retry_after(response));
        match status {
            401 => Self::LoginRefused(words),
            403 => Self::Forbidden(words),
            404 | 410 => Self::NotFound(words),
            409 | 412 => Self::Conflict(words),
            429 => Self::RateLimited { after, words },
            408 | 500..=599 => Self::Unavailable { status, after, words },
            400..=499 => Self::Invalid { status, words },
            _ => Self::garbled(&format!("the status {status}")),
        }
    }

    /// An answer that the contract does not allow.
    #[must_use]
    pub fn garbled(what: &str) -> Self {
        Self::Garbled(Words::new(what))
    }

    /// The error, in a word.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::LoginRefused(_) => "login_refused",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::Conflict(_) => "conflict",
            Self::Invalid { .. } => "invalid",
            Self::RateLimited { .. } => "rate_limited",
            Self::Unavailable { .. } => "unavailable",
            Self::Garbled(_) => "garbled",
        }
    }

    /// Whether it is worth asking again.
    #[must_use]
    pub const fn retry(&self) -> Retry {
        match self {
            Self::LoginRefused(_) => Retry::Renewed,
            Self::RateLimited { after, .. } | Self::Unavailable { after, .. } => Retry::Later(*after),
            // What is garbled now may come through another time: a proxy's page between two answers is the usual cause.
            Self::Garbled(_) => Retry::Later(None),
            Self::Forbidden(_) | Self::NotFound(_) | Self::Conflict(_) | Self::Invalid { .. } => Retry::Never,
        }
    }

    /// What a step comes to when it stays like this.
    #[must_use]
    pub const fn failure_code(&self) -> FailureCode {
        match self {
            Self::LoginRefused(_) => FailureCode::LoginRefused,
            Self::Forbidden(_) => FailureCode::InsufficientPermissions,
            Self::NotFound(_) | Self::Conflict(_) | Self::Invalid { .. } => FailureCode::Refused,
            Self::RateLimited { .. } | Self::Unavailable { .. } => FailureCode::TimedOut,
            Self::Garbled(_) => FailureCode::Garbled,
        }
    }
}

/// When the other side wants to be asked again: `Retry-After` in seconds or as a date, seen from the answer's own date.
#[must_use]
pub fn retry_after(response: &Response) -> Option<TimeDelta> {
    let value = response.header("retry-after")?.trim();
    let delta = match value.parse::<u32>() {
        Ok(seconds) => TimeDelta::seconds(i64::from(seconds)),
        Err(_) => http_date(value)? - http_date(response.header("date")?)?,
    };
    Some(delta.clamp(TimeDelta::zero(), LONGEST))
}

/// A date as HTTP spells it.
pub(crate) fn http_date(text: &str) -> Option<DateTime<Utc>> {
    DateTime::parse_from_rfc2822(text).ok().map(|date| date.to_utc())
}

/// Implements [`Fault`] for an error with the variant `Rejected(Rejection)` and more of its own: each with its code, whether
/// it is worth asking again, and what a step comes to.
macro_rules! faults {
    ($error:ident, $system:literal, { $($own:pat => ($code:literal, $retry:expr, $failure:ident),)* }) => {
        impl $crate::Fault for $error {
            fn system(&self) -> &'static str {
                $system
            }

            #[allow(unused_variables, reason = "a pattern may bind what only `retry` needs")]
            fn code(&self) -> &'static str {
                match self {
                    Self::Rejected(rejection) => rejection.code(),
                    $($own => $code,)*
                }
            }

            fn retry(&self) -> $crate::Retry {
                match self {
                    Self::Rejected(rejection) => rejection.retry(),
                    $($own => $retry,)*
                }
            }

            #[allow(unused_variables, reason = "a pattern may bind what only `retry` needs")]
            fn failure_code(&self) -> rollback::step::FailureCode {
                match self {
                    Self::Rejected(rejection) => rejection.failure_code(),
                    $($own => rollback::step::FailureCode::$failure,)*
                }
            }
        }

        impl From<$crate::Rejection> for $error {
            fn from(rejection: $crate::Rejection) -> Self {
                Self::Rejected(rejection)
            }
        }
    };
}

pub(crate) use faults;

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, headers: &[(&str, &str)]) -> Response {
        Response::for_test(status, headers, "")
    }

    #[test]
    fn each_status_has_its_name() {
        let codes: Vec<_> = [401, 403, 404, 409, 422, 429, 500, 301, 200]
            .iter()
            .map(|status| Rejection::of(&answer(*status, &[]), "").code())
            .collect();
        let expected = "login_refused forbidden not_found conflict invalid rate_limited unavailable garbled garbled";
        assert_eq!(codes.join(" "), expected);
    }

    #[test]
    fn it_says_when_to_ask_again() {
        let after = |headers: &[(&str, &str)]| retry_after(&answer(429, headers)).map(|delta| delta.num_seconds());
        assert_eq!(after(&[("retry-after", "7")]), Some(7));
        assert_eq!(after(&[("retry-after", "99999999")]), Some(3_600), "nobody makes us wait for a day");
        let date = ("date", "Wed, 21 Oct 2015 07:28:00 GMT");
        assert_eq!(after(&[("retry-after", "Wed, 21 Oct 2015 07:28:30 GMT"), date]), Some(30));
        assert_eq!(after(&[("retry-after", "Wed, 21 Oct 2015 07:00:00 GMT"), date]), Some(0));
        assert_eq!(after(&[("retry-after", "soon")]), None);
        assert_eq!(after(&[]), None);
    }

    #[test]
    fn their_words_are_one_short_line() {
        let rejection = Rejection::of(&answer(422, &[]), &format!("a\nb{}", "x".repeat(1_000)));
        assert!(rejection.to_string().starts_with("the request is not taken (422): a bx"));
        assert!(rejection.to_string().len() < 300);
    }
}
