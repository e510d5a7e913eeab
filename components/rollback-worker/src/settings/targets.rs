//! Where the systems of an environment are.

use std::collections::{BTreeMap, BTreeSet};

use rollback::{Application as Name, Digest, Repository, ServerName, terraform::Protection, validation::Tightening};
use serde::Deserialize;
use serde_json::Value;

/// Where the systems of an environment are. What is not there can't be rolled back, and says so when it is tried.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Targets {
    /// The pipeline.
    pub github: Option<Github>,
    /// The registry of images.
    pub registry: Option<Registry>,
    /// The cloud that database servers are in.
    pub azure: Option<Azure>,
    /// The cluster.
    pub kubernetes: Option<Kubernetes>,
    /// The metrics.
    pub prometheus: Option<Prometheus>,
    /// What sends the alerts. It is asked for those that a notification leaves out.
    pub alertmanager: Option<Alertmanager>,
    /// The applications, each deployed by itself.
    pub applications: Vec<Application>,
    /// How applications connect to their database.
    pub database: Option<Database>,
    /// Whom to tell.
    pub notify: Notify,
    /// The smoke tests of a validation.
    pub smoke: Option<Smoke>,
    /// What the validation is held against, where that is tighter than the defaults.
    pub validation: Tightening,
    /// What plans may not touch, beyond the defaults.
    pub protection: Protection,
    /// Images that are known to be bad.
    pub quarantined: BTreeSet<Digest>,
}

impl Targets {
    /// An application by name.
    #[must_use]
    pub fn application(&self, name: &Name) -> Option<&Application> {
        self.applications.iter().find(|application| application.name == *name)
    }
}

/// The pipeline on GitHub.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Github {
    /// Where the API is.
    #[serde(default = "github_api")]
    pub api: String,
    /// Where artifacts are kept, which the API refers to; left out, where github.com keeps them.
    #[serde(default)]
    pub artifacts: Option<String>,
    /// The App that we are; none where a token is used.
    #[serde(default)]
    pub app: Option<App>,
    /// The repository of the workflows.
    pub repository: Repository,
    /// The branch whose version of the workflows runs.
    #[serde(rename = "ref", default = "main_branch")]
    pub git_ref: String,
    /// The files of the workflows.
    #[serde(default)]
    pub workflows: Workflows,
    /// Whether a dispatch answers with the run that it made. GitHub Enterprise Server refuses to be asked that.
    #[serde(default = "yes")]
    pub run_details: bool,
    /// Whether the App is the deployment protection rule of the environment: GitHub then lets no deployment through until the
    /// worker, which has seen the approvals, says so.
    #[serde(default)]
    pub gate: bool,
}

/// A GitHub App and its installation.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct App {
    /// Its client id, or its number.
    pub id: Value,
    /// Its installation in the organisation of the repository.
    pub installation: u64,
}

impl App {
    /// Who signs the App's tokens.
    #[must_use]
    pub fn issuer(&self) -> String {
        self.id.as_str().map_or_else(|| self.id.to_string(), str::to_owned)
    }
}

/// The workflow files, as `deploy/github` names them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Workflows {
    /// Deploys an image.
    pub deploy: String,
    /// Keeps the writers away, and lets them in again.
    pub freeze: String,
    /// Compares a restored database with its source.
    pub verify: String,
    /// Plans a commit.
    pub plan: String,
    /// Applies a plan.
    pub apply: String,
}

impl Default for Workflows {
    fn default() -> Self {
        Self {
            deploy: "deploy.yml".into(),
            freeze: "freeze.yml".into(),
            verify: "verify-restore.yml".into(),
            plan: "terraform-plan.yml".into(),
            apply: "terraform-apply.yml".into(),
        }
    }
}

/// The registry of images.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Registry {
    /// Its login server as an origin: `https://example.azurecr.io`.
    pub server: String,
    /// Where it keeps blobs, when that is elsewhere: its data endpoint, such as `https://example.westeurope.data.azurecr.io`.
    #[serde(default)]
    pub blobs: Option<String>,
    /// The audience of the token that is exchanged.
    #[serde(default = "registry_audience")]
    pub audience: String,
}

/// The cloud that database servers are in.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Azure {
    /// Where the resource manager is.
    #[serde(default = "azure_management")]
    pub management: String,
    /// The audience of its tokens, where that is not its address.
    #[serde(default)]
    pub audience: Option<String>,
    /// Where tokens are issued.
    #[serde(default = "azure_entra")]
    pub entra: String,
    /// The tenant.
    pub tenant: String,
    /// The subscription.
    #[serde(default)]
    pub subscription: String,
    /// The resource group of the servers.
    #[serde(default)]
    pub resource_group: String,
}

/// The cluster.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Kubernetes {
    /// Where its API is.
    pub api: String,
    /// The namespace of the applications.
    pub namespace: String,
}

/// The metrics.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Prometheus {
    /// Where its API is.
    pub api: String,
    /// What it is asked.
    #[serde(default)]
    pub queries: Queries,
}

/// What sends the alerts.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Alertmanager {
    /// Where its API is.
    pub api: String,
}

