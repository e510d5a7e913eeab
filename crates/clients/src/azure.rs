//! Azure: logins, the registry of images, and servers of PostgreSQL.

pub mod registry;

mod arm;
mod entra;
mod operation;
mod server;
mod setting;

use chrono::TimeDelta;
use serde::Deserialize;

use crate::{Rejection, Response, Retry, Words, fault::faults};

pub use arm::{Arm, Beside, Restore, RestoreAccepted, Settings, read_beside, read_restore, read_server};
pub use entra::{AccessToken, Entra, Proof, read_token, scope};
pub use operation::{Progress, read_operation};
pub use server::Server;
pub use setting::{Difference, Setting, UnknownSetting};

/// Why Azure gave no answer that can be used.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum AzureError {
    /// It did not take the request.
    #[error(transparent)]
    Rejected(Rejection),
    /// The login is refused: the application is unknown, its secret is wrong or has expired, its federated token is not
    /// accepted.
    #[error("the login is refused{0}")]
    LoginRefused(Words),
    /// The registry has no such repository.
    #[error("the registry has no such repository{0}")]
    UnknownRepository(Words),
    /// The login works, and does not open this repository.
    #[error("the login does not open this repository{0}")]
    RepositoryClosed(Words),
    /// The registry is of the classic kind, which lists names only.
    #[error("the registry lists names only")]
    ClassicRegistry,
    /// What came has not the digest that was asked for.
    #[error("what came has not the digest that was asked for")]
    Altered,
    /// Another server has the name.
    #[error("another server has the name{0}")]
    NameTaken(Words),
    /// There is no room for another server.
    #[error("there is no room for another server{0}")]
    QuotaExceeded(Words),
    /// The point in time is not in the backups.
    #[error("the point in time is not in the backups{0}")]
    OutsideWindow(Words),
    /// Something else is being done with the server just now.
    #[error("something else is being done with the server{words}")]
    Busy {
        /// When to ask again.
        after: Option<TimeDelta>,
        /// What it says.
        words: Words,
    },
    /// It refers to an address that we were not told to call.
    #[error("it refers to {0}, which is not configured")]
    ForeignAddress(String),
}

faults!(AzureError, "azure", {
    // Another code than a 401's: a new token does not help, since it is the login itself that is refused.
    Self::LoginRefused(_) => ("entra_login_refused", Retry::Never, LoginRefused),
    Self::UnknownRepository(_) => ("unknown_repository", Retry::Never, UnknownRepository),
    // The registry says the same of a token that has expired.
    Self::RepositoryClosed(_) => ("repository_closed", Retry::Renewed, InsufficientPermissions),
    Self::ClassicRegistry => ("classic_registry", Retry::Never, Refused),
    Self::Altered => ("altered", Retry::Later(None), Garbled),
    Self::NameTaken(_) => ("name_taken", Retry::Never, NameTaken),
    Self::QuotaExceeded(_) => ("quota_exceeded", Retry::Never, QuotaExceeded),
    Self::OutsideWindow(_) => ("outside_window", Retry::Never, OutsideWindow),
    Self::Busy { after, .. } => ("busy", Retry::Later(*after), TimedOut),
    Self::ForeignAddress(_) => ("foreign_address", Retry::Never, Refused),
});

/// What the resource manager says when it refuses.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    error: Reason,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct Reason {
    code: String,
    message: String,
}

impl Reason {
    fn of(response: &Response) -> Self {
        response.json::<Said>().unwrap_or_default().error
    }

    fn words(&self) -> String {
        format!("{} {}", self.code, self.message)
    }
}
