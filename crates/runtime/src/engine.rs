//! wasmtime, set up for many short-lived instances.

use std::time::Duration;

use tokio_util::sync::CancellationToken;
use wasmtime::{Config, Engine, InstanceAllocationStrategy, PoolingAllocationConfig};

use crate::{Limits, LoadError};

/// How often a busy guest is made to pause, so that others get their turn and its time can be checked.
pub(crate) const TICK: Duration = Duration::from_millis(10);

/// Core instances within one component: the program itself and the adapters that the linker adds.
const CORE_INSTANCES: u32 = 16;

/// What stays mapped of each slot when its instance goes: without it every instance faults its pages in anew.
const KEEP_MEMORY: usize = 1 << 20;
const KEEP_TABLE: usize = 64 << 10;

/// Makes an engine with room for `instances` at once, and what is cancelled when nobody moves its clock any longer.
pub(crate) fn engine(limits: &Limits, instances: u32) -> Result<(Engine, CancellationToken), LoadError> {
    let mut pool = PoolingAllocationConfig::new();
    pool.total_component_instances(instances)
        .total_core_instances(instances.saturating_mul(CORE_INSTANCES))
        .max_core_instances_per_component(CORE_INSTANCES)
        .total_memories(instances)
        .max_memories_per_component(2)
        .max_memory_size(limits.memory)
        .total_tables(instances.saturating_mul(4))
        .max_tables_per_component(4)
        .total_stacks(instances.saturating_mul(2))
        .linear_memory_keep_resident(KEEP_MEMORY)
        .table_keep_resident(KEEP_TABLE);
    let mut config = Config::new();
    config
        .wasm_component_model_async(true)
        .epoch_interruption(true)
        .allocation_strategy(InstanceAllocationStrategy::Pooling(pool));
    let engine = Engine::new(&config).map_err(|error| LoadError::Setup(format!("{error:#}")))?;
    let ticking = tick(&engine)?;
    Ok((engine, ticking))
}

/// Moves the epoch on until the engine is gone.
///
/// A thread of its own: on a runtime's thread it would stand still exactly when guests keep all of them busy. Its end is known
/// by the token, however it comes.
fn tick(engine: &Engine) -> Result<CancellationToken, LoadError> {
    let weak = engine.weak();
    let ticking = CancellationToken::new();
    let life = ticking.clone().drop_guard();
    std::thread::Builder::new()
        .name("epoch".to_owned())
        .spawn(move || {
            let _life = life;
            while let Some(engine) = weak.upgrade() {
                engine.increment_epoch();
                drop(engine);
                std::thread::sleep(TICK);
            }
        })
        .map(|_| ticking)
        .map_err(|error| LoadError::Setup(format!("cannot start a thread: {error}")))
}
