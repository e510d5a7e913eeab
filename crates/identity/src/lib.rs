//! Tokens and roles: who a bearer is, proven by a signature.
//!
//! A [`Verifier`] checks JSON Web Tokens against the keys of its [`Settings`]; a [`Cache`] remembers what it found; [`mint`]
//! signs tokens for development and tests. Nothing here does input or output: the caller fetches key sets and tells the
//! time, in seconds since 1970.

mod cache;
mod claims;
mod identity;
mod jwks;
mod key;
mod mint;
mod settings;
mod token;
mod verifier;

pub use cache::Cache;
pub use identity::{Identity, TokenError};
pub use jwks::JwksError;
pub use mint::{Grant, MintError, mint};
pub use settings::{Settings, SettingsError};
pub use verifier::Verifier;
