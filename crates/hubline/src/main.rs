//! `hubline`: service-request chat on one machine, or the relay of many.

mod commands;
mod data;
mod database;
mod databases;
mod demo;
mod drain;
mod files;
mod functions;
mod health;
mod inside;
mod internal;
mod internal_paths;
mod issuer;
mod keys;
mod logs;
mod measured;
mod metrics;
mod migrations;
mod node;
mod operations;
mod principals;
mod problem;
mod public;
mod readiness;
mod receiver;
mod retention;
mod roles;
mod server;
mod shutdown;
mod tokens;
mod variables;

use std::process::ExitCode;

use clap::Parser;

use commands::Command;

/// The functions and the relay allocate many small, short-lived things on several threads.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Service-request chat, as WebAssembly functions with a relay for the sockets.
#[derive(Debug, Parser)]
#[command(version, max_term_width = 100)]
struct Hubline {
    #[command(subcommand)]
    command: Command,
}

fn main() -> ExitCode {
    let result = match Hubline::parse().command {
        Command::Up(options) => commands::up::run(options),
        Command::Functions(options) => commands::functions::run(options),
        Command::Relay(options) => commands::relay::run(options),
        Command::Migrate(options) => commands::migrate::run(options),
        Command::Token(options) => commands::token::run(options),
        Command::Trigger(options) => commands::trigger::run(options),
        Command::Epoch(options) => commands::epoch::run(options),
        Command::Principal(options) => commands::principal::run(options),
        Command::VerifyAudit(options) => commands::verify_audit::run(options),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
