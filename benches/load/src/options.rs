//! What the command is told.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use chat::wire::SendRequest;
use clap::{Args, Parser, Subcommand};
use identity::Settings;

use crate::signer::Signer;
use crate::target::Target;

/// Drives a chat server and checks what it delivers.
#[derive(Parser)]
#[command(name = "hubline-load")]
pub struct Options {
    /// How the parties talk.
    #[command(subcommand)]
    pub mode: Mode,
}

/// How the parties talk.
#[derive(Subcommand)]
pub enum Mode {
    /// Throughput: every party sends again as soon as it is answered.
    Closed {
        /// How many sends of a party may be unanswered.
        #[arg(long, default_value_t = 1)]
        outstanding: u32,
        /// How many sends of all parties together may be unanswered: the parties take turns.
        #[arg(long, conflicts_with = "outstanding")]
        at_once: Option<usize>,
        /// The rest.
        #[command(flatten)]
        common: Common,
    },
    /// Latency: sends are due at a steady rate, whatever became of the earlier ones.
    Open {
        /// Sends a second, of all parties together.
        #[arg(long)]
        rate: f64,
        /// The rest.
        #[command(flatten)]
        common: Common,
    },
    /// Memory: the parties join and say nothing.
    Idle {
        /// The rest.
        #[command(flatten)]
        common: Common,
    },
    /// The functions by themselves: batches such as relays send, one after another on each connection. The URL is that
    /// of `hubline functions`, which takes them.
    Batches {
        /// How they are sent.
        #[command(flatten)]
        batching: Batching,
        /// The rest.
        #[command(flatten)]
        common: Common,
    },
}

/// How batches are sent.
#[derive(Args)]
pub struct Batching {
    /// The key that the server knows its relays by.
    #[arg(long, env = "RELAY_KEY", hide_env_values = true)]
    pub key: String,
    /// Messages of a batch.
    #[arg(long, default_value_t = SendRequest::MOST)]
    pub batch: usize,
    /// Batches that are unanswered at any time, each on a connection of its own. No two of them have a conversation in
    /// common, as those of one relay have none.
    #[arg(long, default_value_t = 2)]
    pub in_flight: usize,
}

/// What all modes have in common.
#[derive(Args)]
pub struct Common {
    /// Origin of the server; twice, for parties on different nodes.
    #[arg(long, required = true)]
    pub url: Vec<String>,
    /// The secret that signs HS256 tokens.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true, required_unless_present = "rsa_key")]
    pub secret: Option<String>,
    /// A file with the private key that signs RS256 tokens instead, PKCS #8 in DER. The server knows it by the name `load`.
    #[arg(long, value_name = "FILE")]
    pub rsa_key: Option<PathBuf>,
    /// The issuer that the server expects of a token.
    #[arg(long)]
    pub issuer: Option<String>,
    /// The audience that the server expects of a token.
    #[arg(long)]
    pub audience: Option<String>,
    /// Negotiate before connecting, instead of going to the WebSocket at once.
    #[arg(long)]
    pub negotiate: bool,
    /// Conversations of two: 100, or 400 for batches, so that the messages of a batch are of as many conversations.
    #[arg(long)]
    pub conversations: Option<usize>,
    /// Seconds that are measured, or held when idle.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Seconds of load before the measured ones.
    #[arg(long, default_value_t = 3.0)]
    pub warm_up: f64,
    /// Characters of a message.
    #[arg(long, default_value_t = 80)]
    pub length: usize,
    /// Write the report there too, as JSON.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

impl Mode {
    /// Its name in reports.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::Idle { .. } => "idle",
            Self::Batches { .. } => "batches",
        }
    }

    /// How many conversations of two there are.
    pub fn conversations(&self) -> usize {
        self.common().conversations.unwrap_or(match self {
            Self::Batches { .. } => 400,
            _ => 100,
        })
    }

    /// What all modes have in common.
    pub fn common(&self) -> &Common {
        match self {
            Self::Closed { common, .. }
            | Self::Open { common, .. }
            | Self::Idle { common }
            | Self::Batches { common, .. } => common,
        }
    }

    /// Checks what the command line alone can't.
    ///
    /// # Errors
    /// A number with which nothing could be measured.
    pub fn check(&self) -> Result<()> {
        let conversations = self.conversations();
        ensure!(conversations > 0, "there must be a conversation");
        ensure!((1..=4000).contains(&self.common().length), "a message has 1 to 4000 characters");
        if let Self::Closed { at_once: Some(at_once), .. } = self {
            ensure!((1..=conversations * 2).contains(at_once), "between one and all of the parties talk at once");
        }
        if let Self::Open { rate, .. } = self {
            ensure!(rate.is_finite() && *rate > 0.0, "the rate must be positive");
        }
        if let Self::Batches { batching: Batching { batch, in_flight, .. }, .. } = self {
            ensure!((1..=SendRequest::MOST).contains(batch), "a batch has 1 to {} messages", SendRequest::MOST);
            ensure!((1..=conversations).contains(in_flight), "each batch in flight needs a conversation of its own");
        }
        Ok(())
    }
}

impl Common {
    /// Where to connect, and as whom.
    ///
    /// # Errors
    /// A URL that is no plain `http://` origin, or a file without a key.
    pub fn target(&self) -> Result<Target> {
        let settings = Settings {
            secret: self.secret.clone(),
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            ..Settings::default()
        };
        let signer = match &self.rsa_key {
            Some(file) => Signer::from_file(file, settings)?,
            None => Signer::Secret(Box::new(settings)),
        };
        Target::new(&self.url, signer, self.negotiate)
    }

    /// How long to warm up, and how long to measure.
    ///
    /// # Errors
    /// Numbers that are no times.
    pub fn times(&self) -> Result<(Duration, Duration)> {
        let time = |value: f64| Duration::try_from_secs_f64(value).with_context(|| format!("{value} seconds"));
        let (warm_up, measured) = (time(self.warm_up)?, time(self.seconds)?);
        ensure!(!measured.is_zero(), "there must be time to measure in");
        Ok((warm_up, measured))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(arguments: &[&str]) -> Mode {
        let usual = ["hubline-load"].iter().chain(arguments).chain(&["--url", "http://x", "--secret", "s"]);
        Options::try_parse_from(usual.copied()).unwrap().mode
    }

    #[test]
    fn the_messages_of_a_batch_are_of_as_many_conversations_unless_told_otherwise() {
        assert_eq!(mode(&["closed"]).conversations(), 100);
        let batches = mode(&["batches", "--key", "k"]);
        assert_eq!(batches.conversations(), 400);
        assert!(batches.check().is_ok());
        assert_eq!(mode(&["batches", "--key", "k", "--conversations", "3"]).conversations(), 3);
    }

    #[test]
    fn no_more_parties_talk_at_once_than_there_are() {
        assert!(mode(&["closed", "--at-once", "200"]).check().is_ok());
        for bad in ["0", "201"] {
            assert!(mode(&["closed", "--at-once", bad]).check().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_batch_that_no_relay_could_send_is_refused() {
        for bad in [["--batch", "65"], ["--batch", "0"], ["--in-flight", "0"], ["--in-flight", "401"]] {
            assert!(mode(&[["batches", "--key", "k"].as_slice(), &bad].concat()).check().is_err(), "{bad:?}");
        }
    }
}
