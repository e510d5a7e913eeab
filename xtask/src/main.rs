//! The project's own commands: `cargo xtask setup`, `build`, `up`, `check`, `test`, `campaign`, `drill`,
//! `bench`.
//!
//! A command is a module of this crate and an arm of [`run`]. It is the first thing a newcomer builds, so it depends on
//! next to nothing and compiles in seconds.

mod bench;
mod build;
mod campaign;
mod check;
mod drill;
mod failures;
mod manifest;
mod process;
mod progress;
mod project;
mod setup;
mod tally;
mod test;
mod up;

#[cfg(test)]
mod tidy;

use std::env;
use std::process::ExitCode;

use anyhow::{Result, bail};

const USAGE: &str = "\
usage: cargo xtask COMMAND

  setup [lab]        find or install what the project needs, or what the lab of `drill` needs
  build [NAME…]      build the Wasm components, all or the named ones
  up [OPTION…]       build everything and run it: the options are those of `hubline up`
  manifest           write in spin.toml what components have in common with the one for which it is written by hand
  check              formatting, lints, licences and dependencies
  test [FILTER]      everything above and every test; the last line is `N passed, N failed`
  campaign NAME      a test in its long form; without a name, which there are
  drill              every rollback from its alert to its proof, in a lab on this machine
  bench chat […]     measure the chat beside other servers (see docs/performance.md)
  bench tokens       measure many users of an issuer beside few of a secret
  bench retention    measure a purge beside sends";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode> {
    let Some((command, rest)) = arguments.split_first() else { bail!("no command given\n\n{USAGE}") };
    match command.as_str() {
        "setup" if rest == ["lab"] => setup::lab::find_or_install().map(|_| ExitCode::SUCCESS),
        "setup" => setup::run().map(|_| ExitCode::SUCCESS),
        "build" => build::run(rest).map(|()| ExitCode::SUCCESS),
        "up" => up::run(rest),
        "check" => check::run(),
        "manifest" => manifest::run().map(|()| ExitCode::SUCCESS),
        "test" => test::run(rest),
        "campaign" => campaign::run(rest),
        "drill" => drill::run(rest),
        "bench" => bench::run(rest),
        "help" | "--help" | "-h" => {
            println!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        unknown => bail!("no command `{unknown}`\n\n{USAGE}"),
    }
}
