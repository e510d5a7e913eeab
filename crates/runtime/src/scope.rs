//! What one component may see and reach.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use manifest::AllowedHost;

use crate::client::Client;
use crate::metrics::Durations;
use crate::neighbour::Neighbour;
use crate::{Limits, postgres, redis};

/// A component's share of the world.
pub(crate) struct Scope {
    /// The component's name.
    pub name: Arc<str>,
    /// Its variables with their values.
    pub variables: BTreeMap<String, String>,
    /// Where it may connect to.
    pub allowed_hosts: Vec<AllowedHost>,
    /// How long its statements take.
    pub statements: Arc<Durations>,
    /// How long its commands to Redis take.
    pub commands: Arc<Durations>,
    /// Everything that it shares with the other components.
    pub services: Arc<Services>,
}

/// Answers requests that components make of each other.
pub(crate) trait Components: Send + Sync {
    /// Answers a request to a component; nothing if there is no such component.
    fn answer<'c>(&'c self, component: &'c str, request: Request<Bytes>) -> BoxFuture<'c, Option<Response<Bytes>>>;
}

/// What the components of an application share.
pub(crate) struct Services {
    pub limits: Limits,
    /// Whether functions are entered by standard interfaces alone.
    pub standard: bool,
    pub postgres: postgres::Pools,
    pub redis: redis::Links,
    pub client: Client,
    pub neighbour: Neighbour,
    /// The components themselves, for calls from one to another.
    pub components: OnceLock<Weak<dyn Components>>,
}

impl Scope {
    /// Whether the manifest lets the component connect to a place.
    pub fn may_reach(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let allowed = self.allowed_hosts.iter().any(|allowed| allowed.allows(scheme, host, port));
        if !allowed {
            let port = port.map(|port| format!(":{port}")).unwrap_or_default();
            tracing::warn!(component = &*self.name, "{scheme}://{host}{port} is not in allowed_outbound_hosts");
        }
        allowed
    }
}
