//! The plan that a preview of infrastructure is of.

use rollback::{
    Digest, Preview, Run,
    recipe::Recipe,
    step::{InfrastructureStep, StepName},
};
use serde::Deserialize;
use serde_json::Value;
use store::{Database, StoreError, operations::evidence_file};

/// What the step that has fetched a plan keeps: among other things where the classified changes are, and their digest.
#[derive(Deserialize)]
struct Fact {
    read: Fetched,
}

#[derive(Deserialize)]
struct Fetched {
    changes: Digest,
    evidence: Digest,
}

/// The plan of a preview, redacted and classified, as it was kept when its digest went into the preview; none for another
/// kind of run.
///
/// # Errors
/// Returns [`StoreError`] when it can't be had: nobody approves a plan that they can't see.
pub(crate) async fn plan<D: Database>(db: &D, run: &Run) -> Result<Option<Value>, StoreError> {
    let Some(Recipe::Infrastructure(recipe)) = run.preview().map(Preview::recipe) else { return Ok(None) };
    let fetched = StepName::Infrastructure(InfrastructureStep::FetchPlan);
    let step = run.steps().iter().find(|step| *step.name() == fetched);
    for digest in step.map(|step| step.evidence()).unwrap_or_default() {
        let Some(file) = evidence_file(db, *digest).await? else { continue };
        let Some(place) = changes(&file.evidence.bytes, recipe.changes) else { continue };
        let Some(file) = evidence_file(db, place).await? else { continue };
        return serde_json::from_slice(&file.evidence.bytes)
            .map(Some)
            .map_err(|error| StoreError::Unexpected(error.to_string()));
    }
    Err(StoreError::Unexpected(format!("the plan of the run {} is not kept", run.id())))
}

/// Where the changes of this digest are, if this is the fact that says so.
fn changes(fact: &[u8], wanted: Digest) -> Option<Digest> {
    let Fact { read: Fetched { changes, evidence } } = serde_json::from_slice(fact).ok()?;
    (changes == wanted).then_some(evidence)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_changes_are_those_whose_digest_the_preview_has() {
        let (wanted, evidence) = (Digest::of(b"changes"), Digest::of(b"evidence"));
        let fact =
            |changes: Digest| json!({"status": 200, "read": {"changes": changes, "evidence": evidence, "losses": []}});
        assert_eq!(changes(fact(wanted).to_string().as_bytes(), wanted), Some(evidence));
        assert_eq!(changes(fact(Digest::of(b"others")).to_string().as_bytes(), wanted), None);
        for other in ["{", "[]", r#"{"read": {"id": 7}}"#] {
            assert_eq!(changes(other.as_bytes(), wanted), None, "{other}");
        }
    }
}
