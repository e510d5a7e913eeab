//! What a step knows, and how it comes to know more.
//!
//! A step is written as if it could ask and wait: [`Desk::ask`] gives an answer that is on record, and otherwise breaks off
//! with the call that would bring it. The worker makes that one call, puts the answer on record, and goes through the step
//! again from the beginning, which finds it there. So a step reads from top to bottom, each turn makes one call, and a
//! worker that dies loses one answer at most.
//!
//! On record is what was read from an answer, never the answer: a token, an address that opens by itself or a plan's values
//! are kept in memory or not at all.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use chrono::{DateTime, TimeDelta, Utc};
use clients::{Request, Response, Secret};
use rollback::{
    Environment,
    step::{Failure, FailureCode},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

pub use store::operations::Evidence;

use crate::{
    fact::{Fact, FactName, Facts, Group, Topic},
    memory::{Memory, SecretName},
    settings::Place,
    trouble::Trouble,
};

/// Why a step breaks off.
#[derive(Debug)]
pub enum Halt {
    /// It needs an answer.
    Ask(Box<Call>),
    /// It is to be looked at again, with these answers forgotten.
    Wait {
        /// When.
        after: TimeDelta,
        /// Which.
        forget: Vec<Group>,
    },
    /// It fails.
    Fail(Failure),
}

impl From<Failure> for Halt {
    fn from(failure: Failure) -> Self {
        Self::Fail(failure)
    }
}

impl Halt {
    /// A failure with its cause.
    #[must_use]
    pub fn fail(code: FailureCode, detail: &str) -> Self {
        Self::Fail(Failure::new(code, detail))
    }

    /// Something that is to be looked at again.
    #[must_use]
    pub fn again(seconds: i64, forget: &[&FactName]) -> Self {
        let forget = forget.iter().map(|&name| Group::Fact(name.clone())).collect();
        Self::Wait { after: TimeDelta::seconds(seconds), forget }
    }
}

/// Where an answer is kept, and under which name.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Keep {
    /// On record, and as evidence.
    Record(FactName),
    /// In the memory of this instance, until it has expired: it is a secret of this environment.
    Memory(Environment, SecretName),
}

impl fmt::Display for Keep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Record(name) => name.fmt(f),
            Self::Memory(environment, name) => write!(f, "{environment}:{name}"),
        }
    }
}

/// What was read from an answer. It may be a secret.
#[derive(Clone)]
pub struct Read {
    /// What was read.
    pub value: Value,
    /// How long it may be used; only of what is kept in memory.
    pub lasts: TimeDelta,
    /// More evidence, where the value is not all of it: a text of JSON, redacted.
    pub evidence: Option<Vec<u8>>,
}

type Reader = Box<dyn Fn(&Response) -> Result<Read, Trouble>>;

/// A call that would bring an answer.
pub struct Call {
    /// The request.
    pub request: Request,
    /// Where the answer is kept.
    pub keep: Keep,
    /// Reads the answer.
    pub read: Reader,
}

impl Call {
    /// A call that is not the same when it is made twice. It is sent when that is on record, and its answer is reported.
    pub fn shot<T: Serialize>(
        name: FactName,
        request: Request,
        read: impl Fn(&Response) -> Result<T, Trouble> + 'static,
    ) -> Self {
        let read: Reader = Box::new(move |response| {
            let value = serde_json::to_value(read(response)?).map_err(|_| Trouble::garbled("it has no shape"))?;
            Ok(Read { value, lasts: TimeDelta::zero(), evidence: None })
        });
        Self { request, keep: Keep::Record(name), read }
    }
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the request, which carries a credential.
        f.debug_struct("Call").field("keep", &self.keep).finish_non_exhaustive()
    }
}

/// What a step knows.
pub struct Desk<'a> {
    /// Now, by the clock of the database.
    pub now: DateTime<Utc>,
    /// Where the systems of the run's environment are.
    pub place: &'a Place,
    /// What is kept in memory.
    pub memory: &'a Memory,
    facts: &'a Facts,
    used: RefCell<BTreeSet<FactName>>,
}

impl<'a> Desk<'a> {
    /// A desk with what is on record.
    #[must_use]
    pub fn new(now: DateTime<Utc>, place: &'a Place, memory: &'a Memory, facts: &'a Facts) -> Self {
        Self { now, place, memory, facts, used: RefCell::default() }
    }

