//! What is counted, and how it reads.

mod durations;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;
use wasmtime::Engine;

pub(crate) use durations::Durations;

use crate::answer::Failure;
use crate::{postgres, redis};

/// How a call ended, as far as the one who called can tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    Ok,
    Refused,
    Failed,
}

impl Outcome {
    const ALL: [(Self, &'static str); 3] = [(Self::Ok, "ok"), (Self::Refused, "refused"), (Self::Failed, "failed")];

    /// What an HTTP status says.
    pub fn of(status: StatusCode) -> Self {
        match status {
            status if status.is_server_error() => Self::Failed,
            status if status.is_client_error() => Self::Refused,
            _ => Self::Ok,
        }
    }
}

/// The counters of one component.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    outcomes: [AtomicU64; 3],
    durations: Durations,
    overtimes: AtomicU64,
    rejections: AtomicU64,
    traps: AtomicU64,
    instances: AtomicU64,
    alive: AtomicI64,
    interface: OnceLock<&'static str>,
}

impl Calls {
    /// The component is entered by this interface.
    pub fn entered_by(&self, component: &str, interface: &'static str) {
        tracing::info!(component, interface, "a component is entered");
        self.interface.get_or_init(|| interface);
    }

    /// A call has ended.
    pub fn ended(&self, outcome: Outcome, took: Duration) {
        if let Some((_, counter)) = Outcome::ALL.iter().zip(&self.outcomes).find(|((each, _), _)| *each == outcome) {
            counter.fetch_add(1, Relaxed);
        }
        self.durations.observe(took);
    }

    /// The runtime had to answer in the function's place.
    pub fn failed(&self, failure: Failure) {
        match failure {
            Failure::Overtime => self.overtimes.fetch_add(1, Relaxed),
            Failure::Busy => self.rejections.fetch_add(1, Relaxed),
            _ => 0,
        };
    }

    /// An instance was made.
    pub fn instance_began(&self) {
        self.instances.fetch_add(1, Relaxed);
        self.alive.fetch_add(1, Relaxed);
    }

    /// An instance is gone, by its own fault or in due time.
    pub fn instance_ended(&self, trapped: bool) {
        self.alive.fetch_sub(1, Relaxed);
        if trapped {
            self.traps.fetch_add(1, Relaxed);
        }
    }
}

/// What calls a component.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Trigger {
    Http,
    Redis,
    Cron,
}

impl Trigger {
    fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Redis => "redis",
            Self::Cron => "cron",
        }
    }
}

/// What is counted, by component.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    calls: BTreeMap<(String, Trigger), Arc<Calls>>,
    statements: BTreeMap<String, Arc<Durations>>,
    commands: BTreeMap<String, Arc<Durations>>,
}

impl Registry {
    /// The counters of one component's calls by one kind of trigger.
    pub fn calls(&mut self, component: &str, trigger: Trigger) -> Arc<Calls> {
        Arc::clone(self.calls.entry((component.to_owned(), trigger)).or_default())
    }

    /// How long the statements of one component take, in PostgreSQL and until it has a connection to it.
    pub fn statements(&mut self, component: &str) -> Arc<Durations> {
        Arc::clone(self.statements.entry(component.to_owned()).or_default())
    }

    /// How long the commands of one component take in Redis.
    pub fn commands(&mut self, component: &str) -> Arc<Durations> {
        Arc::clone(self.commands.entry(component.to_owned()).or_default())
    }

