//! A PostgreSQL server.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use tempfile::TempDir;
use tokio_postgres::NoTls;

use super::{Authority, Process, eventually, free_port, give, server};

/// A server with a fresh cluster.
pub struct Postgres {
    folder: TempDir,
    bin: PathBuf,
    port: u16,
    settings: Vec<String>,
    process: Option<Process>,
}

impl Postgres {
    /// A server that speaks in clear.
    pub async fn start() -> Self {
        Self::launch(None).await
    }

    /// A server that speaks TLS only, with a certificate for `name`.
    pub async fn start_tls(authority: &Authority, name: &str) -> Self {
        Self::launch(Some((authority, name))).await
    }

    async fn launch(tls: Option<(&Authority, &str)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
        give(folder.path());
        let bin = programs::postgres().expect("PostgreSQL is not installed").bin;
        let data = folder.path().join("data");
        let mut initdb = server(&bin.join("initdb"), folder.path());
        initdb.args(["--auth=trust", "--username=owner", "--encoding=UTF8", "--locale=C", "--no-sync", "--pgdata"]);
        assert!(initdb.arg(&data).output().unwrap().status.success());
        let mut settings = vec!["fsync=off".to_owned(), "timezone=UTC".to_owned()];
        if let Some((authority, name)) = tls {
            let (certificate, key) = authority.issue(name, folder.path());
            fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
            give(&key);
            give(&certificate);
            settings.push("ssl=on".to_owned());
            settings.push(format!("ssl_cert_file={}", certificate.display()));
            settings.push(format!("ssl_key_file={}", key.display()));
            fs::write(data.join("pg_hba.conf"), "hostssl all all all trust\n").unwrap();
        }
        let mut started = Self { folder, bin, port: free_port(), settings, process: None };
        started.resume();
        if tls.is_none() {
            started.ready().await;
        }
        started
    }

    /// Starts the server (again), on the same port with the same data.
    pub fn resume(&mut self) {
        let data = self.folder.path().join("data");
        let port = self.port.to_string();
        let mut arguments = vec!["-D", data.to_str().unwrap(), "-p", &port, "-h", "127.0.0.1", "-k", ""];
        for setting in &self.settings {
            arguments.extend(["-c", setting]);
        }
        self.process = Some(Process::start(&self.bin.join("postgres"), self.folder.path(), &arguments));
    }

    /// Ends it at once, as a crash would.
    pub fn crash(&mut self) {
        self.process.take().unwrap().end("QUIT");
    }

    /// Waits until it answers.
    pub async fn ready(&self) {
        let url = self.url();
        eventually("PostgreSQL", async || tokio_postgres::connect(&url, NoTls).await.ok().map(drop)).await;
    }

    /// Runs SQL beside the runtime.
    pub async fn sql(&self, text: &str) {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.unwrap();
        let driving = tokio::spawn(connection);
        client.batch_execute(text).await.unwrap();
        drop(client);
        driving.await.unwrap().unwrap();
    }

    /// Asks beside the runtime for one number.
    pub async fn number(&self, text: &str) -> i64 {
        let (client, connection) = tokio_postgres::connect(&self.url(), NoTls).await.unwrap();
        let driving = tokio::spawn(connection);
        let number = client.query_one(text, &[]).await.unwrap().get(0);
        drop(client);
        driving.await.unwrap().unwrap();
        number
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("postgres://owner@127.0.0.1:{}/postgres", self.port)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }
}
