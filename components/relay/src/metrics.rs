//! What a relay counts.

mod instrument;

use std::time::Duration;

use instrument::Text;
pub(crate) use instrument::{Counter, Histogram};
use signalr_server::Counts;

/// Bounds of times, in seconds: from what one call takes at its best to the deadline of a send.
const SECONDS: &[f64] = &[0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0];

/// Bounds of batches, in messages.
const MESSAGES: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 48.0, 64.0];

/// What a relay counts, from its start on.
pub(crate) struct Metrics {
    /// Messages that were sent to clients.
    pub(crate) deliveries: Counter,
    /// Sends that were stored.
    pub(crate) stored: Counter,
    /// Sends that were refused.
    pub(crate) refused: Counter,
    /// Sends whose outcome nobody knows.
    pub(crate) unknown: Counter,
    /// Sends that found too many waiting.
    pub(crate) crowded_out: Counter,
    /// Sends that were refused because an earlier one of their connection has to be sent again first.
    pub(crate) held_back: Counter,
    /// What was done too often.
    pub(crate) rate_limited: Counter,
    /// How many messages a batch has.
    pub(crate) batch: Histogram,
    /// How long a send waits for its batch.
    pub(crate) queue_wait: Histogram,
    /// How long a batch takes, all its attempts together.
    pub(crate) send_call: Histogram,
    /// Batches that had to be repeated.
    pub(crate) repeated: Counter,
    /// How long a page of history takes.
    pub(crate) catch_up: Histogram,
    /// Pages of history that couldn't be had.
    pub(crate) catch_up_failures: Counter,
    /// How long a call of the sweep takes.
    pub(crate) sweep: Histogram,
    /// Calls of the sweep without an answer.
    pub(crate) sweep_failures: Counter,
    /// Conversations that a sweep found changed: no event had told of it.
    pub(crate) sweep_changes: Counter,
    /// Conversations of which the database had lost this node's registrations.
    pub(crate) registrations_restored: Counter,
    /// Registrations that were for nobody.
    pub(crate) registrations_stray: Counter,
    /// Events that were taken.
    pub(crate) events: Counter,
    /// Events that were refused: forged, or for another node.
    pub(crate) events_refused: Counter,
    /// Events of another history of the database than the one that is known here, or that came before any was.
    pub(crate) events_other_epoch: Counter,
    /// Conversations that started over, because the database has lost what was told here.
    pub(crate) restarted: Counter,
    /// Joins with a number that the database does not have.
    pub(crate) ahead: Counter,
    /// Sends that wait apart from the others, for another transaction holds their conversation.
    pub(crate) set_aside: Counter,
    /// Users that were removed from a conversation while they followed it.
    pub(crate) removed: Counter,
}

impl Metrics {
    /// Nothing counted yet.
    pub(crate) fn new() -> Self {
        Self {
            deliveries: Counter::default(),
            stored: Counter::default(),
            refused: Counter::default(),
            unknown: Counter::default(),
            crowded_out: Counter::default(),
            held_back: Counter::default(),
            rate_limited: Counter::default(),
            batch: Histogram::new(MESSAGES),
            queue_wait: Histogram::new(SECONDS),
            send_call: Histogram::new(SECONDS),
            repeated: Counter::default(),
            catch_up: Histogram::new(SECONDS),
            catch_up_failures: Counter::default(),
            sweep: Histogram::new(SECONDS),
            sweep_failures: Counter::default(),
            sweep_changes: Counter::default(),
            registrations_restored: Counter::default(),
            registrations_stray: Counter::default(),
            events: Counter::default(),
            events_refused: Counter::default(),
            events_other_epoch: Counter::default(),
            restarted: Counter::default(),
            ahead: Counter::default(),
            set_aside: Counter::default(),
            removed: Counter::default(),
        }
    }

    /// Everything as Prometheus text. The numbers of conversations and accounts are the caller's to count, and the age of the
    /// issuer's keys to know.
    pub(crate) fn text(
        &self,
        counts: &Counts,
        conversations: usize,
        accounts: usize,
        keys_age: Option<Duration>,
    ) -> String {
        let mut text = Text::default();
        text.gauge("connections", "connections that are open", counts.connections());
        text.gauge("conversations", "conversations that are followed here", conversations);
        text.gauge("accounts", "users and addresses of whom something is counted", accounts);
        text.gauge("invocations", "invocations that are under way", counts.invocations());
        if let Some(age) = keys_age {
            let age = usize::try_from(age.as_secs()).unwrap_or(usize::MAX);
            text.gauge("issuer_keys_age_seconds", "how old the issuer's last good answer is", age);
        }
        text.counter("connected_total", "connections that were opened", counts.connected());
        text.counter("turned_away_total", "connections that were refused", counts.turned_away());
        text.counter("deliveries_total", "messages that were sent to clients", self.deliveries.get());
        text.counter("slow_readers_total", "connections that were cut off for not reading", counts.slow_readers());
        text.counter("sends_stored_total", "sends that were stored", self.stored.get());
        text.counter("sends_refused_total", "sends that were refused", self.refused.get());
        text.counter("sends_unknown_total", "sends whose outcome nobody knows", self.unknown.get());
        text.counter("sends_crowded_out_total", "sends that found too many waiting", self.crowded_out.get());
        text.counter(
            "sends_held_back_total",
            "sends that came before an earlier one was sent again",
            self.held_back.get(),
        );
        text.counter("rate_limited_total", "what users and addresses did too often", self.rate_limited.get());
        text.histogram("batch_messages", "messages of a batch", &self.batch);
        text.histogram("queue_wait_seconds", "how long a send waits for its batch", &self.queue_wait);
        text.histogram("send_call_seconds", "how long a batch takes", &self.send_call);
        text.counter("batches_repeated_total", "batches that had to be repeated", self.repeated.get());
        text.histogram("catch_up_seconds", "how long a page of history takes", &self.catch_up);
        text.counter("catch_up_failures_total", "pages of history that could not be had", self.catch_up_failures.get());
        text.histogram("sweep_seconds", "how long a call of the sweep takes", &self.sweep);
        text.counter("sweep_failures_total", "calls of the sweep without an answer", self.sweep_failures.get());
        text.counter("sweep_changes_total", "conversations that a sweep found changed", self.sweep_changes.get());
        text.counter(
            "registrations_restored_total",
            "conversations whose registration here was lost",
            self.registrations_restored.get(),
        );
        text.counter("registrations_stray_total", "registrations that were for nobody", self.registrations_stray.get());
        text.counter("events_total", "events that were taken", self.events.get());
        text.counter("events_refused_total", "events that were forged, or for another node", self.events_refused.get());
        text.counter(
            "events_other_epoch_total",
            "events of another history of the database, or before any was known",
            self.events_other_epoch.get(),
        );
        text.counter(
            "restarted_total",
            "conversations that started over after the database lost messages",
            self.restarted.get(),
        );
        text.counter("joins_ahead_total", "joins with a number that the database does not have", self.ahead.get());
        text.counter("sends_set_aside_total", "sends that waited for a locked conversation", self.set_aside.get());
        text.counter("removed_total", "users that were removed while they followed", self.removed.get());
        text.into_string()
    }
}

/// Seconds as a histogram takes them.
pub(crate) fn seconds(time: Duration) -> f64 {
    time.as_secs_f64()
}
