//! What a runtime is loaded with.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

/// Where the application is, and how it may run.
#[derive(Debug, Clone)]
pub struct Options {
    /// The path of `spin.toml`; component sources are relative to its folder.
    pub manifest: PathBuf,
    /// Values of the manifest's variables, by lower-case name; what is missing has the manifest's default.
    ///
    /// The runtime reads no environment: [`manifest::environment`] turns `SPIN_VARIABLE_<NAME>` into this map.
    pub variables: BTreeMap<String, String>,
    /// The folder of compiled components, created when missing.
    ///
    /// Only this process's user may write there: what it holds is loaded as machine code.
    pub cache_dir: PathBuf,
    /// Enter functions by standard interfaces alone, as Spin does, and not by those of `hubline:functions` that a component
    /// has beside them.
    pub standard: bool,
    /// What a component may use.
    pub limits: Limits,
}

/// What one component, one instance and one call may use.
#[derive(Debug, Clone)]
pub struct Limits {
    /// The linear memory of one instance, in bytes.
    pub memory: usize,
    /// How long one call may take, from its request to the end of its answer.
    pub call: Duration,
    /// How long a scheduled component may take.
    pub schedule: Duration,
    /// How long an instance may compute without waiting for anything.
    pub busy: Duration,
    /// How long one statement may take before its connection is given up.
    pub statement: Duration,
    /// The longest answer of a component and of an outbound request, in bytes.
    pub body: usize,
    /// How many calls one instance serves in its life: many, for with it goes what it has found out about its callers.
    pub reuse: usize,
    /// How many calls one instance serves at once.
    pub concurrency: usize,
    /// How many calls one component serves at once; more wait their turn.
    pub calls: usize,
    /// How long an instance without a call is kept.
    pub idle: Duration,
    /// How many connections one PostgreSQL address may hold.
    pub connections: usize,
}

impl Default for Limits {
    fn default() -> Self {
        let cores = std::thread::available_parallelism().map_or(2, usize::from);
        Self {
            memory: 64 << 20,
            call: Duration::from_secs(10),
            schedule: Duration::from_secs(300),
            busy: Duration::from_secs(1),
            statement: Duration::from_secs(3),
            body: 8 << 20,
            reuse: 1 << 20,
            concurrency: 16,
            calls: 128,
            idle: Duration::from_secs(10),
            connections: 8 * cores,
        }
    }
}
