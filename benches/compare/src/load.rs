//! Runs the load generator once against some nodes.

use std::fmt;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};
use serde::Serialize;
use serde_json::Value;

use crate::contestant::{RELAY_KEY, TOKEN_SECRET};
use crate::issuer::{AUDIENCE, ISSUER};

/// How the generator is set up, the same for all contestants.
#[derive(Debug)]
pub struct Load {
    /// Its program.
    pub program: PathBuf,
    /// Where its reports go.
    pub folder: PathBuf,
    /// Seconds that are measured.
    pub seconds: f64,
    /// Seconds before those.
    pub warm_up: f64,
    /// The issuer's private key, for those cases in which an issuer signs.
    pub rsa_key: Option<PathBuf>,
}

/// What the generator does.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase", tag = "mode")]
pub enum Case {
    /// Every party sends again as soon as it is answered.
    Closed {
        /// Conversations of two.
        conversations: usize,
    },
    /// Every party has its turn, and so many of them talk at once.
    Turns {
        /// Conversations of two.
        conversations: usize,
        /// Sends that are unanswered at any time.
        at_once: usize,
        /// Whether their tokens are an issuer's (RS256), and not signed with the server's secret (HS256).
        by_issuer: bool,
    },
    /// Sends are due at a rate.
    Open {
        /// Conversations of two.
        conversations: usize,
        /// Sends a second.
        rate: f64,
    },
    /// Nobody sends.
    Idle {
        /// Conversations of two.
        conversations: usize,
    },
    /// Batches are posted to the functions themselves, as relays do.
    Batches {
        /// Conversations of two.
        conversations: usize,
        /// Messages of a batch.
        messages: usize,
        /// Batches that are unanswered at any time.
        in_flight: usize,
    },
}

impl fmt::Display for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Closed { conversations } => write!(f, "closed loop, {conversations} conversations"),
            Self::Turns { conversations, at_once, by_issuer } => {
                let signed = if *by_issuer { "RS256" } else { "HS256" };
                write!(f, "{} users in turn, {at_once} at once, {signed}", conversations * 2)
            }
            Self::Open { conversations, rate } => write!(f, "{rate:.0}/s, {conversations} conversations"),
            Self::Idle { conversations } => write!(f, "{} idle connections", conversations * 2),
            Self::Batches { conversations, messages, in_flight } => {
                write!(
                    f,
                    "batches of {messages} to the functions, {in_flight} in flight, {conversations} conversations"
                )
            }
        }
    }
}

/// One run.
#[derive(Debug)]
pub struct Outcome<T> {
    /// The generator's report.
    pub report: Value,
    /// What there was to see at the beginning of the measured time.
    pub before: T,
    /// And at its end.
    pub after: T,
    /// What the report finds fault with.
    pub complaint: Option<String>,
}

impl Load {
    /// Runs the generator to its end; `look` is called when it begins to measure and when it has measured, with the
    /// generator's process.
    ///
    /// # Errors
    /// The generator could not do its work, or `look` fails. A report of faults is no error here.
    pub fn run<T>(&self, case: Case, urls: &[String], mut look: impl FnMut(u32) -> Result<T>) -> Result<Outcome<T>> {
        let json = self.folder.join("load.json");
        let mut child =
            self.command(case, urls).arg("--json").arg(&json).spawn().context("the generator can't be started")?;
        let (mut before, mut after) = (None, None);
        let process = child.id();
        let listened = listen(&mut child, |moment| {
            match moment {
                Moment::Measuring => before = Some(look(process)?),
                Moment::Measured => after = Some(look(process)?),
            }
            Ok(())
        });
        if listened.is_err() {
            child.kill()?;
        }
        let status = child.wait()?;
        let said = listened?;
        let (Some(before), Some(after)) = (before, after) else { bail!("the generator did not measure: {said}") };
        ensure!(matches!(status.code(), Some(0 | 1)), "the generator ended with {status}: {said}");
        let report = serde_json::from_str(&fs::read_to_string(&json)?)?;
        let complaint = (!status.success()).then(|| complaint(&report));
        Ok(Outcome { report, before, after, complaint })
    }

    fn command(&self, case: Case, urls: &[String]) -> Command {
        let mut command = Command::new(&self.program);
        let conversations = match case {
            Case::Closed { conversations } => {
                command.arg("closed");
                conversations
            }
            Case::Turns { conversations, at_once, by_issuer } => {
                command.args(["closed", "--at-once", &at_once.to_string()]);
                if let Some(key) = self.rsa_key.as_ref().filter(|_| by_issuer) {
                    command.arg("--rsa-key").arg(key).args(["--issuer", ISSUER, "--audience", AUDIENCE]);
                }
                conversations
            }
            Case::Open { conversations, rate } => {
                command.args(["open", "--rate", &rate.to_string()]);
                conversations
            }
            Case::Idle { conversations } => {
                command.arg("idle");
                conversations
            }
            Case::Batches { conversations, messages, in_flight } => {
                command.args(["batches", "--batch", &messages.to_string(), "--in-flight", &in_flight.to_string()]);
                command.env("RELAY_KEY", RELAY_KEY);
                conversations
            }
        };
        command.args(urls.iter().flat_map(|url| ["--url", url]));
        command.args(["--conversations", &conversations.to_string(), "--seconds", &self.seconds.to_string()]);
        command.args(["--warm-up", &self.warm_up.to_string()]).env("JWT_SECRET", TOKEN_SECRET);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        command
    }
}

/// What the generator announces.
enum Moment {
    Measuring,
    Measured,
}

/// Follows the generator to its end; what else it said.
fn listen(child: &mut Child, mut announced: impl FnMut(Moment) -> Result<()>) -> Result<String> {
    let output = child.stderr.take().context("the generator has no output")?;
    let mut said = Vec::new();
    for line in BufReader::new(output).lines() {
        match line?.as_str() {
            "measuring" => announced(Moment::Measuring)?,
            "measured" => announced(Moment::Measured)?,
            other => said.push(other.to_owned()),
        }
    }
    Ok(said.join(" / "))
}

/// What a report finds fault with.
fn complaint(report: &Value) -> String {
    let part = |name: &str| report.get(name).map(|value| format!("{name} {value}")).unwrap_or_default();
    [part("faults"), part("unanswered"), part("errors")].join(", ")
}