/// What Prometheus is asked. `$window` stands for the length of the window, such as `120s`.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Queries {
    /// The latency that 95 of 100 requests keep to, in seconds.
    pub p95: String,
    /// The share of requests that fail, from 0 to 1.
    pub error_ratio: String,
    /// How many requests there were in the window.
    pub requests: String,
    /// The version of the schema that the database has; none when there is no such metric.
    pub schema: Option<String>,
    /// Since when data is known to be bad, in seconds since 1970; none when there is no such metric.
    pub bad_data_since: Option<String>,
}

impl Default for Queries {
    fn default() -> Self {
        let failed = r#"sum(rate(http_requests_total{code=~"5.."}[$window])) or vector(0)"#;
        Self {
            p95: "histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket[$window])))".into(),
            error_ratio: format!("({failed}) / sum(rate(http_requests_total[$window]))"),
            requests: "sum(increase(http_requests_total[$window]))".into(),
            schema: None,
            bad_data_since: None,
        }
    }
}

/// An application that is deployed by itself.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Application {
    /// Its name.
    pub name: Name,
    /// The repository of its deployment workflow, where that is not the one of all.
    #[serde(default)]
    pub repository: Option<Repository>,
    /// The deployment in the cluster.
    pub deployment: String,
    /// The container of the deployment.
    pub container: String,
    /// The repository of its images.
    pub image: Repository,
}

/// How applications connect to their database.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Database {
    /// The server, by the name that the cloud has for it.
    pub server: ServerName,
    /// The secret that holds the connection.
    #[serde(default = "connection_secret")]
    pub secret: String,
    /// The variable that says which revision of the secret holds.
    #[serde(default = "connection_variable")]
    pub variable: String,
    /// The connection, with `{host}` and `{password}` in their places.
    pub connection: Connection,
}

/// The text of a connection with its places.
#[derive(Clone, Debug, Deserialize)]
#[serde(transparent)]
pub struct Connection(String);

impl Connection {
    /// The connection to this host with this password.
    #[must_use]
    pub fn to(&self, host: &str, password: &str) -> String {
        self.0.replace("{host}", host).replace("{password}", password)
    }
}

/// Whom to tell. A channel whose credential is missing is left out.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Notify {
    /// Where PagerDuty takes events.
    pub pagerduty: String,
    /// A webhook that is told everything, signed with its credential.
    pub webhook: Option<String>,
    /// Where the page of an incident is, so that a notification leads there: `https://example.org`.
    pub page: Option<String>,
}

impl Default for Notify {
    fn default() -> Self {
        Self { pagerduty: "https://events.pagerduty.com".into(), webhook: None, page: None }
    }
}

/// The smoke tests: what registers a user, what creates a service request, and more.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Smoke {
    /// Where the application is reached, as its users reach it.
    pub base: String,
    /// Registers a user.
    pub user: Template,
    /// Creates a service request.
    pub service_request: Template,
    /// More, by the name of the check that each is.
    #[serde(default)]
    pub more: BTreeMap<String, Template>,
}

/// A smoke test.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Template {
    /// What it does, for a person to read.
    #[serde(default)]
    pub name: String,
    /// What is done.
    pub method: Verb,
    /// Where, below the base.
    pub path: String,
    /// What is sent.
    #[serde(default)]
    pub body: Option<Value>,
    /// What must come back.
    #[serde(default)]
    pub expect: Expectation,
    /// What takes away what was made.
    #[serde(default)]
    pub cleanup: Option<Cleanup>,
}

/// What must come back.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Expectation {
    /// With one of these statuses.
    #[serde(deserialize_with = "one_or_many")]
    pub status: Vec<u16>,
    /// With all of this in the body.
    pub body: Option<Value>,
}

impl Default for Expectation {
    fn default() -> Self {
        Self { status: vec![200, 201, 202, 204], body: None }
    }
}

/// What takes away what a smoke test has made.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cleanup {
    /// What is done.
    #[serde(default)]
    pub method: Verb,
    /// Where, below the base.
    pub path: String,
}

/// What a smoke test may do.
#[derive(Clone, Copy, Debug, Default, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "UPPERCASE")]
pub enum Verb {
    /// It reads.
    Get,
    /// It makes.
    Post,
    /// It puts.
    Put,
    /// It changes.
    Patch,
    /// It takes away.
    #[default]
    Delete,
}

impl From<Verb> for clients::Method {
    fn from(verb: Verb) -> Self {
        match verb {
            Verb::Get => Self::Get,
            Verb::Post => Self::Post,
            Verb::Put => Self::Put,
            Verb::Patch => Self::Patch,
            Verb::Delete => Self::Delete,
        }
    }
}

/// One number, or a list of them.
fn one_or_many<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Vec<u16>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Given {
        One(u16),
        Many(Vec<u16>),
    }
    Ok(match Given::deserialize(deserializer)? {
        Given::One(one) => vec![one],
        Given::Many(many) => many,
    })
}

const fn yes() -> bool {
    true
}

fn github_api() -> String {
    "https://api.github.com".into()
}

fn azure_management() -> String {
    "https://management.azure.com".into()
}

fn azure_entra() -> String {
    "https://login.microsoftonline.com".into()
}

fn registry_audience() -> String {
    "https://containerregistry.azure.net".into()
}

fn main_branch() -> String {
    "main".into()
}

fn connection_secret() -> String {
    "DB_CONNECTION".into()
}

fn connection_variable() -> String {
    "DB_CONNECTION_REV".into()
}
