//! A Redis server.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use tempfile::TempDir;

use super::{Authority, Process, eventually, free_port, give};

/// A server without persistence.
pub struct Redis {
    folder: TempDir,
    port: u16,
    password: &'static str,
    arguments: Vec<String>,
    process: Option<Process>,
}

impl Redis {
    /// A server that speaks in clear.
    pub async fn start() -> Self {
        let started = Self::launch("", |port, _| vec!["--port".to_owned(), port.to_string()]);
        eventually("Redis", async || started.client().get_multiplexed_async_connection().await.ok()).await;
        started
    }

    /// A server that speaks TLS only, wants a password, and has a certificate for `name`.
    pub fn start_tls(authority: &Authority, name: &str) -> Self {
        Self::launch("open sesame", |port, folder| {
            let (certificate, key) = authority.issue(name, folder);
            give(&certificate);
            give(&key);
            let root = folder.join("root.pem");
            fs::copy(authority.root(), &root).unwrap();
            give(&root);
            let files = [("--tls-cert-file", certificate), ("--tls-key-file", key), ("--tls-ca-cert-file", root)];
            let files = files.into_iter().flat_map(|(name, file)| [name.to_owned(), file.display().to_string()]);
            let port = port.to_string();
            ["--port", "0", "--tls-port", &port, "--tls-auth-clients", "no", "--requirepass", "open sesame"]
                .map(str::to_owned)
                .into_iter()
                .chain(files)
                .collect()
        })
    }

    fn launch(password: &'static str, arguments: impl FnOnce(u16, &std::path::Path) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).unwrap();
        give(folder.path());
        let port = free_port();
        let mut arguments = arguments(port, folder.path());
        arguments.extend(["--bind", "127.0.0.1", "--save", ""].map(str::to_owned));
        let mut started = Self { folder, port, password, arguments, process: None };
        started.resume();
        started
    }

    /// Starts the server (again), on the same port.
    pub fn resume(&mut self) {
        let program = programs::redis().expect("Redis is not installed");
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        self.process = Some(Process::start(&program, self.folder.path(), &arguments));
    }

    /// Ends it at once, as a crash would.
    pub fn crash(&mut self) {
        self.process.take().unwrap().end("KILL");
    }

    /// Keeps it from answering; its connections stay.
    pub fn freeze(&self) {
        self.process.as_ref().unwrap().signal("STOP");
    }

    /// Lets it answer again.
    pub fn thaw(&self) {
        self.process.as_ref().unwrap().signal("CONT");
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Where it listens.
    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Where it listens, with what a client of the TLS server needs to know.
    pub fn tls_url(&self, authority: &Authority) -> String {
        let password = self.password.replace(' ', "%20");
        format!("rediss://:{password}@localhost:{}/0?sslrootcert={}", self.port, authority.root().display())
    }

    /// A client beside the runtime.
    pub fn client(&self) -> redis::Client {
        redis::Client::open(self.url()).unwrap()
    }

    /// Publishes beside the runtime; how many listened.
    pub async fn publish(&self, channel: &str, message: &str) -> i64 {
        let mut connection = self.client().get_multiplexed_async_connection().await.unwrap();
        redis::cmd("PUBLISH").arg(channel).arg(message).query_async(&mut connection).await.unwrap()
    }

    /// Publishes once somebody listens.
    pub async fn publish_heard(&self, channel: &str, message: &str) {
        eventually("a subscription", async || (self.publish(channel, message).await > 0).then_some(())).await;
    }

    /// The list that the guest keeps of what it heard.
    pub async fn heard(&self) -> Vec<String> {
        let mut connection = self.client().get_multiplexed_async_connection().await.unwrap();
        redis::cmd("LRANGE").arg(&["list", "0", "-1"]).query_async(&mut connection).await.unwrap()
    }

    /// Waits until the guest has heard this many messages.
    pub async fn heard_at_least(&self, count: usize) -> Vec<String> {
        let what = format!("hearing {count} messages");
        eventually(&what, async || {
            let heard = tokio::time::timeout(Duration::from_secs(1), self.heard()).await.ok()?;
            (heard.len() >= count).then_some(heard)
        })
        .await
    }
}
