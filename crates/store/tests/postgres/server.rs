//! A private server, and a database of its own for each test.

use std::{
    fs::{self, Permissions},
    io::PipeWriter,
    os::unix::{fs::PermissionsExt, process::CommandExt},
    path::PathBuf,
    process::{Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU32, Ordering},
    },
};

use embedded::{Account, Postgres};
use store::{MIGRATIONS, Migration, OPERATIONS_MIGRATIONS, sql};
use tokio_postgres::{Config, NoTls};

use crate::client::Client;

/// The database that the others are copied from.
const TEMPLATE: &str = "template_hubline";

/// The one that the databases of operations are copied from.
const OPERATIONS_TEMPLATE: &str = "template_operations";

/// What makes a session one of the chat's functions.
const CHAT: &str = "-c role=hubline_chat -c lock_timeout=1000ms -c statement_timeout=2500ms";

/// A private server. Its end and that of its folder come with the end of the process at the latest, however that ends.
pub struct Server {
    // In this order: the server stops before its folder goes.
    postgres: Postgres,
    folder: PathBuf,
    _sweeper: PipeWriter,
    databases: AtomicU32,
}

impl Server {
    /// The server that tests share.
    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Server> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    /// Starts a server for one test alone, which may break it.
    pub fn start() -> Self {
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o711)).tempdir().unwrap().keep();
        let sweeper = sweeper(&folder);
        let postgres = Postgres::open(&folder.join("postgres"), &Account::choose().unwrap()).unwrap();
        let server = Self { postgres, folder, _sweeper: sweeper, databases: AtomicU32::new(0) };
        // On a thread of its own, since the test that comes first has a runtime on this one.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                tokio::runtime::Runtime::new().unwrap().block_on(async {
                    server.make(TEMPLATE, MIGRATIONS).await;
                    server.make(OPERATIONS_TEMPLATE, OPERATIONS_MIGRATIONS).await;
                });
            });
        });
        server
    }

    /// A new database with the schema.
    pub async fn database(&self) -> Database {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.create(&name, Some(TEMPLATE)).await;
        self.named(&name)
    }

    /// A new database of operations.
    pub async fn operations_database(&self) -> Database {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.create(&name, Some(OPERATIONS_TEMPLATE)).await;
        self.named(&name)
    }

    /// A new database without the schema.
    pub async fn empty_database(&self) -> Database {
        let name = format!("test_{}", self.databases.fetch_add(1, Ordering::Relaxed));
        self.create(&name, None).await;
        self.named(&name)
    }

    /// Ends the server like a power failure does; it is started again by itself.
    pub fn kill(&self) {
        let pid = fs::read_to_string(self.folder.join("postgres/data/postmaster.pid")).unwrap();
        let pid = pid.lines().next().unwrap();
        // Its children notice by themselves, and none of them writes anything more.
        assert!(Command::new("kill").args(["-9", pid]).status().unwrap().success());
    }

    async fn make(&self, name: &str, steps: &[Migration]) {
        self.create(name, None).await;
        self.named(name).apply(steps).await;
    }

    async fn create(&self, name: &str, template: Option<&str>) {
        let mut superuser = self.config("postgres");
        superuser.user("postgres").password(fs::read(self.folder.join("postgres/superuser.password")).unwrap());
        let superuser = connect(&superuser).await;
        let template = template.unwrap_or("template1");
        superuser.batch_execute(&format!("create database {name} owner hubline template {template}")).await.unwrap();
    }

    fn named(&self, name: &str) -> Database {
        Database { config: self.config(name) }
    }

    fn config(&self, database: &str) -> Config {
        let mut config: Config = self.postgres.url().parse().unwrap();
        config.dbname(database);
        config
    }
}

/// Removes the folder once this process is gone and the server has stopped: nobody drops what is shared.
fn sweeper(folder: &std::path::Path) -> PipeWriter {
    let (reader, writer) = std::io::pipe().unwrap();
    let script = r#"
        cat
        for _ in $(seq 100); do
            test -e "$0/postgres/data/postmaster.pid" || break
            sleep 0.1
        done
        rm -rf -- "$0"
    "#;
    let mut sweeper = Command::new("sh");
    sweeper.arg("-c").arg(script).arg(folder).stdin(reader).stdout(Stdio::null()).stderr(Stdio::null());
    // Not in our group, so that Ctrl-C leaves it to its work.
    drop(sweeper.process_group(0).spawn().unwrap());
    writer
}

/// A database of one test.
pub struct Database {
    config: Config,
}

impl Database {
    /// A connection as the owner, who may do anything.
    pub async fn owner(&self) -> Client {
        Client::new(connect(&self.config).await)
    }

    /// A connection as the functions of the chat have it.
    pub async fn chat(&self) -> Client {
        self.role(CHAT).await
    }

    /// A connection as the purge has it.
    pub async fn purge(&self) -> Client {
        self.role("-c role=hubline_purge -c lock_timeout=1s -c statement_timeout=30s").await
    }

    /// A connection as the functions of operations have it.
    pub async fn operations(&self) -> Client {
        self.role("-c role=hubline_operations -c lock_timeout=2s -c statement_timeout=5s").await
    }

    /// The same, if the server answers.
    pub async fn try_chat(&self) -> Option<Client> {
        let mut config = self.config.clone();
        config.options(CHAT);
        let (client, connection) = config.connect(NoTls).await.ok()?;
        tokio::spawn(connection);
        Some(Client::new(client))
    }

    /// Several connections as the functions of the chat have them.
    pub async fn chats(&self, how_many: usize) -> Vec<Client> {
        futures_util::future::join_all((0..how_many).map(|_| self.chat())).await
    }

    /// Applies every migration of the chat.
    pub async fn migrate(&self) {
        self.apply(MIGRATIONS).await;
    }

    async fn apply(&self, steps: &[Migration]) {
        let owner = self.owner().await;
        owner.batch_execute(sql::MIGRATION_TABLE).await.unwrap();
        for step in steps {
            let transaction = format!("begin; {}; reset role; commit", step.sql);
            owner.batch_execute(&transaction).await.unwrap_or_else(|error| panic!("{}: {error:?}", step.name));
        }
    }

    async fn role(&self, options: &str) -> Client {
        let mut config = self.config.clone();
        config.options(options);
        Client::new(connect(&config).await)
    }
}

async fn connect(config: &Config) -> tokio_postgres::Client {
    let (client, connection) = config.connect(NoTls).await.unwrap();
    // What goes wrong here, the statements report.
    tokio::spawn(connection);
    client
}
