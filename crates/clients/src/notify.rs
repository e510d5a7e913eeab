//! Whom is told: PagerDuty, Slack, and any webhook.
//!
//! A notification may be sent twice, and is never lost for having been sent once: PagerDuty is given the incident as its
//! key, a webhook the notification's identifier, and in Slack two messages are better than none.

mod pagerduty;
mod slack;
mod webhook;

pub use pagerduty::{Link, Page, PageAction, PageSeverity, PagerDuty, read_page};
pub use slack::{Slack, read_slack};
pub use webhook::{Webhook, WebhookKeyError, read_webhook, sign};

use crate::{Rejection, Retry, Words, fault::faults};

/// Why a notification was not taken.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum NotifyError {
    /// The other side did not take the request.
    #[error(transparent)]
    Rejected(Rejection),
    /// The address or key leads to nobody any more.
    #[error("nobody is told at this address any more{0}")]
    Gone(Words),
    /// The other side understood and will not have it.
    #[error("the message is not taken{0}")]
    NotTaken(Words),
}

faults!(NotifyError, "notify", {
    Self::Gone(_) => ("gone", Retry::Never, Refused),
    Self::NotTaken(_) => ("not_taken", Retry::Never, Refused),
});
