//! What a plan would do, as it is shown and judged.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{
    Action, Plan, PlanError, Protection,
    plan::{ResourceChange, ValueChange},
    redaction::{Secrets, redact, with_unknown},
};
use crate::{
    Address, Digest,
    canonical::{self, CanonicalError},
    spelling::words,
    step::{Failure, FailureCode},
};

words! {
    /// Why a plan must not be applied.
    BlockCause, "cause" {
        /// It destroys, replaces or forgets what nobody named as an exception.
        UnexpectedLoss = "unexpected_loss",
        /// It destroys, replaces or forgets what holds data. No exception lifts this.
        DataLoss = "data_loss",
        /// It changes what is protected, and nobody named it as an exception.
        Protected = "protected",
        /// What is protected was changed outside of the code.
        ProtectedDrift = "protected_drift",
        /// It does something that is not known here.
        UnknownAction = "unknown_action",
        /// It would also invoke actions, whose effects it does not show.
        Invocation = "invocation",
        /// It puts some of its changes off.
        Deferred = "deferred",
        /// It was not finished, or can't be applied.
        Unapplyable = "unapplyable",
        /// One of its own checks fails.
        FailedCheck = "failed_check",
    }
}

/// Why a plan must not be applied, and at what.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub struct Block {
    /// The resource; none when it is the plan as a whole.
    pub address: Option<Address>,
    /// Why.
    pub cause: BlockCause,
}

/// What a plan would do to one resource, or what was done to it outside of the code. Redacted.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlannedChange {
    /// The resource.
    pub address: Address,
    /// Where it was in the code before.
    pub previous_address: Option<Address>,
    /// Its type.
    pub resource_type: String,
    /// What is done.
    pub action: Action,
    /// Why Terraform does it, when it says so.
    pub reason: Option<String>,
    /// Whether it is protected.
    pub protected: bool,
    /// What is.
    pub before: Value,
    /// What would be.
    pub after: Value,
}

/// What a plan would do to one output. Redacted.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct OutputChange {
    /// Its name.
    pub name: String,
    /// What is done.
    pub action: Action,
    /// What is.
    pub before: Value,
    /// What would be.
    pub after: Value,
}

/// What a plan would do, as it is shown and judged. It holds no sensitive value.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Classification {
    /// What it would change; what it would leave as it is does not stand here.
    pub changes: Vec<PlannedChange>,
    /// What was changed outside of the code.
    pub drift: Vec<PlannedChange>,
    /// The outputs that it would change.
    pub outputs: Vec<OutputChange>,
    /// What would be destroyed, replaced or forgotten: what each approver acknowledges.
    pub losses: BTreeSet<Address>,
    /// Why it must not be applied.
    pub blocks: BTreeSet<Block>,
    errored: bool,
}

impl Classification {
    /// Classifies a plan. `exceptions` are the addresses that may be destroyed, replaced or forgotten, or changed although
    /// they are protected.
    ///
    /// # Errors
    /// Returns [`PlanError`] when a resource is not named.
    pub fn of(plan: &Plan, protection: &Protection, exceptions: &BTreeSet<Address>) -> Result<Self, PlanError> {
        let secrets = secrets(plan);
        let listed = |resources: &[ResourceChange]| {
            let changing = resources.iter().filter(|resource| resource.change.action() != Action::NoOp);
            changing.map(|resource| planned(resource, protection, &secrets)).collect::<Result<Vec<_>, PlanError>>()
        };
        let changes = listed(&plan.resource_changes)?;
        let drift = listed(&plan.resource_drift)?;
        let mut blocks = whole_plan(plan);
        for change in &changes {
            let holds_data = protection.holds_data(&change.resource_type, change.address.as_str());
            blocks.extend(blocked(change, holds_data, exceptions));
        }
        blocks.extend(
            drift
                .iter()
                .filter(|change| change.protected)
                .map(|change| Block { address: Some(change.address.clone()), cause: BlockCause::ProtectedDrift }),
        );
        Ok(Self {
            losses: changes
                .iter()
                .filter(|change| change.action.loses())
                .map(|change| change.address.clone())
                .collect(),
            outputs: plan.output_changes.iter().filter_map(|(name, change)| output(name, change, &secrets)).collect(),
            changes,
            drift,
            blocks,
            errored: plan.errored,
        })
    }

