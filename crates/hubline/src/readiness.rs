//! Whether the functions can do what clients need of them.

use anyhow::{Result, bail};
use http::{Method, StatusCode};
use relay::Functions;

use crate::internal::Internal;

/// Where the function that serves joins does for nobody what it does for a client.
const READY: &str = "/internal/ready";

/// Asks, on the way that a client's join takes: through the function, in the database's role, to the database.
#[derive(Clone)]
pub struct Readiness {
    internal: Internal,
}

impl Readiness {
    /// Asks by these routes.
    pub fn new(internal: Internal) -> Self {
        Self { internal }
    }

    /// Asks these functions.
    ///
    /// # Errors
    ///
    /// Says what is not ready, for the log.
    pub async fn ask(&self, functions: &dyn Functions) -> Result<()> {
        let response = self.internal.call(functions, Method::GET, READY, b"").await?;
        match response.status() {
            status if status.is_success() => Ok(()),
            StatusCode::UNAUTHORIZED => bail!("the functions do not take relay_key: theirs is another one"),
            StatusCode::SERVICE_UNAVAILABLE => bail!("the function that serves joins can't serve: its log says why"),
            status => bail!("the function that serves joins answers {status}"),
        }
    }
}
