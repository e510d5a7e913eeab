//! The components of a manifest, ready to be called.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock, Weak};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use manifest::{Manifest, Schedule};
use tokio_util::sync::CancellationToken;
use wasmtime::Engine;
use wasmtime::component::{Component, HasSelf, InstancePre, Linker};

use crate::answer::Failure;
use crate::bindings::host::Host_;
use crate::cache::Cache;
use crate::client::Client;
use crate::function::Function;
use crate::metrics::{self, Calls, Registry, Trigger};
use crate::neighbour::Neighbour;
use crate::redis::{Links, Listener, Subscriber};
use crate::route::Routes;
use crate::schedule::Scheduled;
use crate::scope::{Components, Scope, Services};
use crate::state::State;
use crate::{LoadError, Options, engine, postgres};

/// Instances of one component beyond those that its HTTP calls may need: for messages and the clock.
const SPARE: usize = 8;

/// A loaded application.
pub(crate) struct Application {
    engine: Engine,
    ticking: CancellationToken,
    services: Arc<Services>,
    registry: Registry,
    routes: Routes,
    functions: BTreeMap<String, Function>,
    listeners: Vec<Arc<Listener>>,
    subscribers: Vec<Arc<Subscriber>>,
    scheduled: BTreeMap<String, Arc<Scheduled>>,
    schedules: Vec<(String, Schedule)>,
}

impl Application {
    /// Reads, compiles and links everything; it blocks its thread for as long as that takes.
    pub fn load(options: &Options) -> Result<Arc<Self>, LoadError> {
        let application = Manifest::read(&options.manifest)?.resolve(&options.variables)?;
        let limits = &options.limits;
        let instances = application.components.len().saturating_mul(limits.calls.saturating_add(SPARE));
        let (engine, ticking) = engine::engine(limits, u32::try_from(instances).unwrap_or(u32::MAX))?;
        let cache = Cache::open(&options.cache_dir).map_err(|error| {
            LoadError::Setup(format!("cannot use the cache folder {}: {error}", options.cache_dir.display()))
        })?;
        let services = Arc::new(Services {
            limits: limits.clone(),
            standard: options.standard,
            postgres: postgres::Pools::new(limits),
            redis: Links::default(),
            client: Client::new(limits.body),
            neighbour: Neighbour::default(),
            components: OnceLock::new(),
        });
        let mut loader = Loader {
            linker: linker(&engine)?,
            engine,
            cache,
            services,
            registry: Registry::default(),
            compiled: BTreeMap::new(),
        };
        let mut parts = BTreeMap::new();
        for (name, component) in application.components {
            let part = loader.part(&name, component)?;
            parts.insert(name, part);
        }
        let Loader { engine, services, registry, .. } = loader;
        let mut loaded = Self {
            engine,
            ticking,
            services: Arc::clone(&services),
            registry,
            routes: Routes::default(),
            functions: BTreeMap::new(),
            listeners: Vec::new(),
            subscribers: Vec::new(),
            scheduled: BTreeMap::new(),
            schedules: Vec::new(),
        };
        for trigger in application.http {
            if !loaded.functions.contains_key(&trigger.component) {
                let function =
                    part(&parts, &trigger.component)?.become_one(&mut loaded.registry, Trigger::Http, Function::new)?;
                loaded.functions.insert(trigger.component.clone(), function);
            }
            if let Some(route) = trigger.route {
                loaded.routes.add(route, trigger.component);
            }
        }
        let mut listeners: BTreeMap<String, Arc<Listener>> = BTreeMap::new();
        let mut servers: BTreeMap<String, BTreeMap<String, Vec<Arc<Listener>>>> = BTreeMap::new();
        for trigger in application.redis {
            let listener = match listeners.get(&trigger.component) {
                Some(listener) => Arc::clone(listener),
                None => Arc::new(part(&parts, &trigger.component)?.become_one(
                    &mut loaded.registry,
                    Trigger::Redis,
                    Listener::new,
                )?),
            };
            listeners.insert(trigger.component, Arc::clone(&listener));
            servers.entry(trigger.address).or_default().entry(trigger.channel).or_default().push(listener);
        }
        for (address, channels) in servers {
            let invalid = |error| LoadError::Setup(format!("the address of a Redis trigger is invalid: {error}"));
            loaded.subscribers.push(Arc::new(Subscriber::new(&address, channels).map_err(invalid)?));
        }
        loaded.listeners = listeners.into_values().collect();
        for trigger in application.cron {
            if !loaded.scheduled.contains_key(&trigger.component) {
                let scheduled = part(&parts, &trigger.component)?.become_one(
                    &mut loaded.registry,
                    Trigger::Cron,
                    Scheduled::new,
                )?;
                loaded.scheduled.insert(trigger.component.clone(), Arc::new(scheduled));
            }
            loaded.schedules.push((trigger.component, trigger.schedule));
        }
        let loaded = Arc::new(loaded);
        let components: Weak<dyn Components> = Arc::<Self>::downgrade(&loaded);
        // Fails only if it was set before, and nobody else has had these services yet.
        drop(services.components.set(components));
        Ok(loaded)
    }

