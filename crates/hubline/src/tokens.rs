//! Tokens signed with the development key.

use anyhow::{Context, Result};
use chat::{CenterId, Role, UserId};
use chrono::{TimeDelta, Utc};
use identity::{Grant, Settings};

/// Whom a token is for.
pub struct Holder {
    /// The user.
    pub subject: UserId,
    /// What they are.
    pub role: Role,
    /// The service centre they belong to, if any.
    pub center: Option<CenterId>,
}

/// Signs a token for somebody that holds from now on for some time.
///
/// # Errors
///
/// When there is no secret to sign with, or time ends before the token.
pub fn sign(settings: &Settings, holder: Holder, ttl: TimeDelta) -> Result<String> {
    let now = Utc::now();
    let end = now.checked_add_signed(ttl).context("the token would hold too long")?;
    let grant = Grant {
        subject: holder.subject,
        roles: vec![holder.role],
        center: holder.center,
        issued_at: now.timestamp(),
        expires_at: end.timestamp(),
    };
    Ok(identity::mint(settings, &grant)?)
}
