//! What the command is told.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Measures servers side by side, with the same load and the same databases.
///
/// Everything it starts runs on the processors that it runs on itself. It needs Linux, which tells under /proc who has used
/// the processors.
#[derive(Debug, Parser)]
#[command(name = "hubline-compare", max_term_width = 100)]
pub struct Options {
    /// What is measured.
    #[command(subcommand)]
    pub subject: Subject,
}

/// What is measured.
#[derive(Debug, Subcommand)]
pub enum Subject {
    /// The chat: throughput, latency and memory, on one node and on two.
    Chat(Chat),
    /// Tokens: many users whose issuer signs (RS256) beside few of the server's secret (HS256).
    Tokens(Tokens),
}

/// How the chat is measured.
#[derive(Debug, clap::Args)]
pub struct Chat {
    /// The program of another server to compare with. It is told where to listen and what to use by the environment:
    /// `LISTEN_URL`, `DATABASE_URL`, `REDIS_URL`, `JWT_SECRET`.
    #[arg(long, value_name = "PROGRAM")]
    pub peer: Option<PathBuf>,
    /// Another checkout of Hubline in which the same was built as here, programs and components: measured as `before`, with
    /// tables of its own in the same server.
    #[arg(long, value_name = "FOLDER")]
    pub against: Option<PathBuf>,
    /// How often each measurement is taken; the median counts. Fewer than three rounds need --quick.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Take fewer than three rounds for an answer. It is none: of one or two, nobody can tell chance from the rest.
    #[arg(long)]
    pub quick: bool,
    /// The processors that everything runs on, this command, servers, databases and generator alike: 0,1. Without it,
    /// those that this command may use.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub pin: Vec<usize>,
    /// Seconds of one measurement.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Seconds of load before each measurement.
    #[arg(long, default_value_t = 3.0)]
    pub warm_up: f64,
    /// Conversations of two.
    #[arg(long, default_value_t = 100)]
    pub conversations: usize,
    /// Messages a second at which latency is measured; several times for several rates. With a peer, half of what it
    /// can do is measured besides.
    #[arg(long, default_value = "2000")]
    pub rate: Vec<f64>,
    /// Idle connections for the measurement of memory; 0 for none.
    #[arg(long, default_value_t = 5000)]
    pub idle: usize,
    /// Batches of 64 that are in flight at once when they are posted to the functions, without a relay: a case for each
    /// number. A relay has at most three under way.
    #[arg(long, value_name = "LIST", value_delimiter = ',', default_value = "2,3")]
    pub in_flight: Vec<usize>,
    /// Conversations that those batches go round.
    #[arg(long, default_value_t = 400)]
    pub batch_conversations: usize,
    /// Leave out the batches.
    #[arg(long)]
    pub no_batches: bool,
    /// Leave out the first request after a start.
    #[arg(long)]
    pub no_first: bool,
    /// On how many nodes: 1, 2, or both in turn.
    #[arg(long, value_delimiter = ',', default_value = "1,2")]
    pub nodes: Vec<usize>,
    /// Leave out the native server.
    #[arg(long)]
    pub no_native: bool,
    /// Leave out Hubline.
    #[arg(long)]
    pub no_hubline: bool,
    /// The manifest that Hubline runs.
    #[arg(long, default_value = "spin.toml")]
    pub manifest: PathBuf,
    /// Where the databases keep their data: on a real disk, or commits cost nothing.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Where the results and the servers' logs go.
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    pub results: PathBuf,
}

/// How tokens are measured.
#[derive(Debug, clap::Args)]
pub struct Tokens {
    /// How often each measurement is taken; the median counts. Fewer than three rounds need --quick.
    #[arg(long, default_value_t = 3)]
    pub rounds: usize,
    /// Take fewer than three rounds for an answer. It is none: of one or two, nobody can tell chance from the rest.
    #[arg(long)]
    pub quick: bool,
    /// The processors that everything runs on: 0,1. Without it, those that this command may use.
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    pub pin: Vec<usize>,
    /// Seconds of one measurement.
    #[arg(long, default_value_t = 10.0)]
    pub seconds: f64,
    /// Seconds of load before each measurement. In them nobody's token is known yet.
    #[arg(long, default_value_t = 10.0)]
    pub warm_up: f64,
    /// Users of the issuer, who talk in turn.
    #[arg(long, default_value_t = 10_000)]
    pub users: usize,
    /// Users of the secret, all of whom talk; as many of the issuer's talk at once.
    #[arg(long, default_value_t = 200)]
    pub few: usize,
    /// The manifest that Hubline runs.
    #[arg(long, default_value = "spin.toml")]
    pub manifest: PathBuf,
    /// Where the databases keep their data: on a real disk, or commits cost nothing.
    #[arg(long, value_name = "FOLDER")]
    pub data: Option<PathBuf>,
    /// Where the results and the servers' logs go.
    #[arg(long, value_name = "FOLDER", default_value = "target/bench")]
    pub results: PathBuf,
}
