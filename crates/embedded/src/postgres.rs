//! A private PostgreSQL.

use std::fs::{self, DirBuilder};
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::folder::{Folder, tail};
use crate::keeper::{Keeper, Server};
use crate::{Account, Error, orphan, port, secret};

/// How long the server may take to become ready: after a power failure it first repeats what it had not written out.
const PATIENCE: Duration = Duration::from_secs(120);

/// The user and the database that Hubline works with. The user owns the database and may make roles, and nothing more,
/// just as on a managed server.
const NAME: &str = "hubline";

/// The database of operations, of the same owner. On a real installation it is on a server of its own, which no rollback
/// restores.
const OPERATIONS: &str = "operations";

/// Succeeds once whoever runs the server has made both databases.
const READY: &str = "select 1 / count(*) from pg_database where datname = 'operations'";

/// A private PostgreSQL server, reachable while this lives.
#[derive(Debug)]
pub struct Postgres {
    url: String,
    operations_url: String,
    _keeper: Keeper,
}

impl Postgres {
    /// Opens the server whose data is in a folder, which is made when it is not there.
    ///
    /// # Errors
    ///
    /// When PostgreSQL is not installed, cannot use the folder, or does not become ready.
    pub fn open(folder: &Path, account: &Account) -> Result<Self, Error> {
        let folder = Folder::prepare(folder, account)?;
        let lock = folder.try_lock()?;
        let cluster = Cluster { bin: bin(&folder)?, folder };
        let owner = lock.is_some();
        if owner {
            cluster.end_orphan();
            cluster.initialize()?;
            port::choose(&cluster.port_file())?;
        }
        let keeper = Keeper::start(cluster.clone(), lock)?;
        let server = cluster.wait(&keeper, owner)?;
        let url = format!("{server}/{NAME}");
        let operations_url = format!("{server}/{OPERATIONS}");
        Ok(Self { url, operations_url, _keeper: keeper })
    }

    /// The address of the database, with its owner's password.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The address of the database of operations, with its owner's password.
    pub fn operations_url(&self) -> &str {
        &self.operations_url
    }
}

/// A folder with PostgreSQL's data and the programs for it.
#[derive(Debug, Clone)]
struct Cluster {
    bin: PathBuf,
    folder: Folder,
}

impl Server for Cluster {
    const NAME: &'static str = "PostgreSQL";
    /// PostgreSQL's fast shutdown: it does not wait for clients.
    const STOP: Signal = Signal::INT;

    fn folder(&self) -> &Folder {
        &self.folder
    }

    fn end_orphan(&self) {
        let data = self.data();
        orphan::end(&data.join("postmaster.pid"), &["postgres", &data.to_string_lossy()], Self::STOP);
    }

    fn command(&self) -> Result<Command, Error> {
        let port = port::kept(&self.port_file()).unwrap_or_default();
        let mut command = self.folder.account.server(&self.program("postgres"), &self.folder.path, "INT");
        command.arg("-D").arg(self.data());
        for setting in [
            "listen_addresses=127.0.0.1",
            &format!("port={port}"),
            // Loopback and a password are enough, and a socket's path has a length limit.
            "unix_socket_directories=",
            "max_connections=200",
        ] {
            command.args(["-c", setting]);
        }
        Ok(command)
    }
}

impl Cluster {
    fn data(&self) -> PathBuf {
        self.folder.file("data")
    }

    fn port_file(&self) -> PathBuf {
        self.folder.file("port")
    }

