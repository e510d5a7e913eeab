//! Tokens and roles: who a bearer is, proven by a signature.
//!
//! A [`Verifier`] checks JSON Web Tokens against the keys of its [`Settings`]; a [`KeySet`] is one whose keys an issuer
//! publishes and changes; a [`Cache`] remembers what was found, and [`Vouching`] passes it on; [`mint`] signs tokens for
//! development and tests. Nothing here does input or output: the caller fetches key sets and tells the time.

mod ages;
mod cache;
mod claims;
mod identity;
mod jwks;
mod key;
mod key_set;
mod mint;
mod path;
mod settings;
mod token;
mod verifier;
mod vouching;

pub use ages::{Ages, AgesError};
pub use cache::Cache;
pub use identity::{Identity, TokenError};
pub use jwks::{JwksError, check_jwks};
pub use key_set::{KeySet, Unverified};
pub use mint::{Grant, MintError, mint};
pub use path::ClaimPath;
pub use settings::{Settings, SettingsError};
pub use verifier::Verifier;
pub use vouching::Vouching;
