//! Sending a batch, and what its answer means.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chat::Refusal;
use chat::wire::SentConversation;
use serde::de::Error;
use tokio::time::{Instant, sleep};

use super::lanes::Item;
use super::pending_send::{PendingSend, unknown_outcome};
use crate::functions::{Failure, Observed, SendAnswer};
use crate::groups::{Arrived, News, Post, Standing};
use crate::hub::Caller;
use crate::metrics::seconds;
use crate::node::Node;
use crate::upkeep::Urgency;

/// How often a batch is tried as a whole before its messages are tried singly, in case one of them makes all fail.
const WHOLE: usize = 2;

/// How long to wait before trying again: a deadlock or a lost connection is over by then.
pub(crate) const PAUSE: Duration = Duration::from_millis(50);

impl Node {
    /// Sends a batch and answers everybody who waits for it. It is idempotent, so it may be tried again.
    ///
    /// Gives back, in their order, the messages of conversations that somebody else holds.
    pub(crate) async fn send(self: &Arc<Self>, batch: Vec<Item>) -> Vec<Item> {
        let began = Instant::now();
        self.metrics.batch.observe(batch.len() as f64);
        for item in &batch {
            self.metrics.queue_wait.observe(seconds(began.duration_since(item.queued)));
        }
        for attempt in 0..WHOLE {
            if attempt > 0 {
                self.metrics.repeated.add(1);
                sleep(PAUSE).await;
            }
            match self.attempt(&batch, self.limits.held).await {
                Ok(held) => {
                    self.metrics.send_call.observe(seconds(began.elapsed()));
                    return held.of(batch);
                }
                Err(failure) => {
                    tracing::warn!(messages = batch.len(), %failure, "a batch of messages failed");
                    if matches!(failure, Failure::Key) {
                        // The key is refused for each of them singly, too.
                        self.give_up(&batch);
                        return Vec::new();
                    }
                }
            }
        }
        let mut held = Held::default();
        let mut given_up: Vec<&Item> = Vec::new();
        for (place, item) in batch.iter().enumerate() {
            // Nothing is tried before it is known what became of an earlier one of its sender.
            if given_up.iter().any(|earlier| earlier.pending.precedes(&item.pending)) {
                continue;
            }
            if item.pending.is_behind() {
                self.give_up([item]);
                continue;
            }
            if held.has(&batch, item) {
                held.0.push(place);
                continue;
            }
            match self.attempt(std::slice::from_ref(item), self.limits.held).await {
                Ok(one) => held.0.extend(one.0.first().map(|_| place)),
                Err(failure) => {
                    tracing::warn!(%failure, "a message failed");
                    let behind =
                        |later: &&Item| *item.pending == *later.pending || item.pending.precedes(&later.pending);
                    self.give_up(batch.iter().filter(behind));
                    given_up.push(item);
                }
            }
        }
        self.metrics.send_call.observe(seconds(began.elapsed()));
        held.of(batch)
    }

