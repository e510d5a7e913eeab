//! Telling people: through which channels, in which words, and until they are told.
//!
//! Channels do not wait for each other. One that does not answer is tried again with longer and longer pauses; one that
//! refuses is left, and that it did stands in the outbox. A message may come twice and says which event of which incident it
//! is.

mod message;

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use clients::{
    Request,
    notify::{Link, Page, PageAction, PageSeverity, PagerDuty, Slack, Webhook, read_page, read_slack, read_webhook},
};
use rollback::{
    Environment, Incident,
    audit::{Audience, Event, Record},
};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::{settings::Place, trouble::Trouble};

/// How often a channel is tried before it is left: with the pauses between, an hour.
const TRIES: u32 = 70;

/// The longest pause between two tries, in seconds.
const LONGEST_PAUSE: i64 = 60;

/// A way to people.
#[derive(Clone, Copy, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Channel {
    /// PagerDuty, by the incident.
    PagerDuty,
    /// PagerDuty, by the incident's commander: another page than the one that whoever is on call has.
    Commander,
    /// A channel of Slack.
    Slack,
    /// A webhook.
    Webhook,
}

/// What came of a channel.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(tag = "outcome", rename_all = "lowercase")]
pub enum Told {
    /// It took the message.
    Sent {
        /// When.
        at: DateTime<Utc>,
    },
    /// It will not have it, or was not to be reached for an hour.
    Left {
        /// When.
        at: DateTime<Utc>,
        /// Why.
        why: String,
    },
}

/// A channel that is to be tried again.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Later {
    /// How often it was tried.
    pub tries: u32,
    /// When it is tried again.
    pub at: DateTime<Utc>,
}

/// What is kept of a message between two calls.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(default)]
pub struct Progress {
    /// The channels that are done with.
    pub told: BTreeMap<Channel, Told>,
    /// The channels that are to be tried again.
    pub later: BTreeMap<Channel, Later>,
}

/// A message on its way.
#[derive(Clone, Debug)]
pub struct Message<'a> {
    /// Its number in the audit log.
    pub seq: i64,
    /// Who is told.
    pub audience: Audience,
    /// What has happened.
    pub record: &'a Record,
    /// The incident, as it is now.
    pub incident: Option<&'a Incident>,
    /// Where the channels are.
    pub place: &'a Place,
}

/// What is to be done for a message.
#[derive(Debug)]
pub enum Step {
    /// This channel is to be told.
    Tell(Channel, Box<Request>),
    /// Nothing for so long.
    Wait(TimeDelta),
    /// Nothing any more.
    Done,
}

