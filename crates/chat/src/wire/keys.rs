//! What is kept of an issuer's published keys.

use serde::{Deserialize, Serialize};

/// What a relay asks for when it wants the issuer's keys.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
pub struct KeysRequest {
    /// Somebody shows a key that is not known: the issuer is asked again sooner.
    #[serde(default)]
    pub unknown: bool,
}

/// What is kept of an issuer's published keys, as it was read. Ages are in milliseconds by the clock of whoever keeps it, so
/// that no two clocks are ever compared.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct IssuerKeys {
    /// The number of the last time that the issuer was asked; 0 when it never was.
    pub ask: i64,
    /// How long ago that was.
    pub asked: Option<i64>,
    /// Whether it has answered then; none while nobody knows yet.
    pub answered: Option<bool>,
    /// The key set of its last good answer, a JWKS.
    pub keys: Option<String>,
    /// How long ago that answer came.
    pub fetched: Option<i64>,
    /// Whether what was just done was done: of several who want to ask the issuer one may.
    #[serde(default)]
    pub done: bool,
}
