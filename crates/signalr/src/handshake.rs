//! The handshake: the first message of either side.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::fields::not_object;
use crate::write;

/// What a client asks for in its first message, and this server speaks.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct HandshakeRequest {
    /// The version of the protocol: 2 of clients that were offered a stateful reconnect, else 1. Whoever asks for less than 1
    /// gets 1, as from the reference: some clients count from 0.
    pub version: u8,
}

/// Why a handshake fails. The text travels in the answer's `error`.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum HandshakeError {
    /// Too long, too late, or cut off.
    #[error("Handshake was canceled.")]
    Canceled,
    /// Not JSON.
    #[error("An unexpected error occurred during connection handshake. InvalidDataException: Error reading JSON.")]
    NotJson,
    /// JSON, but another value than an object.
    #[error(
        "An unexpected error occurred during connection handshake. InvalidDataException: Unexpected JSON Token Type \
         '{0}'. Expected a JSON Object."
    )]
    NotObject(&'static str),
    /// A property that the handshake can't do without.
    #[error(
        "An unexpected error occurred during connection handshake. InvalidDataException: Missing required property \
         '{property}'. Message content: {content}"
    )]
    Missing {
        /// The property's name.
        property: &'static str,
        /// What came instead.
        content: String,
    },
    /// A property of another JSON type.
    #[error(
        "An unexpected error occurred during connection handshake. InvalidDataException: Expected '{property}' to be of \
         type {expected}."
    )]
    Type {
        /// The property's name.
        property: &'static str,
        /// The JSON type that it must have.
        expected: &'static str,
    },
    /// Another encoding than JSON.
    #[error("The protocol '{0}' is not supported.")]
    Protocol(String),
    /// A version that this server doesn't speak.
    #[error("The server does not support version {0} of the 'json' protocol.")]
    Version(String),
}

impl HandshakeRequest {
    /// Reads a client's first message, without its separator.
    ///
    /// # Errors
    /// Returns a [`HandshakeError`] for what is no handshake, or one for another protocol.
    pub fn parse(json: &[u8]) -> Result<Self, HandshakeError> {
        if let Some(other) = not_object(json) {
            return Err(HandshakeError::NotObject(other));
        }
        // A map keeps the last of two equal properties, as the reference does.
        let fields: BTreeMap<Cow<'_, str>, &RawValue> =
            serde_json::from_slice(json).map_err(|_| HandshakeError::NotJson)?;
        let missing = |property| HandshakeError::Missing { property, content: String::from_utf8_lossy(json).into() };
        let protocol = fields.get("protocol").ok_or_else(|| missing("protocol"))?.get();
        let protocol: Cow<'_, str> = serde_json::from_str(protocol)
            .map_err(|_| HandshakeError::Type { property: "protocol", expected: "String" })?;
        let version = fields.get("version").ok_or_else(|| missing("version"))?.get();
        if !version.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
            return Err(HandshakeError::Type { property: "version", expected: "Number" });
        }
        // The reference compares protocol names without regard to case.
        if !protocol.eq_ignore_ascii_case("json") {
            return Err(HandshakeError::Protocol(protocol.into_owned()));
        }
        match version.parse::<i32>() {
            Ok(..=1) => Ok(Self { version: 1 }),
            Ok(2) => Ok(Self { version: 2 }),
            _ => Err(HandshakeError::Version(version.to_owned())),
        }
    }

    /// Appends the message and its separator.
    pub fn encode(&self, out: &mut Vec<u8>) {
        write::message(out, &Asked { protocol: "json", version: self.version });
    }
}

#[derive(Serialize)]
struct Asked {
    protocol: &'static str,
    version: u8,
}

/// The server's answer to a handshake.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeResponse;

impl HandshakeResponse {
    /// Everything is agreed: the message and its separator.
    pub const AGREED: &str = "{}\u{1e}";

    /// Appends a refusal and its separator; the connection ends after it.
    pub fn encode_error(error: &HandshakeError, out: &mut Vec<u8>) {
        write::message(out, &Refused { error: &error.to_string() });
    }
}

#[derive(Serialize)]
struct Refused<'a> {
    error: &'a str,
}
