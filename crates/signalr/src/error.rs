//! What a peer can do wrong.

/// Bytes that break the protocol. The connection can't go on; [`crate::Close`] tells the peer why.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ProtocolError {
    /// No separator within the largest allowed message.
    #[error(
        "InvalidDataException: The maximum message size of {limit}B was exceeded. The message size can be configured in \
         AddHubOptions."
    )]
    TooLarge {
        /// The largest allowed message, separator included.
        limit: usize,
    },
    /// Not JSON.
    #[error("InvalidDataException: Error reading JSON.")]
    NotJson,
    /// JSON, but another value than an object.
    #[error("InvalidDataException: Unexpected JSON Token Type '{0}'. Expected a JSON Object.")]
    NotObject(&'static str),
    /// A property that the message can't do without.
    #[error("InvalidDataException: Missing required property '{0}'.")]
    Missing(&'static str),
    /// A property of another JSON type.
    #[error("InvalidDataException: Expected '{property}' to be of type {expected}.")]
    Type {
        /// The property's name.
        property: &'static str,
        /// The JSON type that it must have.
        expected: &'static str,
    },
    /// A header whose value isn't a string.
    #[error("InvalidDataException: Expected header '{0}' to be of type String.")]
    Header(String),
    /// A number with a fraction, or beyond the integers that the property can hold.
    #[error("FormatException: Either the JSON value is not in a supported format, or is out of bounds for an {0}.")]
    Number(&'static str),
    /// A completion that failed and succeeded.
    #[error("InvalidDataException: The 'error' and 'result' properties are mutually exclusive.")]
    ResultAndError,
}
