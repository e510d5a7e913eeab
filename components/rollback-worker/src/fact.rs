//! What is on record: answers, by names.
//!
//! The text of a name stands in the notes of jobs and in evidence, and stays what it is. It is put together here and taken
//! apart nowhere: whoever looks for a fact names it as whoever has asked for it did.

use std::{collections::BTreeMap, fmt};

use chrono::{DateTime, Utc};
use clients::azure::Beside;
use rollback::{Digest, Environment, step::StepName};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::operations::Evidence;

use crate::memory::SecretName;

/// The status of what is on record because there was no answer.
const NO_ANSWER: u16 = 0;

/// An answer that is on record.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fact {
    /// When it came.
    pub at: DateTime<Utc>,
    /// What was asked: the method, and the address without its query.
    pub asked: String,
    /// The status of the answer.
    pub status: u16,
    /// What was read from it.
    pub value: Value,
    /// More evidence, where the value is not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
}

impl Fact {
    /// That it was asked, and that there was no answer which could be used.
    #[must_use]
    pub const fn silence(at: DateTime<Utc>, asked: String) -> Self {
        Self { at, asked, status: NO_ANSWER, value: Value::Null, evidence: None }
    }

    /// Whether there was no answer that could be used.
    #[must_use]
    pub const fn is_silence(&self) -> bool {
        self.status == NO_ANSWER
    }

    /// The fact as evidence.
    #[must_use]
    pub fn to_evidence(&self) -> Evidence {
        let Self { at, asked, status, value, evidence } = self;
        let text = json!({"at": at, "asked": asked, "status": status, "read": value, "evidence": evidence}).to_string();
        Evidence::new("application/json", text.into_bytes(), asked)
    }
}

/// All answers that are on record, by name.
pub type Facts = BTreeMap<FactName, Fact>;

/// What was asked: the last word of a fact's name, before what makes it one of several.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Item {
    /// What the alert does.
    Alert,
    /// The workflow runs that have applied the commit.
    Applied,
    /// The workflow runs that have applied anything lately.
    Applies,
    /// The artifact of a workflow run.
    Artifact,
    /// Since when data is bad.
    BadData,
    /// Whether the commit is of the main branch.
    Branch,
    /// Whether what a smoke test has made was taken away.
    Cleaned,
    /// A deployment.
    Deployment,
    /// A workflow that is dispatched once.
    Dispatch,
    /// A workflow that may be dispatched twice, and its run.
    Dispatched,
    /// The share of requests that failed.
    Errors,
    /// Whether a workflow run was let through the gate.
    Gate,
    /// The jobs of a workflow run.
    Jobs,
    /// On which schema an image states that it runs.
    Label,
    /// What a smoke test has made.
    Made,
    /// How far an operation of the cloud has come.
    Operation,
    /// The latency that 95 of 100 requests kept to.
    P95,
    /// A plan.
    Plan,
    /// The pods of a deployment.
    Pods,
    /// How many requests there were.
    Requests,
    /// The restored server, asked for.
    Restore,
    /// The restored server.
    Restored,
    /// Which revision of the connection holds.
    Revision,
    /// A workflow run.
    Run,
    /// The version of the schema that the database has.
    Schema,
    /// The connection secret, written.
    Secret,
    /// The server whose backups are restored.
    Source,
    /// The tags of a repository, where one of them is looked for.
    Tag,
    /// The tags of a repository.
    Tags,
    /// When the connection secret was last written.
    Updated,
    /// The revision of the connection, written.
    Variable,
    /// What a verification has found.
    Verification,
}

impl Item {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Applied => "applied",
            Self::Applies => "applies",
            Self::Artifact => "artifact",
            Self::BadData => "bad-data",
            Self::Branch => "branch",
            Self::Cleaned => "cleaned",
            Self::Deployment => "deployment",
            Self::Dispatch => "dispatch",
            Self::Dispatched => "dispatched",
            Self::Errors => "errors",
            Self::Gate => "gate",
            Self::Jobs => "jobs",
            Self::Label => "label",
            Self::Made => "made",
            Self::Operation => "operation",
            Self::P95 => "p95",
            Self::Plan => "plan",
            Self::Pods => "pods",
            Self::Requests => "requests",
            Self::Restore => "restore",
            Self::Restored => "restored",
            Self::Revision => "revision",
            Self::Run => "run",
            Self::Schema => "schema",
            Self::Secret => "secret",
            Self::Source => "source",
            Self::Tag => "tag",
            Self::Tags => "tags",
            Self::Updated => "updated",
            Self::Variable => "variable",
            Self::Verification => "verification",
        }
    }
}

/// A question that is asked on the way to another one's answer.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Part {
    /// The artifact that holds the answer.
    Artifact,
    /// The creation of what was not there to be written.
    Creation,
    /// The key that a secret is sealed with.
    Key,
    /// The manifest of an image.
    Manifest,
}

impl Part {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Artifact => "artifact",
            Self::Creation => "creation",
            Self::Key => "key",
            Self::Manifest => "manifest",
        }
    }
}

/// What facts are found out for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Topic {
    /// A step.
    Step(StepName),
    /// A step that is about to leave: what is there now.
    Now(StepName),
    /// A step whose outcome is not known: the trace that it would have left.
    Look(StepName),
    /// A triage or a validation as a whole.
    Incident,
    /// One of a triage's readings of the metrics.
    Reading(usize),
    /// A validation's reading of the metrics.
    Metrics,
    /// The pods, in a validation.
    Pods,
    /// One of a validation's smoke tests.
    Smoke(usize),
}