    fn labelled(&self) -> impl Iterator<Item = (String, &Calls)> {
        let labels = |component, trigger: &Trigger| format!(r#"component="{component}",trigger="{}""#, trigger.name());
        self.calls.iter().map(move |((component, trigger), calls)| (labels(component, trigger), calls.as_ref()))
    }
}

/// Writes everything as Prometheus reads it.
pub(crate) fn render(
    registry: &Registry,
    engine: &Engine,
    pools: &[postgres::Occupancy],
    subscribers: &[Arc<redis::Subscriber>],
) -> String {
    let mut page = Page::default();
    page.family("hubline_function_calls_total", "counter", "Calls of a component, by outcome.");
    for (labels, calls) in registry.labelled() {
        for ((_, outcome), counter) in Outcome::ALL.iter().zip(&calls.outcomes) {
            page.line(&format!(r#"{labels},outcome="{outcome}""#), counter.load(Relaxed));
        }
    }
    page.family("hubline_function_info", "gauge", "By which interface a component is entered.");
    for (labels, calls) in registry.labelled() {
        if let Some(interface) = calls.interface.get() {
            page.line(&format!(r#"{labels},interface="{interface}""#), 1);
        }
    }
    page.counters(registry, "hubline_function_traps_total", "Instances that trapped.", |calls| &calls.traps);
    page.counters(registry, "hubline_function_overtimes_total", "Calls that took too long.", |calls| &calls.overtimes);
    page.counters(registry, "hubline_function_rejections_total", "Calls that found no room.", |calls| {
        &calls.rejections
    });
    page.counters(registry, "hubline_function_instances_total", "Instances made.", |calls| &calls.instances);
    page.family("hubline_function_instances", "gauge", "Instances that exist.");
    for (labels, calls) in registry.labelled() {
        page.line(&labels, calls.alive.load(Relaxed));
    }
    page.family("hubline_function_duration_seconds", "histogram", "How long calls took, waiting for room included.");
    for (labels, calls) in registry.labelled() {
        page.histogram(&labels, &calls.durations);
    }
    page.users(
        &registry.statements,
        "hubline_postgres_statement_duration_seconds",
        "How long statements took, from asking for a connection to the last row.",
    );
    page.users(
        &registry.commands,
        "hubline_redis_command_duration_seconds",
        "How long commands took, from the first byte to the answer.",
    );
    page.family("hubline_postgres_connections", "gauge", "Connections to PostgreSQL, by server and state.");
    for pool in pools {
        let server = &pool.server;
        page.line(&format!(r#"server="{server}",state="used""#), pool.used);
        page.line(&format!(r#"server="{server}",state="idle""#), pool.idle);
    }
    page.family("hubline_redis_subscribed", "gauge", "Whether the Redis trigger listens, by server.");
    for subscriber in subscribers {
        let labels = format!(r#"server="{}""#, subscriber.server());
        page.line(&labels, u8::from(subscriber.is_subscribed()));
    }
    if let Some(slots) = engine.pooling_allocator_metrics() {
        page.family("hubline_wasm_memories", "gauge", "Linear memories in use.");
        page.line("", slots.memories());
    }
    page.text
}

/// Text that is growing.
#[derive(Default)]
struct Page {
    text: String,
    family: &'static str,
}

impl Page {
    fn family(&mut self, name: &'static str, kind: &str, help: &str) {
        self.family = name;
        self.push(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}\n"));
    }

    fn line(&mut self, labels: &str, value: impl std::fmt::Display) {
        self.suffixed("", labels, value);
    }

    fn suffixed(&mut self, suffix: &str, labels: &str, value: impl std::fmt::Display) {
        let family = self.family;
        match labels {
            "" => self.push(format_args!("{family}{suffix} {value}\n")),
            _ => self.push(format_args!("{family}{suffix}{{{labels}}} {value}\n")),
        }
    }

    fn counters(&mut self, registry: &Registry, name: &'static str, help: &str, of: fn(&Calls) -> &AtomicU64) {
        self.family(name, "counter", help);
        for (labels, calls) in registry.labelled() {
            self.line(&labels, of(calls).load(Relaxed));
        }
    }

    /// A histogram for each component that has done it at all: most have no use for a database or for Redis.
    fn users(&mut self, components: &BTreeMap<String, Arc<Durations>>, name: &'static str, help: &str) {
        self.family(name, "histogram", help);
        for (component, durations) in components.iter().filter(|(_, durations)| durations.count() > 0) {
            self.histogram(&format!(r#"component="{component}""#), durations);
        }
    }

    fn histogram(&mut self, labels: &str, durations: &Durations) {
        for (bound, within) in durations.buckets() {
            self.suffixed("_bucket", &format!(r#"{labels},le="{bound}""#), within);
        }
        let count = durations.count();
        self.suffixed("_bucket", &format!(r#"{labels},le="+Inf""#), count);
        self.suffixed("_sum", labels, durations.sum().as_secs_f64());
        self.suffixed("_count", labels, count);
    }

    fn push(&mut self, arguments: std::fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        self.text.write_fmt(arguments).unwrap_or_default();
    }
}
