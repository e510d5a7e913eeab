//! A token in its parts: the compact serialization of [RFC 7515].
//!
//! [RFC 7515]: https://www.rfc-editor.org/rfc/rfc7515

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;
use serde_json::Value;

use crate::{TokenError, key::Algorithm};

/// The most bytes of a token. Web servers take headers of 8 KiB; a longer token never came in by one.
pub(crate) const LONGEST: usize = 8 * 1024;

/// A token in its parts, nothing proven yet.
pub(crate) struct Token<'a> {
    /// What is signed: header and claims, still encoded.
    pub(crate) message: &'a [u8],
    /// The claims, as JSON.
    pub(crate) claims: Vec<u8>,
    /// The signature.
    pub(crate) signature: Vec<u8>,
    /// The algorithm that it says it is signed with.
    pub(crate) algorithm: Algorithm,
    /// The key that it says it is signed with.
    pub(crate) kid: Option<String>,
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    kid: Option<String>,
    crit: Option<Value>,
}

impl<'a> Token<'a> {
    pub(crate) fn parse(text: &'a str) -> Result<Self, TokenError> {
        if text.len() > LONGEST {
            return Err(TokenError::Malformed("too long"));
        }
        let (message, signature) = text.rsplit_once('.').ok_or(TokenError::Malformed("not three parts"))?;
        let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed("not three parts"))?;
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed("not base64url"));
        let header: Header =
            serde_json::from_slice(&decode(header)?).map_err(|_| TokenError::Malformed("not a header"))?;
        // An extension that must be understood is one that is not understood here.
        if header.crit.is_some() {
            return Err(TokenError::Malformed("it has critical extensions"));
        }
        Ok(Self {
            message: message.as_bytes(),
            claims: decode(claims)?,
            signature: decode(signature)?,
            algorithm: Algorithm::named(&header.alg).ok_or(TokenError::Algorithm)?,
            kid: header.kid,
        })
    }
}
