//! What belongs to one instance.

use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, StoreLimits, StoreLimitsBuilder, UpdateDeadline};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::outbound::Outbound;
use crate::output::Output;
use crate::pulse::Pulse;
use crate::scope::Scope;

/// The host's side of an instance.
pub(crate) struct State {
    pub scope: Arc<Scope>,
    pub table: ResourceTable,
    pub pulse: Arc<Pulse>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: Outbound,
    limits: StoreLimits,
}

impl State {
    /// A store for one new instance: nothing of the machine but clocks, randomness and a log.
    pub fn store(engine: &Engine, scope: &Arc<Scope>) -> Store<Self> {
        let limits = &scope.services.limits;
        let output = Output::of(Arc::clone(&scope.name));
        let mut wasi = WasiCtx::builder();
        wasi.stdout(output.clone()).stderr(output).allow_tcp(false).allow_udp(false);
        let state = Self {
            scope: Arc::clone(scope),
            table: ResourceTable::new(),
            pulse: Arc::new(Pulse::new(limits.busy)),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outbound: Outbound::of(Arc::clone(scope)),
            limits: StoreLimitsBuilder::new().memory_size(limits.memory).build(),
        };
        let mut store = Store::new(engine, state);
        store.limiter(|state| &mut state.limits);
        store.set_epoch_deadline(1);
        store.epoch_deadline_callback(|context| match context.data().pulse.beat() {
            true => Ok(UpdateDeadline::Yield(1)),
            false => Err(wasmtime::format_err!("the function kept its thread for too long")),
        });
        store
    }
}

impl WasiView for State {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for State {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { hooks: &mut self.outbound, table: &mut self.table, ctx: &mut self.http }
    }
}
