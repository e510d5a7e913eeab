//! The domain of service-request chat: its nouns, its rules, and the shapes in which parts tell each other about them.
//!
//! Nothing here does input or output, and nothing knows the runtime or the database. What a client sends comes in as
//! text and leaves as a type that can only hold what the contract allows; what the parts send each other is in [`wire`].

pub mod chain;
pub mod cursor;
pub mod retention;
pub mod time;
pub mod wire;

mod actor;
mod attendance;
mod body;
mod draft;
mod error;
mod id;
mod message;
mod number;
mod page;
mod parties;
mod problem;
mod rate;
mod report;
mod role;
mod status;

pub use actor::Actor;
pub use attendance::Attendance;
pub use body::{Body, BodyError};
pub use draft::{Draft, MessageForm};
pub use error::{ErrorCode, FieldError, Refusal};
pub use id::{CenterId, IdError, NodeName, ServiceRequestId, UserId};
pub use message::Message;
pub use number::whole_number;
pub use page::{Page, PageError};
pub use parties::{Parties, PartyPresence};
pub use problem::Problem;
pub use rate::{Activity, Allowance, AllowanceError, Bucket, Rate, Whose};
pub use report::{Report, ReportForm};
pub use role::{Role, UnknownRole};
pub use status::{Status, UnknownStatus};