    /// Tells senders that nobody knows what became of their messages.
    pub(crate) fn give_up<'i>(self: &Arc<Self>, items: impl IntoIterator<Item = &'i Item>) {
        let refusals = items.into_iter().map(|item| {
            self.metrics.unknown.add(1);
            (Arc::clone(&item.pending), unknown_outcome())
        });
        self.refuse(refusals.collect());
    }

    /// Gives up a message that waits, if it still does. What waits behind it comes again with it.
    pub(crate) fn give_up_waiting(self: &Arc<Self>, pending: &Arc<PendingSend>) {
        let now = Instant::now();
        let gone = {
            // As one: nothing of the connection is taken or comes in between.
            let mut holds = pending.caller.holds.lock();
            let gone = self.withdraw(pending);
            for item in &gone {
                holds.refused(&item.pending.message, &unknown_outcome(), now, self.limits.hold);
            }
            gone
        };
        if !gone.is_empty() {
            self.give_up(&gone);
        }
    }

    /// Tells senders that their messages are not stored, but for those that turned up after all. What a sender has waiting
    /// behind one that may come again comes again with it.
    pub(crate) fn refuse(self: &Arc<Self>, mut refused: Vec<(Arc<PendingSend>, Refusal)>) {
        let mut told = Vec::new();
        let now = Instant::now();
        // Every refusal is noted before any is told: a client that hears of one may send again at once.
        let mut next = 0;
        while let Some((pending, refusal)) = refused.get(next).cloned() {
            next += 1;
            let mut behind = Vec::new();
            {
                let mut holds = pending.caller.holds.lock();
                if holds.refused(&pending.message, &refusal, now, self.limits.hold) {
                    behind = self.withdraw(&pending);
                    for item in &behind {
                        holds.refused(&item.pending.message, &refusal, now, self.limits.hold);
                    }
                }
            }
            self.metrics.unknown.add(behind.len() as u64);
            refused.extend(behind.into_iter().map(|item| (Arc::clone(&item.pending), unknown_outcome())));
            let Some(id) = &pending.conversation else {
                told.push((pending, refusal));
                continue;
            };
            // Every send that waits for an answer is known to its group; where there is no group, none waits.
            let group = self.groups.get(id.as_str());
            let open = group.is_some_and(|group| {
                let (open, aftermath) = group.refuse(&pending);
                self.follow_up(&group, aftermath, Urgency::Soon);
                open
            });
            if open {
                told.push((pending, refusal));
            } else {
                // Its message has been seen before, so it does not come again.
                pending.caller.holds.lock().stored(&pending.message);
            }
        }
        for (pending, refusal) in told {
            pending.refuse(&refusal);
        }
    }

    /// Sends messages once, waiting so long for a conversation that somebody else holds.
    pub(crate) async fn attempt(self: &Arc<Self>, items: &[Item], patience: Duration) -> Result<Held, Failure> {
        let deadline = items.iter().map(|item| item.pending.deadline).min();
        let left = deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(Instant::now()));
        let asked = Instant::now();
        let answer = self.calls.send(encode(self.calls.node().as_str(), patience, items), left).await?;
        self.take_answer(items, &answer, asked)
    }

    /// Takes the answer to a batch: first everything of one conversation, then of the next.
    fn take_answer(self: &Arc<Self>, items: &[Item], answer: &Bytes, asked: Instant) -> Result<Held, Failure> {
        let SendAnswer { epoch, outcomes, conversations, vouchers } = serde_json::from_slice(answer)?;
        if outcomes.len() != items.len() {
            return Err(serde_json::Error::custom("another number of outcomes than of items").into());
        }
        match epoch.map(|epoch| self.epoch.observe(&epoch, asked)) {
            None | Some(Observed::Current) => {}
            Some(Observed::Renewed) => self.renew(),
            // Stored in a history that is no more: sent again, it will be in the present one.
            Some(Observed::Outdated) => return Err(serde_json::Error::custom("the database was restored").into()),
        }
        // Most answers vouch for nobody anew.
        if !vouchers.is_empty() {
            let vouched = bearers(items).into_iter().zip(vouchers);
            for (caller, voucher) in vouched.filter_map(|(caller, voucher)| Some((caller, voucher?))) {
                caller.take_voucher(voucher);
            }
        }
        let mut held = Held::default();
        let mut stored: Vec<Stored> = conversations.into_iter().map(Stored::new).collect();
        let mut refused = Vec::new();
        for (place, (item, outcome)) in items.iter().zip(outcomes).enumerate() {
            let pending = &item.pending;
            match (outcome.message.map(Post::read), outcome.error) {
                (Some(Ok(post)), _) => {
                    self.metrics.stored.add(1);
                    let arrived = Arrived { post, pending: Some(Arc::clone(pending)) };
                    if let Some(stored) = stored.iter_mut().find(|stored| stored.is_for(pending)) {
                        stored.posts.push(arrived);
                    } else if let Some(group) =
                        pending.conversation.as_ref().and_then(|id| self.groups.get(id.as_str()))
                    {
                        let aftermath = group.answer(&arrived);
                        self.follow_up(&group, aftermath, Urgency::Soon);
                    } else if pending.conversation.is_none() {
                        pending.complete(&arrived.post);
                        pending.caller.flush();
                    }
                }
                (None, Some(refusal)) => {
                    self.metrics.refused.add(1);
                    refused.push((Arc::clone(pending), refusal));
                }
                (None, None) if outcome.busy => held.0.push(place),
                (Some(Err(_)), _) | (None, None) => {
                    self.metrics.unknown.add(1);
                    refused.push((Arc::clone(pending), unknown_outcome()));
                }
            }
        }
        self.refuse(refused);
        for Stored { conversation, posts } in stored {
            let Some(group) = self.groups.get(conversation.id.as_str()) else { continue };
            let news = News {
                version: conversation.version,
                who: conversation.parties,
                standing: Standing { status: conversation.status, closed_at: conversation.closed_at },
                last: conversation.last_seq,
                posts,
                asked: Some(asked),
            };
            let aftermath = group.hear(&news);
            self.follow_up(&group, aftermath, Urgency::Soon);
        }
        Ok(held)
    }
}

