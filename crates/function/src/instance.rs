//! What outlives a request: one for all requests of an instance.

use std::{cell::OnceCell, rc::Rc};

use chat::Refusal;
use store::{Connection, Role, StoreError};

use crate::{Config, database::Database, keys::Keys, misconfigured::misconfigured};

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
        let (url, role) = match &config.database_url {
            Some(url) => (Some(url.clone()), Role::Chat),
            None => (config.operations_database_url.clone(), Role::Operations),
        };
        Self { database: Database::new(url, role), keys: OnceCell::new(), config }
    }

    /// Runs one statement, and once more when that may help: so it has to be one that does nothing twice.
    ///
    /// # Errors
    /// Returns [`Unavailable`](chat::ErrorCode::Unavailable) when the database can't say; the outcome is not known.
    pub async fn database<T>(
        &self,
        statement: impl AsyncFn(&Connection) -> Result<T, StoreError>,
    ) -> Result<T, Refusal> {
        self.database.run(statement).await
    }
}
