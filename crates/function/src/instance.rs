//! What outlives a request: one for all requests of an instance.

use std::{cell::OnceCell, rc::Rc};

use chat::{ErrorCode, Refusal};

use crate::{Config, database::Database, keys::Keys};

thread_local! {
    // An instance has one thread.
    static INSTANCE: OnceCell<Rc<Instance>> = const { OnceCell::new() };
}

/// What outlives a request: configuration, keys, connections of the database.
pub struct Instance {
    /// What the function was told.
    pub config: Config,
    pub(crate) database: Database,
    pub(crate) keys: OnceCell<Keys>,
}

impl Instance {
    /// The one of this instance, made by its first request.
    ///
    /// # Errors
    /// Returns a refusal when the host can't tell the configuration; the next request asks again.
    pub async fn get() -> Result<Rc<Self>, Refusal> {
        if let Some(instance) = INSTANCE.with(|cell| cell.get().cloned()) {
            return Ok(instance);
        }
        let config = Config::read().await.map_err(|error| misconfigured(&error))?;
        let made = Rc::new(Self::new(config));
        // Another request may have come first while this one waited for the host.
        Ok(INSTANCE.with(|cell| Rc::clone(cell.get_or_init(|| made))))
    }

    fn new(config: Config) -> Self {
        Self {
            database: Database::new(config.database_url.clone().or_else(|| config.operations_database_url.clone())),
            keys: OnceCell::new(),
            config,
        }
    }
}

/// The refusal of a function that can't work, whose reason is for the log.
pub fn misconfigured(reason: &dyn std::fmt::Display) -> Refusal {
    eprintln!("misconfigured: {reason}");
    ErrorCode::Unavailable.refusal("the function is not configured to answer this")
}
