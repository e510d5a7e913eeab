//! The manifest as it is written: what may stand where.
//!
//! Every table refuses fields that it does not name. A field that Spin knows and this project has no use for is
//! therefore refused too, rather than passed over: an application that needs it would not run as its author expects.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use toml::Spanned;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Document {
    pub spin_manifest_version: Spanned<i64>,
    pub application: ApplicationTable,
    #[serde(default)]
    pub variables: BTreeMap<Spanned<String>, VariableTable>,
    #[serde(default)]
    pub trigger: TriggerTables,
    #[serde(default)]
    pub component: BTreeMap<Spanned<String>, ComponentTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ApplicationTable {
    pub name: String,
    #[serde(rename = "version")]
    _version: Option<String>,
    #[serde(rename = "description")]
    _description: Option<String>,
    #[serde(rename = "authors")]
    _authors: Option<Vec<String>>,
    #[serde(rename = "targets")]
    _targets: Option<IgnoredAny>,
    #[serde(rename = "tool")]
    _tool: Option<IgnoredAny>,
    #[serde(default)]
    pub trigger: TriggerDefaults,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct TriggerDefaults {
    pub redis: Option<RedisDefaults>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedisDefaults {
    pub address: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct VariableTable {
    #[serde(rename = "description")]
    _description: Option<String>,
    pub default: Option<String>,
    #[serde(default)]
    pub required: bool,
    #[serde(default)]
    pub secret: bool,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct TriggerTables {
    #[serde(default)]
    pub http: Vec<HttpTable>,
    #[serde(default)]
    pub redis: Vec<RedisTable>,
    #[serde(default)]
    pub cron: Vec<CronTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct HttpTable {
    #[serde(rename = "id")]
    _id: Option<String>,
    pub component: Spanned<String>,
    pub route: Spanned<RouteValue>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a route is a path such as \"/v1/things/:id\" or { private = true }")]
pub(crate) enum RouteValue {
    Path(String),
    Private(PrivateTable),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PrivateTable {
    pub private: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedisTable {
    #[serde(rename = "id")]
    _id: Option<String>,
    pub component: Spanned<String>,
    pub channel: Spanned<String>,
    pub address: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct CronTable {
    #[serde(rename = "id")]
    _id: Option<String>,
    pub component: Spanned<String>,
    pub cron_expression: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ComponentTable {
    #[serde(rename = "description")]
    _description: Option<String>,
    pub source: Spanned<String>,
    #[serde(default)]
    pub allowed_outbound_hosts: Vec<Spanned<String>>,
    #[serde(default)]
    pub variables: BTreeMap<Spanned<String>, Spanned<String>>,
    pub build: Option<BuildTable>,
    #[serde(rename = "targets")]
    _targets: Option<IgnoredAny>,
    #[serde(rename = "tool")]
    _tool: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BuildTable {
    pub command: Spanned<Commands>,
    pub workdir: Option<String>,
    #[serde(default)]
    pub watch: Vec<String>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "a build command is a string or a list of strings")]
pub(crate) enum Commands {
    One(String),
    Several(Vec<String>),
}
