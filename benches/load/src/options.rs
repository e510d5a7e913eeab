//! What the command is told.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::{Args, Parser, Subcommand};
use identity::Settings;

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
}

/// What all modes have in common.
#[derive(Args)]
pub struct Common {
    /// Origin of the server; twice, for parties on different nodes.
    #[arg(long, required = true)]
    pub url: Vec<String>,
    /// The secret that signs HS256 tokens.
    #[arg(long, env = "JWT_SECRET", hide_env_values = true)]
    pub secret: String,
    /// The issuer that the server expects of a token.
    #[arg(long)]
    pub issuer: Option<String>,
    /// The audience that the server expects of a token.
    #[arg(long)]
    pub audience: Option<String>,
    /// Negotiate before connecting, instead of going to the WebSocket at once.
    #[arg(long)]
    pub negotiate: bool,
    /// Conversations of two.
    #[arg(long, default_value_t = 100)]
    pub conversations: usize,
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
        }
    }

    /// What all modes have in common.
    pub fn common(&self) -> &Common {
        match self {
            Self::Closed { common, .. } | Self::Open { common, .. } | Self::Idle { common } => common,
        }
    }

    /// Checks what the command line alone can't.
    ///
    /// # Errors
    /// A number with which nothing could be measured.
    pub fn check(&self) -> Result<()> {
        let common = self.common();
        ensure!(common.conversations > 0, "there must be a conversation");
        ensure!((1..=4000).contains(&common.length), "a message has 1 to 4000 characters");
        if let Self::Open { rate, .. } = self {
            ensure!(rate.is_finite() && *rate > 0.0, "the rate must be positive");
        }
        Ok(())
    }
}

impl Common {
    /// Where to connect, and as whom.
    ///
    /// # Errors
    /// A URL that is no plain `http://` origin.
    pub fn target(&self) -> Result<Target> {
        let settings = Settings {
            secret: Some(self.secret.clone()),
            issuer: self.issuer.clone(),
            audience: self.audience.clone(),
            ..Settings::default()
        };
        Target::new(&self.url, settings, self.negotiate)
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
