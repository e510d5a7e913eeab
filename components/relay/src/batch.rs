//! Sending a batch, and what its answer means.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use chat::wire::SentConversation;
use chat::{ErrorCode, Refusal};
use serde::de::Error;
use tokio::time::{Instant, sleep};

use crate::answers::SendAnswer;
use crate::calls::Failure;
use crate::door::{Arrived, News, Standing};
use crate::epoch::Observed;
use crate::lane::Item;
use crate::metrics::seconds;
use crate::post::Post;
use crate::relay::{Inner, Urgency};
use crate::ticket::Ticket;

/// How often a batch is tried as a whole before its messages are tried singly, in case one of them is its undoing.
const WHOLE: usize = 2;

/// How long to wait before trying again: a deadlock or a lost connection is over by then.
const PAUSE: Duration = Duration::from_millis(50);

impl Inner {
    /// Sends a batch and answers everybody who waits for it. It is idempotent, so it may be tried again.
    pub(crate) async fn send(self: &Arc<Self>, batch: Vec<Item>) {
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
            match self.attempt(&batch).await {
                Ok(()) => {
                    self.metrics.send_call.observe(seconds(began.elapsed()));
                    return;
                }
                Err(failure) => tracing::warn!(messages = batch.len(), %failure, "a batch of messages failed"),
            }
        }
        for item in &batch {
            if let Err(failure) = self.attempt(std::slice::from_ref(item)).await {
                tracing::warn!(%failure, "a message failed");
                self.give_up(item);
            }
        }
        self.metrics.send_call.observe(seconds(began.elapsed()));
    }

    /// Tells a sender that nobody knows what became of a message.
    pub(crate) fn give_up(self: &Arc<Self>, item: &Item) {
        self.metrics.unknown.add(1);
        self.refuse(&item.ticket, &unknown());
    }

    /// Tells a sender that a message is not stored, unless it turned up after all.
    pub(crate) fn refuse(self: &Arc<Self>, ticket: &Arc<Ticket>, refusal: &Refusal) {
        let Some(door) = &ticket.door else { return ticket.refuse(refusal) };
        let (refused, aftermath) = door.refuse(ticket);
        if refused {
            ticket.refuse(refusal);
        }
        self.follow_up(door, aftermath, Urgency::Soon);
    }

    async fn attempt(self: &Arc<Self>, items: &[Item]) -> Result<(), Failure> {
        let deadline = items.iter().map(|item| item.ticket.deadline).min();
        let left = deadline.map_or(Duration::ZERO, |deadline| deadline.saturating_duration_since(Instant::now()));
        let asked = Instant::now();
        let answer = self.calls.send(encode(self.calls.node().as_str(), items), left).await?;
        self.settle(items, &answer, asked)
    }

    /// Takes the answer to a batch: first everything of one conversation, then of the next.
    fn settle(self: &Arc<Self>, items: &[Item], answer: &Bytes, asked: Instant) -> Result<(), Failure> {
        let SendAnswer { epoch, outcomes, conversations } = serde_json::from_slice(answer)?;
        if outcomes.len() != items.len() {
            return Err(serde_json::Error::custom("another number of outcomes than of items").into());
        }
        match epoch.map(|epoch| self.epoch.observe(&epoch, asked)) {
            None | Some(Observed::Current) => {}
            Some(Observed::Renewed) => self.renew(),
            // Stored in a history that is no more: sent again, it will be in the present one.
            Some(Observed::Outdated) => return Err(serde_json::Error::custom("the database was restored").into()),
        }
        let mut stored: Vec<Stored> = conversations.into_iter().map(Stored::new).collect();
        for (item, outcome) in items.iter().zip(outcomes) {
            let ticket = &item.ticket;
            match (outcome.message.map(Post::read), outcome.error) {
                (Some(Ok(post)), _) => {
                    self.metrics.stored.add(1);
                    let arrived = Arrived { post, ticket: Some(Arc::clone(ticket)) };
                    let place = stored.iter_mut().find(|stored| stored.is_for(ticket));
                    match (place, &ticket.door) {
                        (Some(stored), _) => stored.add(arrived, outcome.new),
                        (None, Some(door)) => {
                            let aftermath = door.answer(&arrived);
                            self.follow_up(door, aftermath, Urgency::Soon);
                        }
                        (None, None) => {
                            ticket.complete(&arrived.post);
                            ticket.connection.flush();
                        }
                    }
                }
                (None, Some(refusal)) => {
                    self.metrics.refused.add(1);
                    self.refuse(ticket, &refusal);
                }
                (Some(Err(_)), _) | (None, None) => self.give_up(item),
            }
        }
        for Stored { conversation, posts, last } in stored {
            let Some(door) = self.doors.get(conversation.id.as_str()) else { continue };
            let news = News {
                version: conversation.version,
                who: conversation.parties,
                standing: last.map(|_| Standing::OPEN),
                posts,
                last,
            };
            let aftermath = door.hear(&news);
            self.follow_up(&door, aftermath, Urgency::Soon);
        }
        Ok(())
    }
}

/// What a batch has stored in one conversation.
struct Stored {
    conversation: SentConversation,
    posts: Vec<Arrived>,
    /// The last number, when there is a new message: it is the last one, for the conversation was locked.
    last: Option<i64>,
}

impl Stored {
    fn new(conversation: SentConversation) -> Self {
        Self { conversation, posts: Vec::new(), last: None }
    }

    fn is_for(&self, ticket: &Ticket) -> bool {
        ticket.door.as_ref().is_some_and(|door| door.id == self.conversation.id)
    }

    fn add(&mut self, arrived: Arrived, new: bool) {
        if new {
            self.last = self.last.max(Some(arrived.post.seq));
        }
        self.posts.push(arrived);
    }
}

/// The request of a batch: each token once, each item as it was encoded when it came.
fn encode(node: &str, items: &[Item]) -> Bytes {
    let mut tokens: Vec<&str> = Vec::new();
    let mut encoded = Vec::with_capacity(64 + items.iter().map(|item| item.json.len() + 32).sum::<usize>());
    for item in items {
        let token = &*item.ticket.connection.token;
        let index = tokens.iter().position(|known| std::ptr::eq(*known, token)).unwrap_or_else(|| {
            tokens.push(token);
            tokens.len() - 1
        });
        let separator = if encoded.is_empty() { "" } else { "," };
        encoded.extend_from_slice(format!("{separator}{{\"token\":{index},").as_bytes());
        encoded.extend_from_slice(&item.json);
    }
    let mut request =
        Vec::with_capacity(encoded.len() + tokens.iter().map(|token| token.len() + 4).sum::<usize>() + 64);
    let head = serde_json::json!({ "node": node, "tokens": tokens }).to_string();
    request.extend_from_slice(head.trim_end_matches('}').as_bytes());
    request.extend_from_slice(b",\"items\":[");
    request.extend_from_slice(&encoded);
    request.extend_from_slice(b"]}");
    request.into()
}

fn unknown() -> Refusal {
    ErrorCode::Unavailable
        .refusal("whether the message is stored is not known; send it again with the same clientMessageId")
}