    fn program(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// The superuser's password: only for making the database and its owner.
    fn superuser_password(&self) -> Result<String, Error> {
        secret::keep(&self.folder.file("superuser.password"))
    }

    fn password(&self) -> Result<String, Error> {
        secret::keep(&self.folder.file("password"))
    }

    /// Makes the data folder when there is none. A crash half-way leaves only a draft, which is thrown away.
    fn initialize(&self) -> Result<(), Error> {
        if self.data().join("PG_VERSION").exists() {
            return Ok(());
        }
        let draft = self.folder.file("data.new");
        if draft.exists() {
            fs::remove_dir_all(&draft).map_err(Error::file(&draft))?;
        }
        DirBuilder::new().mode(0o700).create(&draft).map_err(Error::file(&draft))?;
        self.folder.account.own(&draft)?;
        let password = self.folder.file("initdb.password");
        secret::write(&password, &self.superuser_password()?)?;
        self.folder.account.own(&password)?;

        let mut initdb = self.folder.account.command(&self.program("initdb"), &self.folder.path);
        initdb.args(["--username=postgres", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C"]);
        initdb.arg("--pwfile").arg(&password).arg("--pgdata").arg(&draft);
        let result = run(&mut initdb, "");
        fs::remove_file(&password).map_err(Error::file(&password))?;
        result?;
        fs::rename(&draft, self.data()).map_err(Error::file(&draft))
    }

    /// Waits until the databases can be used and answers the server's address.
    fn wait(&self, keeper: &Keeper, owner: bool) -> Result<String, Error> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            // The port is read each time: the process that runs the server may not have chosen it yet.
            if let Some(port) = port::kept(&self.port_file())
                && self.is_ready(port, owner)?
            {
                return Ok(format!("postgres://{NAME}:{}@127.0.0.1:{port}", self.password()?));
            }
            if keeper.failures() > 0 {
                return Err(Error::Failed { program: Self::NAME.to_owned(), output: self.folder.log_tail() });
            }
            if Instant::now() >= deadline {
                let seconds = PATIENCE.as_secs();
                return Err(Error::Slow { server: Self::NAME, seconds, log: self.folder.log() });
            }
            thread::sleep(Duration::from_millis(30));
        }
    }

    /// Whether the database can be used, which its owner first makes sure exists.
    fn is_ready(&self, port: u16, owner: bool) -> Result<bool, Error> {
        if !owner {
            return Ok(self.psql(port, NAME, &self.password()?, READY).is_ok());
        }
        let superuser = self.superuser_password()?;
        if self.psql(port, "postgres", &superuser, "select 1").is_err() {
            return Ok(false);
        }
        // Written so that nothing happens when everything is there. The password is of hexadecimal digits alone.
        let password = self.password()?;
        let make = format!(
            "select 'create role {NAME} login createrole' where to_regrole('{NAME}') is null \\gexec\n\
             alter role {NAME} password '{password}';\n\
             select 'create database {NAME} owner {NAME}'\n\
             where not exists (select from pg_database where datname = '{NAME}') \\gexec\n\
             select 'create database {OPERATIONS} owner {NAME}'\n\
             where not exists (select from pg_database where datname = '{OPERATIONS}') \\gexec\n"
        );
        self.psql(port, "postgres", &superuser, &make).map(|()| true)
    }

    /// Runs statements as a user; through a pipe, since other users can see a command's arguments.
    fn psql(&self, port: u16, user: &str, password: &str, statements: &str) -> Result<(), Error> {
        let mut psql = self.folder.account.command(&self.program("psql"), &self.folder.path);
        psql.args(["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--no-password", "--host=127.0.0.1"]);
        psql.args([
            "--port",
            &port.to_string(),
            "--username",
            user,
            "--dbname",
            if user == NAME { NAME } else { "postgres" },
        ]);
        run(psql.env("PGPASSWORD", password), statements)
    }
}

/// The programs of the version that wrote the folder's data, or the best that is installed.
fn bin(folder: &Folder) -> Result<PathBuf, Error> {
    let Ok(written) = fs::read_to_string(folder.file("data").join("PG_VERSION")) else {
        return programs::postgres().map(|it| it.bin).ok_or(Error::NotInstalled("PostgreSQL 15 or newer"));
    };
    let written = written.trim();
    written
        .parse()
        .ok()
        .and_then(programs::postgres_of)
        .map(|it| it.bin)
        .ok_or_else(|| Error::OtherVersion { folder: folder.path.clone(), written: written.to_owned() })
}

/// Runs a program to its end with the given text as its input.
fn run(command: &mut Command, input: &str) -> Result<(), Error> {
    let program = Path::new(command.get_program()).file_name().unwrap_or_default().to_string_lossy().into_owned();
    let start = |source| Error::Start { program: program.clone(), source };
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn().map_err(start)?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that failed before it read everything tells by its exit status.
        drop(stdin.write_all(input.as_bytes()));
    }
    let output = child.wait_with_output().map_err(start)?;
    if output.status.success() {
        return Ok(());
    }
    Err(Error::Failed { program, output: tail(&output.stderr) })
}