impl Topic {
    /// The name of a fact.
    #[must_use]
    pub fn fact(&self, item: Item) -> FactName {
        FactName(format!("{self}{}", item.as_str()))
    }
}

/// The beginning of the names of its facts.
impl fmt::Display for Topic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step(step) => write!(f, "{step}/"),
            Self::Now(step) => write!(f, "{step}/now/"),
            Self::Look(step) => write!(f, "{step}/look/"),
            Self::Incident => Ok(()),
            Self::Reading(number) => write!(f, "metrics/{number}/"),
            Self::Metrics => f.write_str("metrics/"),
            Self::Pods => f.write_str("pods/"),
            Self::Smoke(number) => write!(f, "smoke:{number}/"),
        }
    }
}

/// The name of a fact.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct FactName(String);

impl FactName {
    /// The same of one of several things.
    #[must_use]
    pub fn of(&self, what: &impl fmt::Display) -> Self {
        Self(format!("{self}:{what}"))
    }

    /// A page of it, counted from 0.
    #[must_use]
    pub fn page(&self, number: usize) -> Self {
        self.of(&number)
    }

    /// What is asked on the way to it.
    #[must_use]
    pub fn part(&self, part: Part) -> Self {
        self.of(&part.as_str())
    }

    /// What belongs to a server and is listed beside it.
    #[must_use]
    pub fn beside(&self, what: Beside) -> Self {
        Self(format!("{self}/{}", what.as_str()))
    }

    /// That nobody gives a secret, where that is an answer too.
    #[must_use]
    pub fn silent(environment: Environment, secret: &SecretName) -> Self {
        Self(format!("silent/{environment}:{secret}"))
    }
}

impl fmt::Display for FactName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Facts that are forgotten together, or that are one piece of evidence.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Group {
    /// All that are found out for something.
    Topic(Topic),
    /// A fact, with its pages and whatever is asked on the way to it.
    Fact(FactName),
}

impl Group {
    /// Whether a fact is one of them.
    #[must_use]
    pub fn has(&self, name: &FactName) -> bool {
        match self {
            Self::Topic(topic) => name.0.starts_with(&topic.to_string()),
            Self::Fact(FactName(own)) => {
                name.0.strip_prefix(own.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with([':', '/']))
            }
        }
    }
}

/// As evidence says where it is from.
impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Topic(Topic::Pods) => f.write_str("pods"),
            Self::Topic(topic) => topic.fmt(f),
            Self::Fact(name) => name.fmt(f),
        }
    }
}

#[cfg(test)]
mod tests {
    use rollback::step::{ApplicationStep as A, DatabaseStep as D};

    use super::*;
    use crate::memory::Purpose;

    fn dispatch() -> StepName {
        StepName::Application(A::Dispatch)
    }

    #[test]
    fn a_name_reads_as_it_always_did() {
        let preflight = Topic::Step(StepName::Database(D::Preflight));
        let digest = Digest::of(b"");
        let github = SecretName::Github { purpose: Purpose::Reading, repository: "team/deploy".to_owned() };
        for (name, text) in [
            (preflight.fact(Item::Source), "D1/source".to_owned()),
            (preflight.fact(Item::Tags).of(&"orders").page(1), "D1/tags:orders:1".to_owned()),
            (preflight.fact(Item::Label).of(&digest).part(Part::Manifest), format!("D1/label:{digest}:manifest")),
            (
                preflight.fact(Item::Restored).beside(Beside::FirewallRules).page(0),
                "D1/restored/firewallRules:0".into(),
            ),
            (Topic::Now(dispatch()).fact(Item::Tag).page(0), "A3/now/tag:0".to_owned()),
            (Topic::Look(dispatch()).fact(Item::Run).page(0), "A3/look/run:0".to_owned()),
            (Topic::Incident.fact(Item::Deployment).of(&"orders"), "deployment:orders".to_owned()),
            (Topic::Reading(0).fact(Item::P95), "metrics/0/p95".to_owned()),
            (Topic::Smoke(1).fact(Item::Made), "smoke:1/made".to_owned()),
            (
                FactName::silent(Environment::Production, &github),
                "silent/production:github/read/team/deploy".to_owned(),
            ),
        ] {
            assert_eq!(name.to_string(), text);
            assert_eq!(serde_json::to_value(&name).unwrap(), text);
        }
        let facts: Facts =
            [(Topic::Metrics.fact(Item::P95), Fact::silence(DateTime::UNIX_EPOCH, String::new()))].into();
        let kept = serde_json::to_value(&facts).unwrap();
        assert!(kept["metrics/p95"].is_object(), "{kept}");
        assert_eq!(serde_json::from_value::<Facts>(kept).unwrap(), facts);
    }

    #[test]
    fn a_fact_is_forgotten_with_its_pages_and_without_its_neighbours() {
        let run = Topic::Step(dispatch()).fact(Item::Run);
        let group = Group::Fact(run.clone());
        assert!(group.has(&run) && group.has(&run.page(3)));
        assert!(!group.has(&Topic::Step(dispatch()).fact(Item::Jobs)));
        assert!(!Group::Fact(run.page(1)).has(&run.page(11)));
        assert!(!Group::Topic(Topic::Smoke(1)).has(&Topic::Smoke(11).fact(Item::Made)));
        let now = Group::Topic(Topic::Now(dispatch()));
        assert!(now.has(&Topic::Now(dispatch()).fact(Item::Pods).of(&"orders").page(0)));
        assert!(!now.has(&run));
    }
}
