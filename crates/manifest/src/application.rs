//! The application once every variable has its value.

use std::collections::BTreeMap;
use std::path::PathBuf;

use crate::{AllowedHost, Route, Schedule};

/// What is to run: components, and what calls them.
///
/// It holds secrets, and so has no `Debug`.
pub struct Application {
    /// Its name.
    pub name: String,
    /// Its components by name.
    pub components: BTreeMap<String, Component>,
    /// What answers HTTP requests.
    pub http: Vec<HttpTrigger>,
    /// What is called when a message is published to Redis.
    pub redis: Vec<RedisTrigger>,
    /// What is called by the clock.
    pub cron: Vec<CronTrigger>,
}

/// One component.
pub struct Component {
    /// The file of its binary.
    pub source: PathBuf,
    /// The values that it may ask for.
    pub variables: BTreeMap<String, String>,
    /// Where it may connect to.
    pub allowed_hosts: Vec<AllowedHost>,
    /// How it is made, if the manifest says so.
    pub build: Option<Build>,
}

/// How a component is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Build {
    /// The commands, in order.
    pub commands: Vec<String>,
    /// Where they run.
    pub workdir: PathBuf,
    /// The files that make a new build necessary, as patterns.
    pub watch: Vec<String>,
}

/// A route and its component.
#[derive(Debug, Clone)]
pub struct HttpTrigger {
    /// The component's name.
    pub component: String,
    /// The route; none when only components of the application may call it.
    pub route: Option<Route>,
}

/// A channel and its component.
pub struct RedisTrigger {
    /// The component's name.
    pub component: String,
    /// The server's URL.
    pub address: String,
    /// The channel's exact name.
    pub channel: String,
}

/// A schedule and its component.
#[derive(Debug, Clone)]
pub struct CronTrigger {
    /// The component's name.
    pub component: String,
    /// When it fires.
    pub schedule: Schedule,
}
