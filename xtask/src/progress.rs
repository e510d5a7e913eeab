//! One step of a command: a program that may take minutes, shown as one line that grows.

use std::fs::{self, File};
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::project;

/// How often we look whether the program has ended.
const POLL: Duration = Duration::from_millis(50);

/// How often a line tells that a step is still going on, where the line cannot be rewritten.
const REMINDER: Duration = Duration::from_secs(20);

/// How often the line is rewritten on a terminal.
const REDRAW: Duration = Duration::from_millis(500);

/// How much of a failed program's output is shown.
const TAIL_LINES: usize = 80;

/// What a step's program did.
pub struct Finished {
    /// Whether it exited with zero.
    pub success: bool,
    /// Everything it printed, standard output and error as they came.
    pub output: String,
    log: PathBuf,
}

impl Finished {
    /// The last lines of the output.
    pub fn tail(&self) -> String {
        let lines: Vec<&str> = self.output.lines().collect();
        lines.get(lines.len().saturating_sub(TAIL_LINES)..).unwrap_or_default().join("\n")
    }
}

/// Runs a program to its end, showing that and how long it runs; its output goes to a file under target/xtask.
///
/// # Errors
///
/// When the program cannot be started. That it failed is in the answer.
pub fn step(title: &str, command: &mut Command) -> Result<Finished> {
    run(command, Line::new(title))
}

/// The same beside another step, whose line is not disturbed: only the end is shown.
///
/// # Errors
///
/// As [`step`].
pub fn beside(title: &str, command: &mut Command) -> Result<Finished> {
    run(command, Line::silent(title))
}

fn run(command: &mut Command, mut line: Line) -> Result<Finished> {
    let title = line.title.as_str();
    let log = log_file(title)?;
    let file = File::create(&log).with_context(|| format!("cannot write {}", log.display()))?;
    let program = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(file.try_clone()?)
        .stderr(file)
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;

    let status = loop {
        if let Some(status) = child.try_wait()? {
            break status;
        }
        line.tick(|| last_line(&log));
        thread::sleep(POLL);
    };
    line.end(status.success());
    let output = String::from_utf8_lossy(&fs::read(&log)?).into_owned();
    Ok(Finished { success: status.success(), output, log })
}

/// Runs a step that the rest cannot do without.
///
/// # Errors
///
/// When the program cannot be started or fails; the end of its output is printed.
pub fn must(title: &str, command: &mut Command) -> Result<Finished> {
    let finished = step(title, command)?;
    if !finished.success {
        eprintln!("{}", finished.tail());
        bail!("{title} failed; the whole output is in {}", finished.log.display());
    }
    Ok(finished)
}

/// A file of its own for each title, in a folder that git ignores.
fn log_file(title: &str) -> Result<PathBuf> {
    let folder = project::root().join("target/xtask");
    fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let name: String = title.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).collect();
    Ok(folder.join(format!("{}.log", name.trim_matches('-'))))
}

fn last_line(log: &PathBuf) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let line = text.lines().rev().map(str::trim).find(|line| !line.is_empty()).unwrap_or_default();
    // Cargo names a crate and then, in parentheses, its folder.
    line.split(" (").next().unwrap_or_default().chars().take(70).collect()
}

/// The line that stands for a running step.
struct Line {
    title: String,
    started: Instant,
    drawn: Instant,
    terminal: bool,
    silent: bool,
}

impl Line {
    fn silent(title: &str) -> Self {
        let now = Instant::now();
        let terminal = io::stderr().is_terminal();
        Self { title: title.to_owned(), started: now, drawn: now, terminal, silent: true }
    }

    fn new(title: &str) -> Self {
        let line = Self { silent: false, ..Self::silent(title) };
        if line.terminal {
            line.draw("");
        } else {
            eprintln!("… {title}");
        }
        line
    }

    /// Tells that the step still runs, when it is time to; `detail` is what the program is at.
    fn tick(&mut self, detail: impl FnOnce() -> String) {
        let pause = if self.terminal { REDRAW } else { REMINDER };
        if self.silent || self.drawn.elapsed() < pause {
            return;
        }
        self.drawn = Instant::now();
        if self.terminal {
            self.draw(&detail());
        } else {
            eprintln!("  {} s: {}", self.started.elapsed().as_secs(), detail());
        }
    }

    fn end(&self, success: bool) {
        let mark = if success { '✓' } else { '✗' };
        let start = if self.terminal { "\r\x1b[K" } else { "" };
        eprintln!("{start}{mark} {} ({:.1} s)", self.title, self.started.elapsed().as_secs_f64());
    }

    fn draw(&self, detail: &str) {
        let mut out = io::stderr().lock();
        // A terminal that went away is no reason to stop a build.
        drop(write!(out, "\r\x1b[K… {} ({} s) {detail}", self.title, self.started.elapsed().as_secs()));
        drop(out.flush());
    }
}
