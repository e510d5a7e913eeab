//! What opens the systems of an environment.

use clients::Secret;
use serde::Deserialize;

/// How GitHub is reached: as an App, or with a token of its own where there is no App, as in a laboratory.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct GithubCredentials {
    /// The App's private key, PEM.
    pub app_key: Option<Secret>,
    /// A token, when there is no App.
    pub token: Option<Secret>,
}

/// How Azure is reached: as a service principal, by a secret or by the token of a federated identity.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct AzureCredentials {
    /// Who we are.
    pub client_id: String,
    /// The secret.
    pub client_secret: Option<Secret>,
    /// A federated token, when there is no secret.
    pub assertion: Option<Secret>,
}

/// The credentials of one environment. Which privilege each needs stands in `docs/permissions.md`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Credentials {
    /// GitHub: actions, contents, and for a database secrets and variables.
    pub github: GithubCredentials,
    /// Azure: the registry, and for a database the servers.
    pub azure: AzureCredentials,
    /// The token of a service account that reads deployments and pods.
    pub kubernetes: Option<Secret>,
    /// A bearer token of Prometheus, where it asks for one.
    pub prometheus: Option<Secret>,
    /// A bearer token of Alertmanager, where it asks for one.
    pub alertmanager: Option<Secret>,
    /// The routing key of PagerDuty.
    pub pagerduty: Option<Secret>,
    /// The address of Slack's incoming webhook, which is a secret as a whole.
    pub slack: Option<Secret>,
    /// The key that signs what is sent to the webhook.
    pub webhook: Option<Secret>,
    /// The token of the user that smoke tests act as.
    pub smoke: Option<Secret>,
    /// The password that goes into the connection secret: GitHub gives no secret back, so it is known here.
    pub database_password: Option<Secret>,
}
