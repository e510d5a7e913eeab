//! What a group knows of who is there.

use chat::Attendance;
use tokio::time::Instant;

/// Who is there, as far as this node knows.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// The parties that are on other nodes.
    pub(super) elsewhere: Attendance,
    /// When the answer came that says so.
    pub(super) since: Option<Instant>,
    /// The parties that the followers were told of as being there.
    pub(super) told: Attendance,
    /// Whether the database has lost registrations of this node.
    pub(super) unregistered: bool,
}

impl Presence {
    /// Whether what is known is certainly older than an answer that was asked for at this time.
    pub(super) fn is_older_than(&self, asked: Instant) -> bool {
        self.since.is_none_or(|since| since < asked)
    }

    /// The database says so now.
    pub(super) fn know(&mut self, elsewhere: Attendance) {
        self.elsewhere = elsewhere;
        self.since = Some(Instant::now());
    }
}