    /// Whether the plan may be put before the approvers (step I4).
    ///
    /// # Errors
    /// [`FailureCode::PlanFailed`] when making it failed, [`FailureCode::PlanEmpty`] when it changes nothing,
    /// [`FailureCode::PlanDrifted`] when nothing speaks against it but what was changed by hand, and otherwise
    /// [`FailureCode::PlanBlocked`] when it must not be applied. The detail names the first cause.
    pub fn check(&self) -> Result<(), Failure> {
        if self.errored {
            return Err(Failure::new(FailureCode::PlanFailed, "terraform ended the plan with an error"));
        }
        let changes = self.changes.iter().any(|change| !change.action.is_nothing());
        if !changes && self.outputs.is_empty() && self.blocks.iter().all(|block| block.cause == BlockCause::Unapplyable)
        {
            return Err(Failure::new(FailureCode::PlanEmpty, "the plan changes nothing"));
        }
        match self.blocks.first() {
            None => Ok(()),
            Some(Block { address, cause }) => {
                let at = address.as_ref().map_or(String::new(), |address| format!(" at {address}"));
                let detail = format!("{cause}{at}, {} causes in all", self.blocks.len());
                // No exception and no other commit lifts drift: somebody must put it right first.
                let drifted = self.blocks.iter().all(|block| block.cause == BlockCause::ProtectedDrift);
                let code = if drifted { FailureCode::PlanDrifted } else { FailureCode::PlanBlocked };
                Err(Failure::new(code, &detail))
            }
        }
    }

    /// The classification as it is shown, by digest.
    ///
    /// # Errors
    /// Returns [`CanonicalError`] for a classification that JSON can't hold, which none is.
    pub fn digest(&self) -> Result<Digest, CanonicalError> {
        canonical::digest("hubline plan changes 1", self)
    }
}

/// What the plan calls sensitive anywhere.
fn secrets(plan: &Plan) -> Secrets {
    let resources = plan.resource_changes.iter().chain(&plan.resource_drift).map(|resource| &resource.change);
    let mut secrets = Secrets::default();
    for change in resources.chain(plan.output_changes.values()) {
        secrets.note(&change.before, &change.before_sensitive);
        secrets.note(&change.after, &change.after_sensitive);
    }
    secrets
}

/// What speaks against the plan as a whole.
fn whole_plan(plan: &Plan) -> BTreeSet<Block> {
    let invokes = !plan.action_invocations.is_empty() || !plan.deferred_action_invocations.is_empty();
    let fails = |status: &str| matches!(status, "fail" | "error");
    [
        (!plan.applyable || !plan.complete || plan.errored, BlockCause::Unapplyable),
        (!plan.deferred_changes.is_empty(), BlockCause::Deferred),
        (invokes, BlockCause::Invocation),
        (plan.checks.iter().any(|check| fails(&check.status)), BlockCause::FailedCheck),
    ]
    .into_iter()
    .filter_map(|(applies, cause)| applies.then_some(Block { address: None, cause }))
    .collect()
}

/// What speaks against what the plan does to one resource.
fn blocked(change: &PlannedChange, holds_data: bool, exceptions: &BTreeSet<Address>) -> Option<Block> {
    let excepted = exceptions.contains(&change.address);
    let cause = if change.action == Action::Unknown {
        BlockCause::UnknownAction
    } else if change.action.loses() && holds_data {
        BlockCause::DataLoss
    } else if change.action.loses() && !excepted {
        BlockCause::UnexpectedLoss
    } else if change.protected && !change.action.is_nothing() && !excepted {
        BlockCause::Protected
    } else {
        return None;
    };
    Some(Block { address: Some(change.address.clone()), cause })
}

fn planned(resource: &ResourceChange, protection: &Protection, secrets: &Secrets) -> Result<PlannedChange, PlanError> {
    let address = match &resource.deposed {
        // The left-over of a replacement that died half-way shares its address with what took its place.
        Some(key) => format!("{} (deposed {key})", resource.address),
        None => resource.address.clone(),
    };
    let (before, after) = shown(&resource.change, secrets);
    Ok(PlannedChange {
        protected: protection.protects(&resource.resource_type, &resource.address),
        address: Address::parse(address)?,
        previous_address: resource.previous_address.as_deref().map(Address::parse).transpose()?,
        resource_type: resource.resource_type.clone(),
        action: resource.change.action(),
        reason: resource.action_reason.clone(),
        before,
        after,
    })
}

fn output(name: &str, change: &ValueChange, secrets: &Secrets) -> Option<OutputChange> {
    let (before, after) = shown(change, secrets);
    let action = change.action();
    (!action.is_nothing()).then(|| OutputChange { name: name.to_owned(), action, before, after })
}

fn shown(change: &ValueChange, secrets: &Secrets) -> (Value, Value) {
    let before = secrets.hide(redact(&change.before, &change.before_sensitive));
    let after = secrets.hide(redact(&change.after, &change.after_sensitive));
    (before, with_unknown(after, &change.after_unknown))
}

#[cfg(test)]
mod tests;