    /// An answer that is on record, or the call that brings it.
    ///
    /// # Errors
    /// Returns [`Halt::Ask`] when it is not on record, and [`Halt::Fail`] when it can't be asked for.
    pub fn ask<T: Serialize + DeserializeOwned + 'static>(
        &self,
        name: &FactName,
        request: impl FnOnce() -> Result<Request, Halt>,
        read: impl Fn(&Response) -> Result<T, Trouble> + 'static,
    ) -> Result<T, Halt> {
        self.ask_with_evidence(name, request, move |response| {
            let value = serde_json::to_value(read(response)?).map_err(|_| Trouble::garbled("it has no shape"))?;
            Ok(Read { value, lasts: TimeDelta::zero(), evidence: None })
        })
    }

    /// The same for an answer that is more evidence than what is read from it: the reader gives both.
    ///
    /// # Errors
    /// As [`Desk::ask`].
    pub fn ask_with_evidence<T: DeserializeOwned>(
        &self,
        name: &FactName,
        request: impl FnOnce() -> Result<Request, Halt>,
        read: impl Fn(&Response) -> Result<Read, Trouble> + 'static,
    ) -> Result<T, Halt> {
        if let Some(known) = self.known(name) {
            return Ok(known);
        }
        let (keep, read): (_, Reader) = (Keep::Record(name.clone()), Box::new(read));
        Err(Halt::Ask(Box::new(Call { request: request()?, keep, read })))
    }

    /// A secret that is in memory, or the call that brings it.
    ///
    /// # Errors
    /// As [`Desk::ask`].
    pub fn secret(
        &self,
        name: SecretName,
        request: impl FnOnce() -> Result<Request, Halt>,
        read: impl Fn(&Response) -> Result<(Secret, TimeDelta), Trouble> + 'static,
    ) -> Result<Secret, Halt> {
        let environment = self.place.environment;
        if let Some(secret) = self.memory.get(environment, &name, self.now) {
            return Ok(secret);
        }
        if self.facts.contains_key(&FactName::silent(environment, &name)) {
            // Nobody gives it, and whoever asks may go without: the call that it is for will be refused, and named.
            return Ok(Secret::default());
        }
        let read: Reader = Box::new(move |response| {
            let (secret, lasts) = read(response)?;
            Ok(Read { value: secret.expose().into(), lasts, evidence: None })
        });
        Err(Halt::Ask(Box::new(Call { request: request()?, keep: Keep::Memory(environment, name), read })))
    }

    /// A fact that is on record.
    #[must_use]
    pub fn known<T: DeserializeOwned>(&self, name: &FactName) -> Option<T> {
        let value = serde_json::from_value(self.facts.get(name)?.value.clone()).ok()?;
        self.used.borrow_mut().insert(name.clone());
        Some(value)
    }

    /// Whether it was asked for, and there was no answer that could be used.
    #[must_use]
    pub fn is_silent(&self, name: &FactName) -> bool {
        self.facts.get(name).is_some_and(Fact::is_silence)
    }

    /// When a fact was put on record.
    #[must_use]
    pub fn known_at(&self, name: &FactName) -> Option<DateTime<Utc>> {
        self.facts.get(name).map(|fact| fact.at)
    }

    /// Breaks off when facts of a topic are older than this, so that they are asked for again.
    ///
    /// # Errors
    /// Returns [`Halt::Wait`] for no time, with the facts forgotten.
    pub fn demand_fresh(&self, topic: Topic, age: TimeDelta) -> Result<(), Halt> {
        let group = Group::Topic(topic);
        let old = |(name, fact): (&FactName, &Fact)| group.has(name) && self.now - fact.at > age;
        let stale = self.facts.iter().any(old);
        if stale { Err(Halt::Wait { after: TimeDelta::zero(), forget: vec![group] }) } else { Ok(()) }
    }

    /// Facts as one piece of evidence; none when there are none.
    #[must_use]
    pub fn gathered(&self, group: &Group) -> Option<Evidence> {
        let facts: BTreeMap<&FactName, &Fact> = self.facts.iter().filter(|(name, _)| group.has(name)).collect();
        let bytes = serde_json::to_vec(&facts).ok().filter(|_| !facts.is_empty())?;
        Some(Evidence::new("application/json", bytes, &group.to_string()))
    }

    /// What proves what was used so far.
    #[must_use]
    pub fn proof(&self) -> Vec<Evidence> {
        self.used.borrow().iter().filter_map(|name| self.facts.get(name)).map(Fact::to_evidence).collect()
    }
}
