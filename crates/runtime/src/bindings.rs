//! What the interfaces of `wit/` look like in Rust.

/// The imports that this runtime implements itself, beside WASI.
pub(crate) mod host {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "hubline:functions/host",
        imports: { default: async | trappable },
        with: {
            "spin:postgres/postgres.connection": crate::postgres::Connection,
            "spin:postgres/postgres.connection-builder": crate::postgres::Builder,
            "spin:redis/redis.connection": crate::redis::Connection,
        },
    });
}

/// The export of a component with a Redis trigger.
pub(crate) mod redis_function {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "hubline:functions/redis-function",
        exports: { default: async | store },
        with: { "spin:redis/redis": super::host::spin::redis::redis },
    });
}

/// The export of a component with a cron trigger.
pub(crate) mod cron_function {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "hubline:functions/cron-function",
        exports: { default: async },
    });
}

pub(crate) use host::fermyon::spin::variables as synchronous_variables;
pub(crate) use host::spin::{postgres::postgres, redis::redis, variables::variables};