    /// Answers a request from outside.
    pub async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        let told = |component: &str| self.functions.get(component).is_some_and(Function::is_told_of_routes);
        let Some((component, request)) = self.routes.lead(request, told) else { return Failure::NotFound.answer() };
        match self.functions.get(component) {
            Some(function) => noted(component, function.call(request).await),
            None => Failure::NotFound.answer(),
        }
    }

    /// The server in this process that components may ask for.
    pub fn neighbour(&self) -> &Neighbour {
        &self.services.neighbour
    }

    /// A component with a cron trigger.
    pub fn scheduled(&self, component: &str) -> Option<&Arc<Scheduled>> {
        self.scheduled.get(component)
    }

    /// The schedules, each with the component that it fires.
    pub fn schedules(&self) -> impl Iterator<Item = (&str, Arc<Scheduled>, Schedule)> {
        self.schedules.iter().filter_map(|(name, schedule)| {
            Some((name.as_str(), Arc::clone(self.scheduled.get(name)?), schedule.clone()))
        })
    }

    /// Cancelled when nobody bounds the time of guests any longer.
    pub fn ticking(&self) -> &CancellationToken {
        &self.ticking
    }

    /// The components with a Redis trigger.
    pub fn listeners(&self) -> &[Arc<Listener>] {
        &self.listeners
    }

    /// A subscriber for each Redis server.
    pub fn subscribers(&self) -> &[Arc<Subscriber>] {
        &self.subscribers
    }

    /// What has happened so far.
    pub fn metrics(&self) -> String {
        metrics::render(&self.registry, &self.engine, &self.services.postgres.occupancy(), &self.subscribers)
    }
}

impl Components for Application {
    fn answer<'c>(&'c self, component: &'c str, request: Request<Bytes>) -> BoxFuture<'c, Option<Response<Bytes>>> {
        async move { Some(noted(component, self.functions.get(component)?.call(request).await)) }.boxed()
    }
}

/// What is shared while components are loaded.
struct Loader {
    engine: Engine,
    cache: Cache,
    linker: Linker<State>,
    services: Arc<Services>,
    registry: Registry,
    compiled: BTreeMap<PathBuf, Component>,
}

/// A component on its way to what its triggers make of it.
struct Part {
    name: String,
    pre: InstancePre<State>,
    scope: Arc<Scope>,
}

/// Has the log say why the runtime answered in a function's place: whoever called is not told.
fn noted(component: &str, answer: Response<Bytes>) -> Response<Bytes> {
    if let Some(failure) = answer.extensions().get::<Failure>() {
        tracing::warn!(component, ?failure, "a function gave no answer");
    }
    answer
}

impl Loader {
    fn part(&mut self, name: &str, component: manifest::Component) -> Result<Part, LoadError> {
        let does_not_run =
            |error: wasmtime::Error| LoadError::Component { component: name.to_owned(), reason: format!("{error:#}") };
        let compiled = match self.compiled.get(&component.source) {
            Some(compiled) => compiled.clone(),
            None => {
                let binary = std::fs::read(&component.source).map_err(|source| LoadError::Source {
                    component: name.to_owned(),
                    path: component.source.clone(),
                    source,
                })?;
                let compiled = self.cache.component(&self.engine, &binary).map_err(does_not_run)?;
                self.compiled.insert(component.source.clone(), compiled.clone());
                compiled
            }
        };
        let scope = Scope {
            name: Arc::from(name),
            variables: component.variables,
            allowed_hosts: component.allowed_hosts,
            statements: self.registry.statements(name),
            commands: self.registry.commands(name),
            services: Arc::clone(&self.services),
        };
        Ok(Part {
            name: name.to_owned(),
            pre: self.linker.instantiate_pre(&compiled).map_err(does_not_run)?,
            scope: Arc::new(scope),
        })
    }
}

impl Part {
    /// Makes what a trigger needs; fails if the component does not export it.
    fn become_one<T>(
        &self,
        registry: &mut Registry,
        trigger: Trigger,
        make: impl FnOnce(InstancePre<State>, Arc<Scope>, Arc<Calls>) -> wasmtime::Result<T>,
    ) -> Result<T, LoadError> {
        make(self.pre.clone(), Arc::clone(&self.scope), registry.calls(&self.name, trigger))
            .map_err(|error| LoadError::Component { component: self.name.clone(), reason: format!("{error:#}") })
    }
}

fn part<'p>(parts: &'p BTreeMap<String, Part>, name: &str) -> Result<&'p Part, LoadError> {
    // The manifest refuses triggers of components that it does not have.
    parts.get(name).ok_or_else(|| LoadError::Setup(format!("there is no component `{name}`")))
}

/// Everything that a component may import.
fn linker(engine: &Engine) -> Result<Linker<State>, LoadError> {
    let mut linker = Linker::new(engine);
    let linked = wasmtime_wasi::p2::add_to_linker_async(&mut linker)
        .and_then(|()| wasmtime_wasi::p3::add_to_linker(&mut linker))
        .and_then(|()| wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker))
        .and_then(|()| wasmtime_wasi_http::p3::add_to_linker(&mut linker))
        .and_then(|()| Host_::add_to_linker::<_, HasSelf<_>>(&mut linker, |state: &mut State| state));
    linked.map_err(|error| LoadError::Setup(format!("{error:#}")))?;
    Ok(linker)
}
