//! Completion, type 3.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::fields::Fields;
use crate::{BindError, ProtocolError, write};

/// An invocation or a stream has ended.
#[derive(Clone, Debug)]
pub struct Completion<'a> {
    /// The invocation or stream.
    pub invocation_id: Cow<'a, str>,
    /// How it has ended.
    pub outcome: Outcome<'a>,
}

/// How an invocation or a stream has ended.
#[derive(Clone, Debug)]
pub enum Outcome<'a> {
    /// Well, with nothing to say.
    Void,
    /// With a result.
    Result(&'a RawValue),
    /// With an error.
    Error(Cow<'a, str>),
}

impl<'a> Completion<'a> {
    pub(crate) const TYPE: i64 = 3;

    pub(crate) fn read(fields: &Fields<'a>) -> Result<Self, ProtocolError> {
        fields.check_headers()?;
        let outcome = match (fields.result(), fields.error()?) {
            (Some(_), Some(_)) => return Err(ProtocolError::ResultAndError),
            (Some(result), None) => Outcome::Result(result),
            (None, Some(error)) => Outcome::Error(error),
            (None, None) => Outcome::Void,
        };
        Ok(Self { invocation_id: fields.required_invocation_id()?, outcome })
    }

    /// Appends the message and its separator.
    pub fn encode(&self, out: &mut Vec<u8>) {
        match &self.outcome {
            Outcome::Void => {
                let invocation_id = &self.invocation_id;
                write::message(out, &Wire::<()> { kind: Self::TYPE, invocation_id, result: None, error: None });
            }
            Outcome::Result(result) => Self::encode_result(&self.invocation_id, *result, out),
            Outcome::Error(error) => Self::encode_error(&self.invocation_id, error, out),
        }
    }

    /// Appends a completion with a result that can be written as JSON, and its separator.
    pub fn encode_result<T: Serialize>(invocation_id: &str, result: T, out: &mut Vec<u8>) {
        write::message(out, &Wire { kind: Self::TYPE, invocation_id, result: Some(result), error: None });
    }

    /// Appends a completion with an error, and its separator.
    pub fn encode_error(invocation_id: &str, error: &str, out: &mut Vec<u8>) {
        write::message(out, &Wire::<()> { kind: Self::TYPE, invocation_id, result: None, error: Some(error) });
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Wire<'a, T: Serialize> {
    #[serde(rename = "type")]
    kind: i64,
    invocation_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<T>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

/// Why an invocation failed, in the words of the reference. The text travels in the completion's `error`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum InvocationError<'a> {
    /// The hub has no such method.
    UnknownMethod {
        /// The method that was asked for.
        target: &'a str,
    },
    /// The arguments don't fit.
    Arguments {
        /// The method.
        target: &'a str,
        /// What is wrong with them.
        error: BindError,
    },
    /// The caller sends streams along, and the method takes none.
    Streams {
        /// The method.
        target: &'a str,
        /// How many streams.
        given: usize,
    },
    /// The caller wants a stream, and the method gives one result.
    NotStreaming {
        /// The method.
        target: &'a str,
    },
}

impl fmt::Display for InvocationError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownMethod { target } => write!(
                f,
                "Failed to invoke '{target}' due to an error on the server. HubException: Method does not exist."
            ),
            Self::Arguments { target, error } => {
                write!(f, "Failed to invoke '{target}' due to an error on the server. {error}")
            }
            Self::Streams { target, given } => write!(
                f,
                "An unexpected error occurred invoking '{target}' on the server. HubException: Client sent {given} \
                 stream(s), Hub method expects 0."
            ),
            Self::NotStreaming { target } => {
                write!(
                    f,
                    "The client attempted to invoke the non-streaming '{target}' method with a streaming invocation."
                )
            }
        }
    }
}
