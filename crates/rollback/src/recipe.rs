//! Exactly what a run would do, once it is found out.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    Address, Application, Commit, Digest, Kind, Reason, Reference, Repository, Request, ServerName, TagName,
    name::names,
};

names! {
    /// Something that each approver must acknowledge by name: the address of a resource that will be destroyed, replaced
    /// or forgotten, or one of the fixed words of [`Recipe::hazards`].
    Hazard, "a hazard", "1 to 1024 characters without control characters",
    |text| crate::name::is_line(text, 1_024)
}

impl From<&Address> for Hazard {
    fn from(address: &Address) -> Self {
        Self(address.as_str().to_owned())
    }
}

/// Exactly what a run would do.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Recipe {
    /// Deploy this image.
    Application(ApplicationRecipe),
    /// Restore this server and move these applications to it.
    Database(DatabaseRecipe),
    /// Apply this plan.
    Infrastructure(Box<InfrastructureRecipe>),
}

/// A workflow of the pipeline.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Pipeline {
    /// The repository that it belongs to.
    pub repository: Repository,
    /// Its file.
    pub workflow: Reference,
    /// The branch whose version of it runs.
    pub git_ref: Reference,
}

/// An image, pinned: the tag is for people, the digest is what runs.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Image {
    /// Where it is kept.
    pub repository: Repository,
    /// By which tag it was chosen.
    pub tag: TagName,
    /// What it is.
    pub digest: Digest,
}

/// Deploy this image.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApplicationRecipe {
    /// The application.
    pub application: Application,
    /// What will run.
    pub image: Image,
    /// What runs now.
    pub running: Digest,
    /// Whether the image does not state that it runs on the schema, so that people must.
    pub schema_unstated: bool,
    /// What deploys it.
    pub pipeline: Pipeline,
}

/// Restore this server and move these applications to it.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DatabaseRecipe {
    /// The server whose backups are restored. It stays as it is.
    pub source: ServerName,
    /// The server that the restore makes.
    pub restored: ServerName,
    /// When the incident began.
    pub incident_at: DateTime<Utc>,
    /// The point in time.
    pub point_in_time: DateTime<Utc>,
    /// Why the writers are not kept away.
    pub waive_freeze: Option<Reason>,
    /// Why more may be lost than is allowed.
    pub accept_loss: Option<Reason>,
    /// The secret that holds the connection, by name.
    pub secret: Reference,
    /// What is redeployed, as it runs now, in this order.
    pub redeployments: Vec<Redeployment>,
}

/// An application that is redeployed as it runs now, with the new connection.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Redeployment {
    /// The application.
    pub application: Application,
    /// Its image.
    pub image: Image,
    /// What deploys it.
    pub pipeline: Pipeline,
}

/// Apply this plan.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct InfrastructureRecipe {
    /// What plans and applies.
    pub pipeline: Pipeline,
    /// The commit that was planned.
    pub commit: Commit,
    /// The version of Terraform.
    pub terraform: Reference,
    /// The lock file of the providers.
    pub lock: Digest,
    /// The values of the variables.
    pub variables: Digest,
    /// The workflow run that made the plan.
    pub planned_by: Reference,
    /// Which attempt of that workflow run.
    pub planned_in_attempt: u32,
    /// The artifact that holds the plan.
    pub artifact: Reference,
    /// The plan: what is applied, once.
    pub plan: Digest,
    /// The classification of the plan as it is shown, redacted.
    pub changes: Digest,
    /// The policy that classified it.
    pub policy: Digest,
    /// What may be destroyed, replaced or forgotten, as asked for.
    pub exceptions: BTreeSet<Address>,
    /// What will be destroyed, replaced or forgotten.
    pub losses: BTreeSet<Address>,
}

impl Recipe {
    /// The kind of rollback.
    #[must_use]
    pub const fn kind(&self) -> Kind {
        match self {
            Self::Application(_) => Kind::Application,
            Self::Database(_) => Kind::Database,
            Self::Infrastructure(_) => Kind::Infrastructure,
        }
    }

    /// What each approver must acknowledge by name: every address that will be destroyed, replaced or forgotten;
    /// `schema-unstated`, `freeze-waived`, `loss-accepted`.
    #[must_use]
    pub fn hazards(&self) -> BTreeSet<Hazard> {
        let fixed = |applies: bool, word: &str| applies.then(|| Hazard(word.to_owned()));
        match self {
            Self::Application(recipe) => fixed(recipe.schema_unstated, "schema-unstated").into_iter().collect(),
            Self::Database(recipe) => fixed(recipe.waive_freeze.is_some(), "freeze-waived")
                .into_iter()
                .chain(fixed(recipe.accept_loss.is_some(), "loss-accepted"))
                .collect(),
            Self::Infrastructure(recipe) => recipe.losses.iter().map(Hazard::from).collect(),
        }
    }

    /// The plan that the run would apply, when it is one that applies a plan.
    #[must_use]
    pub fn plan(&self) -> Option<Digest> {
        match self {
            Self::Infrastructure(recipe) => Some(recipe.plan),
            Self::Application(_) | Self::Database(_) => None,
        }
    }

    /// Whether this is what was asked for, as far as it was asked for.
    #[must_use]
    pub fn answers(&self, request: &Request) -> bool {
        match (self, request) {
            (Self::Application(recipe), Request::Application(request)) => {
                recipe.application == request.application
                    && request.tag.as_ref().is_none_or(|tag| *tag == recipe.image.tag)
            }
            (Self::Database(recipe), Request::Database(request)) => {
                let redeployed = recipe.redeployments.iter().map(|redeployment| &redeployment.application);
                recipe.source == request.server
                    && recipe.restored != recipe.source
                    && request.point_in_time.is_none_or(|point| point == recipe.point_in_time)
                    && recipe.waive_freeze == request.waive_freeze
                    && recipe.accept_loss == request.accept_loss
                    && redeployed.eq(request.applications.as_slice())
            }
            (Self::Infrastructure(recipe), Request::Infrastructure(request)) => {
                recipe.commit == request.commit
                    && recipe.exceptions == request.exceptions
                    && recipe.losses.is_subset(&recipe.exceptions)
            }
            _ => false,
        }
    }
}