impl Message<'_> {
    /// The channels that are to be told.
    fn channels(&self) -> Vec<Channel> {
        let credentials = &self.place.credentials;
        let pages = match (self.audience, &self.record.event) {
            _ if credentials.pagerduty.is_none() => Vec::new(),
            (_, Event::Resolved | Event::Dismissed { .. }) => vec![Channel::PagerDuty, Channel::Commander],
            (Audience::OnCall, _) | (_, Event::Acknowledged) => vec![Channel::PagerDuty],
            (Audience::Commander, _) => vec![Channel::Commander],
            _ => Vec::new(),
        };
        let slack = credentials.slack.as_ref().map(|_| Channel::Slack);
        let webhook = self.place.targets.notify.webhook.as_ref().and(credentials.webhook.as_ref());
        pages.into_iter().chain(slack).chain(webhook.map(|_| Channel::Webhook)).collect()
    }

    /// What is to be done next.
    #[must_use]
    pub fn next(&self, progress: &mut Progress, now: DateTime<Utc>) -> Step {
        let mut soonest = None;
        for channel in self.channels() {
            if progress.told.contains_key(&channel) {
                continue;
            }
            if let Some(later) = progress.later.get(&channel).filter(|later| later.at > now) {
                soonest = Some(soonest.map_or(later.at, |at: DateTime<Utc>| at.min(later.at)));
                continue;
            }
            match self.request(channel, now) {
                Some(request) => return Step::Tell(channel, Box::new(request)),
                None => {
                    let why = "the channel is misconfigured".to_owned();
                    progress.told.insert(channel, Told::Left { at: now, why });
                }
            }
        }
        soonest.map_or(Step::Done, |at| Step::Wait(at - now))
    }

    /// Takes in what came of a channel.
    pub fn told(channel: Channel, outcome: Result<(), Trouble>, progress: &mut Progress, now: DateTime<Utc>) {
        let tries = progress.later.get(&channel).map_or(1, |later| later.tries.saturating_add(1));
        let told = match outcome {
            Ok(()) => Told::Sent { at: now },
            Err(Trouble::Passing { retry_after, .. }) if tries < TRIES => {
                let pause = 1_i64.checked_shl(tries).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE);
                let at = now + retry_after.unwrap_or(TimeDelta::seconds(pause));
                progress.later.insert(channel, Later { tries, at });
                return;
            }
            Err(trouble) => Told::Left { at: now, why: trouble.failure().detail.clone() },
        };
        progress.later.remove(&channel);
        progress.told.insert(channel, told);
    }

    fn request(&self, channel: Channel, now: DateTime<Utc>) -> Option<Request> {
        let (credentials, notify) = (&self.place.credentials, &self.place.targets.notify);
        Some(match channel {
            Channel::PagerDuty | Channel::Commander => {
                PagerDuty::new(&notify.pagerduty, credentials.pagerduty.clone()?).send(&self.page(channel))
            }
            Channel::Slack => Slack::new(credentials.slack.clone()?).send(&self.text()),
            Channel::Webhook => {
                let webhook = Webhook::new(notify.webhook.as_ref()?, credentials.webhook.clone()?).ok()?;
                let body = json!({
                    "seq": self.seq,
                    "audience": self.audience,
                    "environment": self.place.environment,
                    "text": self.summary(),
                    "page": self.link(),
                    "record": self.record,
                });
                webhook.send(&format!("hubline-{}-{}", self.place.environment, self.seq), now, &body)
            }
        })
    }

    fn page(&self, channel: Channel) -> Page {
        let incident = self.record.subject.incident.map_or_else(|| "operations".to_owned(), |id| id.to_string());
        let links = self.link().map(|href| Link { href, text: "The incident".to_owned() });
        Page {
            action: match self.record.event {
                Event::Acknowledged => PageAction::Acknowledge,
                Event::Resolved | Event::Dismissed { .. } => PageAction::Resolve,
                _ => PageAction::Trigger,
            },
            key: if channel == Channel::Commander { format!("{incident}:commander") } else { incident },
            summary: self.summary(),
            source: format!("hubline {}", self.place.environment),
            severity: match self.place.environment {
                Environment::Production => PageSeverity::Critical,
                Environment::Staging => PageSeverity::Warning,
            },
            details: json!({"seq": self.seq, "event": self.record.event, "actor": self.record.actor}),
            links: links.into_iter().collect(),
        }
    }

    /// The message on one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let name = self.incident.map_or("operations", |incident| incident.name().as_str());
        let drill = match self.incident.map(|incident| incident.target().mode()) {
            Some(rollback::Mode::Drill) => " drill",
            _ => "",
        };
        let who = self.record.actor.as_ref().map_or(String::new(), |person| format!(" ({person})"));
        format!("[{}{drill}] {name}: {}{who}", self.place.environment, message::of(&self.record.event))
    }

    fn text(&self) -> String {
        let subject = self.record.subject.incident.map_or(String::new(), |id| format!(" of incident {id}"));
        let link = self.link().map_or(String::new(), |link| format!("\n{link}"));
        format!("{}\nEvent {}{subject}{link}", self.summary(), self.seq)
    }

    fn link(&self) -> Option<String> {
        let page = self.place.targets.notify.page.as_ref()?.trim_end_matches('/');
        Some(match self.record.subject.incident {
            Some(id) => format!("{page}/operations#{id}"),
            None => format!("{page}/operations"),
        })
    }
}

/// Reads what a channel answered.
///
/// # Errors
/// Returns [`Trouble`] when it did not take the message.
pub fn read(channel: Channel, response: &clients::Response) -> Result<(), Trouble> {
    let read = match channel {
        Channel::PagerDuty | Channel::Commander => read_page(response),
        Channel::Slack => read_slack(response),
        Channel::Webhook => read_webhook(response),
    };
    read.map_err(|error| Trouble::of(&error))
}
