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
};

use chrono::{DateTime, TimeDelta, Utc};
use clients::{Request, Response, Secret};
use rollback::{
    Digest,
    step::{Failure, FailureCode},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

pub use store::operations::Evidence;

use crate::{memory::Memory, settings::Place, trouble::Trouble};

/// The beginning of the name of a secret that nobody gives, where that is an answer too.
pub const SILENT: &str = "silent/";

/// An answer that is on record.
#[derive(Clone, Debug, Deserialize, PartialEq, Serialize)]
pub struct Fact {
    /// When it came.
    pub at: DateTime<Utc>,
    /// What was asked: the method, and the address without its query.
    pub asked: String,
    /// The status of the answer.
    pub status: u16,
    /// What was read from it.
    pub value: Value,
    /// More evidence, where the value is not all of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Digest>,
}

impl Fact {
    /// The fact as evidence.
    #[must_use]
    pub fn to_evidence(&self) -> Evidence {
        let Self { at, asked, status, value, evidence } = self;
        let text = json!({"at": at, "asked": asked, "status": status, "read": value, "evidence": evidence}).to_string();
        Evidence::new("application/json", text.into_bytes(), asked)
    }
}

/// All answers that are on record, by name.
pub type Facts = BTreeMap<String, Fact>;

/// Why a step breaks off.
#[derive(Debug)]
pub enum Halt {
    /// It needs an answer.
    Ask(Box<Call>),
    /// It is to be looked at again, with these answers forgotten.
    Wait {
        /// When.
        after: TimeDelta,
        /// Which: every fact whose name begins so.
        forget: Vec<String>,
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
    pub fn again(seconds: i64, forget: &[&str]) -> Self {
        let forget = forget.iter().map(|&name| name.to_owned()).collect();
        Self::Wait { after: TimeDelta::seconds(seconds), forget }
    }
}

/// Where an answer is kept.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Keep {
    /// On record, and as evidence.
    Record,
    /// In the memory of this instance, until it has expired: it is a secret.
    Memory,
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
    /// The name of the answer.
    pub name: String,
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
        name: &str,
        request: Request,
        read: impl Fn(&Response) -> Result<T, Trouble> + 'static,
    ) -> Self {
        let read: Reader = Box::new(move |response| {
            let value = serde_json::to_value(read(response)?).map_err(|_| Trouble::garbled("it has no shape"))?;
            Ok(Read { value, lasts: TimeDelta::zero(), evidence: None })
        });
        Self { name: name.to_owned(), request, keep: Keep::Record, read }
    }
}

impl std::fmt::Debug for Call {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Not the request, which carries a credential.
        f.debug_struct("Call").field("name", &self.name).finish_non_exhaustive()
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
    used: RefCell<BTreeSet<String>>,
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
        name: &str,
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
        name: &str,
        request: impl FnOnce() -> Result<Request, Halt>,
        read: impl Fn(&Response) -> Result<Read, Trouble> + 'static,
    ) -> Result<T, Halt> {
        if let Some(known) = self.known(name) {
            return Ok(known);
        }
        let (name, read): (_, Reader) = (name.to_owned(), Box::new(read));
        Err(Halt::Ask(Box::new(Call { name, request: request()?, keep: Keep::Record, read })))
    }

    /// A secret that is in memory, or the call that brings it. `name` names whose secret it is.
    ///
    /// # Errors
    /// As [`Desk::ask`].
    pub fn secret(
        &self,
        name: &str,
        request: impl FnOnce() -> Result<Request, Halt>,
        read: impl Fn(&Response) -> Result<(Secret, TimeDelta), Trouble> + 'static,
    ) -> Result<Secret, Halt> {
        let name = format!("{}:{name}", self.place.environment);
        if let Some(secret) = self.memory.get(&name, self.now) {
            return Ok(secret);
        }
        if self.facts.contains_key(&format!("{SILENT}{name}")) {
            // Nobody gives it, and whoever asks may go without: the call that it is for will be refused, and named.
            return Ok(Secret::default());
        }
        let read: Reader = Box::new(move |response| {
            let (secret, lasts) = read(response)?;
            Ok(Read { value: secret.expose().into(), lasts, evidence: None })
        });
        Err(Halt::Ask(Box::new(Call { name, request: request()?, keep: Keep::Memory, read })))
    }

    /// A fact that is on record.
    #[must_use]
    pub fn known<T: DeserializeOwned>(&self, name: &str) -> Option<T> {
        let value = serde_json::from_value(self.facts.get(name)?.value.clone()).ok()?;
        self.used.borrow_mut().insert(name.to_owned());
        Some(value)
    }

    /// Whether it was asked for, and there was no answer that could be used.
    #[must_use]
    pub fn is_silent(&self, name: &str) -> bool {
        self.facts.get(name).is_some_and(|fact| fact.status == 0)
    }

    /// When a fact was put on record.
    #[must_use]
    pub fn known_at(&self, name: &str) -> Option<DateTime<Utc>> {
        self.facts.get(name).map(|fact| fact.at)
    }

    /// The evidence of a fact.
    #[must_use]
    pub fn evidence_of(&self, name: &str) -> Option<Digest> {
        self.facts.get(name).and_then(|fact| fact.evidence)
    }

    /// Breaks off when facts are older than this, so that they are asked for again.
    ///
    /// # Errors
    /// Returns [`Halt::Wait`] for no time, with the facts forgotten.
    pub fn demand_fresh(&self, prefix: &str, age: TimeDelta) -> Result<(), Halt> {
        let old = |(name, fact): (&String, &Fact)| name.starts_with(prefix) && self.now - fact.at > age;
        if self.facts.iter().any(old) { Err(Halt::again(0, &[prefix])) } else { Ok(()) }
    }

    /// The facts whose names begin so, as one piece of evidence; none when there are none.
    #[must_use]
    pub fn gathered(&self, prefix: &str) -> Option<Evidence> {
        let facts: BTreeMap<&String, &Fact> = self.facts.iter().filter(|(name, _)| name.starts_with(prefix)).collect();
        let bytes = serde_json::to_vec(&facts).ok().filter(|_| !facts.is_empty())?;
        Some(Evidence::new("application/json", bytes, prefix))
    }

    /// What proves what was used so far.
    #[must_use]
    pub fn proof(&self) -> Vec<Evidence> {
        self.used.borrow().iter().filter_map(|name| self.facts.get(name)).map(Fact::to_evidence).collect()
    }
}
