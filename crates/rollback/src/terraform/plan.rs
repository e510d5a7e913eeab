//! A plan as Terraform writes it.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};
use serde_json::Value;

use crate::{NameError, spelling::words};

/// Why some bytes are no plan that can be judged.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// They are not the JSON that Terraform writes.
    #[error("the plan is not what terraform writes")]
    Unreadable(#[from] serde_json::Error),
    /// They are of another format.
    #[error("the plan has the format version {0:?}, not 1")]
    Format(String),
    /// A resource has no address.
    #[error("a resource of the plan is not named")]
    Unnamed(#[from] NameError),
}

words! {
    /// What a plan does to a resource.
    Action, "action" {
        /// Nothing.
        NoOp = "no-op",
        /// It reads it.
        Read = "read",
        /// It makes it.
        Create = "create",
        /// It changes it.
        Update = "update",
        /// It destroys it and makes another, in either order.
        Replace = "replace",
        /// It destroys it.
        Delete = "delete",
        /// It leaves it and knows it no more, whether another one is made or not.
        Forget = "forget",
        /// Something that is not known here.
        Unknown = "unknown",
    }
}

impl Action {
    fn of(actions: &[String]) -> Self {
        let actions: Vec<&str> = actions.iter().map(String::as_str).collect();
        match actions.as_slice() {
            ["no-op"] => Self::NoOp,
            ["read"] => Self::Read,
            ["create"] => Self::Create,
            ["update"] => Self::Update,
            ["delete"] => Self::Delete,
            ["delete", "create"] | ["create", "delete"] => Self::Replace,
            ["forget"] | ["create", "forget"] => Self::Forget,
            _ => Self::Unknown,
        }
    }

    /// Whether something is there no more afterwards.
    #[must_use]
    pub const fn loses(self) -> bool {
        matches!(self, Self::Delete | Self::Replace | Self::Forget)
    }

    /// Whether everything is afterwards as it was before.
    #[must_use]
    pub const fn is_nothing(self) -> bool {
        matches!(self, Self::NoOp | Self::Read)
    }
}

/// A plan.
#[derive(Debug, Deserialize)]
pub struct Plan {
    format_version: String,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) resource_changes: Vec<ResourceChange>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) resource_drift: Vec<ResourceChange>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) output_changes: BTreeMap<String, ValueChange>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) deferred_changes: Vec<Value>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) action_invocations: Vec<Value>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) deferred_action_invocations: Vec<Value>,
    #[serde(default, deserialize_with = "or_empty")]
    pub(super) checks: Vec<CheckStatus>,
    // What is not said counts as the worse.
    #[serde(default)]
    pub(super) applyable: bool,
    #[serde(default)]
    pub(super) complete: bool,
    #[serde(default = "yes")]
    pub(super) errored: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct ResourceChange {
    pub(super) address: String,
    pub(super) previous_address: Option<String>,
    #[serde(rename = "type")]
    pub(super) resource_type: String,
    pub(super) deposed: Option<String>,
    pub(super) action_reason: Option<String>,
    pub(super) change: ValueChange,
}

#[derive(Debug, Deserialize)]
pub(super) struct ValueChange {
    actions: Vec<String>,
    #[serde(default)]
    pub(super) before: Value,
    #[serde(default)]
    pub(super) after: Value,
    #[serde(default)]
    pub(super) after_unknown: Value,
    #[serde(default)]
    pub(super) before_sensitive: Value,
    #[serde(default)]
    pub(super) after_sensitive: Value,
}

impl ValueChange {
    pub(super) fn action(&self) -> Action {
        Action::of(&self.actions)
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct CheckStatus {
    pub(super) status: String,
}

impl Plan {
    /// Reads a plan.
    ///
    /// # Errors
    /// Returns [`PlanError`] for bytes that are no plan, or one of another format.
    pub fn read(json: &[u8]) -> Result<Self, PlanError> {
        let plan: Self = serde_json::from_slice(json)?;
        match plan.format_version.split('.').next() {
            Some("1") => Ok(plan),
            _ => Err(PlanError::Format(plan.format_version)),
        }
    }

    /// Whether the plan changes nothing at all: what a second plan must do after an apply.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        !self.errored
            && self.complete
            && self.deferred_changes.is_empty()
            && self.action_invocations.is_empty()
            && self.deferred_action_invocations.is_empty()
            && self.resource_changes.iter().all(|resource| resource.change.action().is_nothing())
            && self.output_changes.values().all(|output| output.action().is_nothing())
    }
}

const fn yes() -> bool {
    true
}

/// Terraform writes some empty lists as null.
fn or_empty<'de, D: Deserializer<'de>, T: Deserialize<'de> + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}
