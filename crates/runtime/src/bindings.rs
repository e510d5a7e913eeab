//! What the interfaces of `wit/` look like in Rust.

/// The imports that this runtime implements itself, beside WASI.
pub(crate) mod host {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "hubline:functions/host@0.1.0",
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
        world: "hubline:functions/redis-function@0.1.0",
        exports: { default: async | store },
        with: { "spin:redis/redis": super::host::spin::redis::redis },
    });
}

/// The export of a component that says what request to make for a message.
pub(crate) mod errand_function {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "hubline:functions/errand-function@0.1.0",
        exports: { default: async | store },
    });
}

/// The export of a component that is asked over HTTP in one piece.
pub(crate) mod exchange_function {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "hubline:functions/exchange-function@0.1.0",
        exports: { default: async | store },
    });
}

/// The export of a component with a cron trigger.
pub(crate) mod cron_function {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "hubline:functions/cron-function@0.1.0",
        exports: { default: async },
    });
}

pub(crate) use errand_function::exports::hubline::functions::errand;
pub(crate) use exchange_function::exports::hubline::functions::exchange;
pub(crate) use host::fermyon::spin::variables as synchronous_variables;
pub(crate) use host::spin::{postgres::postgres, redis::redis, variables::variables};
