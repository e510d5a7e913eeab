//! What people approve: exactly what a run would do, and where, under one digest.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Digest, RunId, RunbookVersion, Target,
    canonical::{self, CanonicalError},
    moment::after,
    recipe::{Hazard, Recipe},
    step::StepName,
};

/// For how long a preview may be approved and executed. What it was made from grows old.
pub const LIFETIME: TimeDelta = TimeDelta::minutes(60);

/// Exactly what a run would do, and where.
///
/// The digest covers the run, the environment, the mode, the recipe, the steps, the validation that follows and the version
/// of the runbook. So an approval of one run is none of another, and a drill's is none of production.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Preview {
    #[serde(flatten)]
    content: Content<Recipe>,
    made_at: DateTime<Utc>,
    digest: Digest,
}

/// What the digest covers. The recipe is owned in a preview, and borrowed while one is made anew.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Content<R> {
    run: RunId,
    target: Target,
    recipe: R,
    steps: Vec<StepName>,
    validation: Digest,
    runbook: RunbookVersion,
}

impl<R: Serialize> Content<R> {
    fn digest(&self) -> Result<Digest, CanonicalError> {
        canonical::digest("hubline rollback preview 1", self)
    }
}

/// What a preview takes over from its run.
#[derive(Clone, Debug)]
pub(crate) struct Frame {
    pub(crate) run: RunId,
    pub(crate) target: Target,
    pub(crate) steps: Vec<StepName>,
    pub(crate) runbook: RunbookVersion,
}

impl Preview {
    /// Puts the recipe and the digest of the validation's policy into the run's frame.
    pub(crate) fn new(
        frame: Frame,
        recipe: Recipe,
        validation: Digest,
        made_at: DateTime<Utc>,
    ) -> Result<Self, CanonicalError> {
        let Frame { run, target, steps, runbook } = frame;
        let content = Content { run, target, recipe, steps, validation, runbook };
        let digest = content.digest()?;
        Ok(Self { content, made_at, digest })
    }

    /// The digest that approvals are bound to.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// The digest that the preview would have if this were the recipe: made of what is there now, it tells whether anything
    /// has changed since.
    ///
    /// # Errors
    /// Returns [`CanonicalError`] for a recipe that JSON can't hold, which none is.
    pub fn digest_with(&self, recipe: &Recipe, validation: Digest) -> Result<Digest, CanonicalError> {
        let Content { run, target, steps, runbook, .. } = self.content.clone();
        Content { run, target, recipe, steps, validation, runbook }.digest()
    }

    /// The run.
    #[must_use]
    pub const fn run(&self) -> RunId {
        self.content.run
    }

    /// Where, and whether in earnest.
    #[must_use]
    pub const fn target(&self) -> Target {
        self.content.target
    }

    /// What would be done.
    #[must_use]
    pub const fn recipe(&self) -> &Recipe {
        &self.content.recipe
    }

    /// The policy of the validation that follows, by digest.
    #[must_use]
    pub const fn validation(&self) -> Digest {
        self.content.validation
    }

    /// What each approver must acknowledge by name.
    #[must_use]
    pub fn hazards(&self) -> BTreeSet<Hazard> {
        self.content.recipe.hazards()
    }

    /// When it was made.
    #[must_use]
    pub const fn made_at(&self) -> DateTime<Utc> {
        self.made_at
    }

    /// From when on it is too old.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        after(self.made_at, LIFETIME)
    }

    /// Whether it is too old.
    #[must_use]
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        now >= self.expires_at()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        Environment,
        recipe::{ApplicationRecipe, Image, Pipeline},
    };

    fn recipe(image: &str) -> Recipe {
        Recipe::Application(ApplicationRecipe {
            application: "orders".parse().unwrap(),
            image: Image {
                repository: "team/orders".parse().unwrap(),
                tag: "v1.0.0-stable".parse().unwrap(),
                digest: Digest::of(image.as_bytes()),
            },
            running: Digest::of(b"bad"),
            schema_unstated: false,
            pipeline: Pipeline {
                repository: "team/deploy".parse().unwrap(),
                workflow: "deploy.yml".parse().unwrap(),
                git_ref: "main".parse().unwrap(),
            },
        })
    }

    fn frame(run: &str, target: Target) -> Frame {
        Frame { run: run.parse().unwrap(), target, steps: vec![], runbook: "3".parse().unwrap() }
    }

    const RUN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
    const OTHER_RUN: &str = "01890a5d-ac96-774b-bcce-b302099a8058";
    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn preview(frame: Frame, image: &str, policy: &[u8]) -> Preview {
        Preview::new(frame, recipe(image), Digest::of(policy), NOW).unwrap()
    }

    #[test]
    fn whatever_differs_the_digest_differs() {
        let production = Target::live(Environment::Production);
        let digests: BTreeSet<Digest> = [
            preview(frame(RUN, production), "good", b"policy"),
            preview(frame(RUN, Target::live(Environment::Staging)), "good", b"policy"),
            preview(frame(RUN, Target::drill()), "good", b"policy"),
            preview(frame(OTHER_RUN, production), "good", b"policy"),
            preview(frame(RUN, production), "swapped", b"policy"),
            preview(frame(RUN, production), "good", b"looser"),
            preview(Frame { runbook: "4".parse().unwrap(), ..frame(RUN, production) }, "good", b"policy"),
            preview(Frame { steps: vec!["A3".parse().unwrap()], ..frame(RUN, production) }, "good", b"policy"),
        ]
        .iter()
        .map(Preview::digest)
        .collect();
        assert_eq!(digests.len(), 8);
    }

    #[test]
    fn made_anew_of_the_same_it_is_the_same() {
        let preview = preview(frame(RUN, Target::drill()), "good", b"policy");
        let policy = Digest::of(b"policy");
        assert_eq!(preview.digest_with(&recipe("good"), policy).unwrap(), preview.digest());
        assert_ne!(preview.digest_with(&recipe("swapped"), policy).unwrap(), preview.digest());
        assert_ne!(preview.digest_with(&recipe("good"), Digest::of(b"looser")).unwrap(), preview.digest());
    }

    #[test]
    fn it_reads_back() {
        let preview = preview(frame(RUN, Target::drill()), "good", b"policy");
        let json = serde_json::to_value(&preview).unwrap();
        assert_eq!(json["target"]["mode"], "drill");
        assert_eq!(serde_json::from_value::<Preview>(json).unwrap(), preview);
    }

    #[test]
    fn it_grows_old() {
        let preview = preview(frame(RUN, Target::drill()), "good", b"policy");
        assert!(!preview.is_expired(NOW + TimeDelta::minutes(59)));
        assert!(preview.is_expired(NOW + TimeDelta::minutes(60)));
    }
}
