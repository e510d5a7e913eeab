//! A private Redis.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::folder::Folder;
use crate::keeper::{Keeper, Server};
use crate::{Account, Error, orphan, port, secret};

/// How long the server may take to become ready. It loads nothing, so this is for a very busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(2);

/// A private Redis server without persistence, reachable while this lives.
#[derive(Debug)]
pub struct Redis {
    url: String,
    _keeper: Keeper,
}

impl Redis {
    /// Opens the server whose things are in a folder, which is made when it is not there.
    ///
    /// # Errors
    ///
    /// When Redis is not installed, cannot use the folder, or does not become ready.
    pub fn open(folder: &Path, account: &Account) -> Result<Self, Error> {
        let folder = Folder::prepare(folder, account)?;
        let lock = folder.try_lock()?;
        let program = programs::redis().ok_or(Error::NotInstalled("Redis"))?;
        let instance = Instance { program, folder };
        if lock.is_some() {
            instance.end_orphan();
            port::choose(&instance.port_file())?;
        }
        let keeper = Keeper::start(instance.clone(), lock)?;
        let url = instance.wait(&keeper)?;
        Ok(Self { url, _keeper: keeper })
    }

    /// The address of the server, with its password.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// A folder with Redis's settings and the program for it.
#[derive(Debug, Clone)]
struct Instance {
    program: PathBuf,
    folder: Folder,
}

impl Server for Instance {
    const NAME: &'static str = "Redis";
    const STOP: Signal = Signal::TERM;

    fn folder(&self) -> &Folder {
        &self.folder
    }

    fn end_orphan(&self) {
        // Redis shows its address in place of its arguments, and the port was ours alone.
        let port = port::kept(&self.port_file()).unwrap_or_default();
        orphan::end(&self.folder.file("pid"), &["redis-server", &format!("127.0.0.1:{port}")], Self::STOP);
    }

    fn command(&self) -> Result<Command, Error> {
        let port = port::kept(&self.port_file()).unwrap_or_default();
        let settings = self.folder.file("redis.conf");
        secret::write(&settings, &self.settings(port)?)?;
        self.folder.account.own(&settings)?;
        let mut command = self.folder.account.server(&self.program, &self.folder.path, "TERM");
        command.arg(&settings);
        Ok(command)
    }
}

impl Instance {
    fn port_file(&self) -> PathBuf {
        self.folder.file("port")
    }

    fn password(&self) -> Result<String, Error> {
        secret::keep(&self.folder.file("password"))
    }

    /// Redis carries hints and remembers nothing, so it need not write anything down.
    fn settings(&self, port: u16) -> Result<String, Error> {
        let password = self.password()?;
        let folder = self.folder.path.display();
        let pid = self.folder.file("pid");
        let pid = pid.display();
        Ok(format!(
            "bind 127.0.0.1\n\
             port {port}\n\
             requirepass {password}\n\
             save \"\"\n\
             appendonly no\n\
             dir \"{folder}\"\n\
             pidfile \"{pid}\"\n"
        ))
    }

    fn wait(&self, keeper: &Keeper) -> Result<String, Error> {
        let deadline = Instant::now() + PATIENCE;
        let password = self.password()?;
        loop {
            if let Some(port) = port::kept(&self.port_file())
                && answers(port, &password)
            {
                return Ok(format!("redis://:{password}@127.0.0.1:{port}"));
            }
            if keeper.failures() > 0 {
                return Err(Error::Failed { program: Self::NAME.to_owned(), output: self.folder.log_tail() });
            }
            if Instant::now() >= deadline {
                let seconds = PATIENCE.as_secs();
                return Err(Error::Slow { server: Self::NAME, seconds, log: self.folder.log() });
            }
            thread::sleep(Duration::from_millis(20));
        }
    }
}

/// Whether the server at a port takes our password and answers.
fn answers(port: u16, password: &str) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(ANSWER))?;
        stream.write_all(format!("AUTH {password}\r\nPING\r\n").as_bytes())?;
        let mut answer = [0; 12];
        stream.read_exact(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    ask().is_ok_and(|answer| &answer == b"+OK\r\n+PONG\r\n")
}
