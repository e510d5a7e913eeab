//! One running node of a contestant.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::contestant::Contestant;
use crate::databases::Databases;
use crate::http;

/// How long a node may take to start: the first time it compiles its components and makes its tables.
const START: Duration = Duration::from_secs(120);

/// How long it may take to stop before it is killed.
const STOP: Duration = Duration::from_secs(15);

/// A process that is stopped with this.
#[derive(Debug)]
pub struct Node {
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
}

impl Node {
    /// Starts a node and waits until it can be used.
    ///
    /// # Errors
    /// It can't be started, ends, or takes too long; its output is named.
    pub fn start(
        contestant: &Contestant,
        name: &str,
        manifest: &Path,
        databases: &Databases,
        logs: &Path,
    ) -> Result<Self> {
        let title = format!("{} {name}", contestant.name());
        let log = logs.join(format!("{}-{name}.log", contestant.name()));
        let output = File::create(&log).with_context(|| format!("{} can't be written", log.display()))?;
        let address = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?;
        let mut command = contestant.command(name, address, manifest, databases)?;
        command.stdin(Stdio::null()).stdout(output.try_clone()?).stderr(output);
        let child = command.spawn().with_context(|| format!("{title} can't be started"))?;
        let mut node = Self { address, child };
        let deadline = Instant::now() + START;
        while let Err(error) = http::get(address, contestant.ready_page()) {
            if let Some(status) = node.child.try_wait()? {
                bail!("{title} ended with {status}; see {}", log.display());
            }
            if Instant::now() >= deadline {
                bail!("{title} is not ready: {error:#}; see {}", log.display());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(node)
    }

    /// Its process.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Its origin.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Asks it to stop, and waits until it has; false when it has to be killed.
    fn stop(&mut self) -> Result<bool> {
        let process = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("no process")?;
        kill_process(process, Signal::TERM)?;
        let deadline = Instant::now() + STOP;
        while Instant::now() < deadline {
            if self.child.try_wait()?.is_some() {
                return Ok(true);
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(false)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if !self.stop().unwrap_or(false) {
            // Either it is gone already, or it would not go.
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}
