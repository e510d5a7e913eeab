//! What is kept of a plan: everything that people approve, and nothing that they may not see.

use std::{collections::BTreeSet, fmt};

use rollback::{
    Address, Commit, Digest, Reference,
    step::{Failure, FailureCode},
    terraform::{Classification, Plan, Protection},
};
use serde::{Deserialize, Serialize};

use super::github::{self, Artifact};
use crate::{
    archive,
    desk::{Desk, Halt, Read},
    fact::FactName,
    trouble::Trouble,
};

/// In the place of a digest that GitHub does not announce.
const UNANNOUNCED: &str = "unknown";

/// What is put on record of a plan. Its changes, redacted, are the evidence of the same digest.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct FetchedPlan {
    /// The commit that was planned.
    pub commit: Commit,
    /// The version of Terraform.
    pub terraform: String,
    /// The lock file of the providers.
    pub lock: Digest,
    /// The values of the variables.
    pub variables: Digest,
    /// The artifact, with the digest that it had.
    pub artifact: Reference,
    /// The saved plan.
    pub plan: Digest,
    /// The classification, by the digest that the approvals are bound to.
    pub changes: Digest,
    /// The classification as evidence.
    pub evidence: Digest,
    /// What will be destroyed, replaced or forgotten.
    pub losses: BTreeSet<Address>,
    /// How many resources it changes.
    pub changing: usize,
    /// Whether it changes nothing at all.
    pub changes_nothing: bool,
    /// Why it may not be applied.
    pub failure: Option<Failure>,
}

/// What the pipeline says of a plan that it has made.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    commit: Commit,
    terraform_version: String,
    lock_sha256: String,
    variables_sha256: String,
    tfplan_sha256: String,
}

/// The artifact that a plan is in, with the digest that it had: another content under the same number is another artifact. A
/// recipe has it as `5004@sha256:…`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct PlanArtifact {
    /// Its number.
    pub id: u64,
    /// Its digest, where GitHub announces one.
    digest: Option<Digest>,
}

impl PlanArtifact {
    /// As a recipe has it.
    ///
    /// # Errors
    /// Returns [`Halt::Fail`] for a text that is no reference, which none is.
    pub fn reference(self) -> Result<Reference, Halt> {
        let reference = Reference::parse(self.to_string());
        reference.map_err(|error| Halt::fail(FailureCode::Garbled, &error.to_string()))
    }

    /// Reads what a recipe has.
    ///
    /// # Errors
    /// Returns [`Halt::Fail`] for what is no artifact of a plan.
    pub fn read(reference: &Reference) -> Result<Self, Halt> {
        let read = || {
            let (id, digest) = reference.as_str().split_once('@')?;
            let digest = if digest == UNANNOUNCED { None } else { Some(digest.parse().ok()?) };
            Some(Self { id: id.parse().ok()?, digest })
        };
        read().ok_or_else(|| Halt::fail(FailureCode::PlanAltered, "the preview names no artifact of a plan"))
    }
}

impl From<&Artifact> for PlanArtifact {
    fn from(artifact: &Artifact) -> Self {
        Self { id: artifact.id, digest: artifact.digest }
    }
}

impl fmt::Display for PlanArtifact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.digest {
            Some(digest) => write!(f, "{}@{digest}", self.id),
            None => write!(f, "{}@{UNANNOUNCED}", self.id),
        }
    }
}

/// Fetches a plan. `exceptions` are the addresses that may be destroyed, replaced or forgotten.
pub fn fetch(
    desk: &Desk<'_>,
    name: &FactName,
    repository: &str,
    artifact: &Artifact,
    exceptions: BTreeSet<Address>,
) -> Result<FetchedPlan, Halt> {
    let protection = desk.place.targets.protection.clone();
    let reference = PlanArtifact::from(artifact).reference()?;
    github::archive(desk, name, repository, artifact, move |zip| read(zip, &reference, &protection, &exceptions))
}

fn altered(detail: &str) -> Trouble {
    Trouble::decided(FailureCode::PlanAltered, detail)
}

/// Reads an archive with `tfplan`, `plan.json` and `metadata.json`.
fn read(
    zip: &[u8],
    artifact: &Reference,
    protection: &Protection,
    exceptions: &BTreeSet<Address>,
) -> Result<Read, Trouble> {
    let file = |name: &str| archive::file(zip, name).map_err(|error| altered(&format!("{name}: {error}")));
    let (saved, shown, metadata) = (file("tfplan")?, file("plan.json")?, file("metadata.json")?);
    // What serde says may quote a value.
    let metadata: Metadata = serde_json::from_slice(&metadata).map_err(|_| altered("metadata.json can't be read"))?;
    let plan_digest = Digest::of(&saved);
    let stated = |text: &str| format!("sha256:{}", text.trim_start_matches("sha256:")).parse::<Digest>();
    let stated = |text: &str| stated(text).map_err(|_| altered("metadata.json states no digest where it must"));
    if stated(&metadata.tfplan_sha256)? != plan_digest {
        return Err(altered("the saved plan is not the one that its metadata names"));
    }
    let unreadable = |error: &dyn std::fmt::Display| Trouble::decided(FailureCode::PlanFailed, &error.to_string());
    let plan = Plan::read(&shown).map_err(|error| unreadable(&error))?;
    let classification = Classification::of(&plan, protection, exceptions).map_err(|error| unreadable(&error))?;
    let evidence = serde_json::to_vec(&classification).map_err(|error| unreadable(&error))?;
    let fetched = FetchedPlan {
        commit: metadata.commit,
        terraform: metadata.terraform_version,
        lock: stated(&metadata.lock_sha256)?,
        variables: stated(&metadata.variables_sha256)?,
        artifact: artifact.clone(),
        plan: plan_digest,
        changes: classification.digest().map_err(|error| unreadable(&error))?,
        evidence: Digest::of(&evidence),
        losses: classification.losses.clone(),
        changing: classification.changes.iter().filter(|change| !change.action.is_nothing()).count(),
        changes_nothing: plan.changes_nothing(),
        failure: classification.check().err(),
    };
    let value = serde_json::to_value(&fetched).map_err(|error| unreadable(&error))?;
    Ok(Read { value, lasts: chrono::TimeDelta::zero(), evidence: Some(evidence) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_artifact_of_a_plan_reads_back_from_a_recipe() {
        let digest = Digest::of(b"zip");
        for (artifact, text) in [
            (PlanArtifact { id: 5004, digest: Some(digest) }, format!("5004@{digest}")),
            (PlanArtifact { id: 5004, digest: None }, "5004@unknown".to_owned()),
        ] {
            let reference = artifact.reference().unwrap();
            assert_eq!(reference.as_str(), text);
            assert_eq!(PlanArtifact::read(&reference).unwrap(), artifact);
        }
        for other in ["none", "x@unknown", "5004@sha256:0"] {
            assert!(PlanArtifact::read(&other.parse().unwrap()).is_err(), "{other}");
        }
    }
}
