//! Whether functions without a relay could verify a token: a relay finds out by itself.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chat::wire::IssuerKeys;
use http::Method;
use identity::{KeySet, Settings};
use relay::{Functions, Unfit};

use crate::internal::Internal;
use crate::variables::Variables;

/// The issuer of tokens, as far as its keys have to be had first.
#[derive(Clone)]
pub struct Issuer {
    settings: Arc<Settings>,
    internal: Internal,
}

impl Issuer {
    /// The issuer of these variables, of whose keys these routes tell.
    pub fn new(variables: &Variables, internal: Internal) -> Self {
        Self { settings: Arc::new(variables.identity()), internal }
    }

    /// Whether any token could be verified by the functions.
    ///
    /// # Errors
    ///
    /// When the issuer's keys have never been had, or are too old.
    pub async fn check(&self, functions: &dyn Functions) -> Result<()> {
        let mut keys = KeySet::new(&self.settings)?;
        if keys.has_keys(Duration::ZERO) {
            return Ok(());
        }
        let response = self.internal.call(functions, Method::POST, "/internal/keys", b"{}").await?;
        let kept: IssuerKeys =
            serde_json::from_slice(response.body()).context("the functions don't tell the issuer's keys")?;
        keys.take(kept, Duration::ZERO).context("the issuer's keys can't be used")?;
        ensure!(keys.has_keys(Duration::ZERO), Unfit::Tokens);
        Ok(())
    }
}