/// The places of those items of a batch whose conversations somebody else holds, ascending.
#[derive(Debug, Default)]
pub(crate) struct Held(Vec<usize>);

impl Held {
    /// Those items themselves.
    pub(crate) fn of(&self, batch: Vec<Item>) -> Vec<Item> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let held = batch.into_iter().enumerate().filter(|(place, _)| self.0.contains(place));
        held.map(|(_, item)| item).collect()
    }

    /// Whether an earlier item of the same conversation is among them.
    fn has(&self, batch: &[Item], item: &Item) -> bool {
        let held = self.0.iter().filter_map(|place| batch.get(*place));
        held.map(|held| &held.pending.conversation).any(|conversation| *conversation == item.pending.conversation)
    }
}

/// What a batch has stored in one conversation.
struct Stored {
    conversation: SentConversation,
    posts: Vec<Arrived>,
}

impl Stored {
    fn new(conversation: SentConversation) -> Self {
        Self { conversation, posts: Vec::new() }
    }

    fn is_for(&self, pending: &PendingSend) -> bool {
        pending.conversation.as_ref() == Some(&self.conversation.id)
    }
}

/// Whose tokens go with a batch: each connection once, in the order in which they come first.
fn bearers(items: &[Item]) -> Vec<&Arc<Caller>> {
    let mut bearers: Vec<&Arc<Caller>> = Vec::new();
    for item in items {
        if !bearers.iter().any(|known| Arc::ptr_eq(known, &item.pending.caller)) {
            bearers.push(&item.pending.caller);
        }
    }
    bearers
}

/// The request of a batch: each token once, each item as it was encoded when it came.
fn encode(node: &str, patience: Duration, items: &[Item]) -> Bytes {
    let bearers = bearers(items);
    let tokens: Vec<&str> = bearers.iter().map(|caller| &*caller.token).collect();
    let vouchers: Vec<Option<Arc<str>>> = bearers.iter().map(|caller| caller.voucher()).collect();
    let vouchers: Vec<Option<&str>> = vouchers.iter().map(Option::as_deref).collect();
    let mut encoded = Vec::with_capacity(64 + items.iter().map(|item| item.json.len() + 32).sum::<usize>());
    for item in items {
        let index = bearers.iter().position(|known| Arc::ptr_eq(known, &item.pending.caller)).unwrap_or_default();
        let separator = if encoded.is_empty() { "" } else { "," };
        encoded.extend_from_slice(format!("{separator}{{\"token\":{index},").as_bytes());
        encoded.extend_from_slice(&item.json);
    }
    let mut request =
        Vec::with_capacity(encoded.len() + tokens.iter().map(|token| token.len() + 4).sum::<usize>() + 64);
    let patience = patience.as_millis();
    let vouchers = if vouchers.iter().any(Option::is_some) { vouchers } else { Vec::new() };
    let head = serde_json::json!({ "node": node, "patience": patience, "tokens": tokens, "vouchers": vouchers });
    let head = head.to_string();
    request.extend_from_slice(head.trim_end_matches('}').as_bytes());
    request.extend_from_slice(b",\"items\":[");
    request.extend_from_slice(&encoded);
    request.extend_from_slice(b"]}");
    request.into()
}
