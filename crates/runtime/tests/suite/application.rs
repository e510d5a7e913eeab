//! An application of the guest component, made for one test.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{Request, Response};
use runtime::{Limits, LoadError, Options, Runtime};
use tempfile::TempDir;

/// What the manifest says.
pub struct Application {
    /// Lines of `[component.guest.variables]`.
    pub variables: String,
    /// Entries of `allowed_outbound_hosts`.
    pub hosts: Vec<String>,
    /// Further tables.
    pub more: String,
    /// Whether the component is entered by standard interfaces alone.
    pub standard: bool,
    /// What the runtime allows.
    pub limits: Limits,
}

impl Default for Application {
    fn default() -> Self {
        let limits = Limits { connections: 4, ..Limits::default() };
        Self { variables: String::new(), hosts: Vec::new(), more: String::new(), standard: false, limits }
    }
}

/// A loaded application and its folder.
pub struct Running {
    pub runtime: Runtime,
    _folder: TempDir,
}

impl Application {
    /// An application that knows a database.
    pub fn with_database(url: &str) -> Self {
        let origin = origin(url);
        Self { variables: format!("database_url = {url:?}\n"), hosts: vec![origin], ..Self::default() }
    }

    /// An application that knows a Redis server, and listens to its channel `heard`.
    pub fn with_redis(url: &str) -> Self {
        let trigger = "[[trigger.redis]]\ncomponent = \"guest\"\nchannel = \"heard\"\n";
        Self {
            variables: format!("redis_url = {url:?}\n"),
            hosts: vec![origin(url)],
            more: format!("{trigger}address = {url:?}\n"),
            ..Self::default()
        }
    }

    /// Writes the manifest and loads it.
    pub async fn load(self) -> Running {
        self.try_load().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// The same for an application that may not load.
    pub async fn try_load(self) -> Result<Running, LoadError> {
        let folder = tempfile::tempdir().unwrap();
        let manifest = folder.path().join("spin.toml");
        let Self { variables, hosts, more, standard, limits } = self;
        let source = component();
        let text = format!(
            r#"
spin_manifest_version = 2
[application]
name = "guest"
[[trigger.http]]
component = "guest"
route = "/..."
[[trigger.http]]
component = "guest"
route = "/things/:id/echo"
[[trigger.http]]
component = "hidden"
route = {{ private = true }}
[component.guest]
source = {source:?}
allowed_outbound_hosts = {hosts:?}
[component.guest.variables]
greeting = "hello"
{variables}
[component.hidden]
source = {source:?}
{more}
"#
        );
        std::fs::write(&manifest, text).unwrap();
        let options = Options { manifest, variables: Default::default(), cache_dir: cache(), standard, limits };
        let runtime = Runtime::load(options).await?;
        Ok(Running { runtime, _folder: folder })
    }
}

impl Running {
    /// Asks for a path.
    pub async fn get(&self, path: &str) -> Response<Bytes> {
        self.runtime.handle(Request::get(path).body(Bytes::new()).unwrap()).await
    }

    /// Asks for a path; the status and the text of the answer.
    pub async fn ask(&self, path: &str) -> (u16, String) {
        told(&self.get(path).await)
    }

    /// Sends a text to a path.
    pub async fn post(&self, path: &str, body: impl Into<Bytes>) -> (u16, String) {
        told(&self.runtime.handle(Request::post(path).body(body.into()).unwrap()).await)
    }

    /// Runs a statement through the component, on the database that it knows.
    pub async fn query(&self, statement: &str) -> (u16, String) {
        self.post("/query", format!("\n{statement}")).await
    }
}

fn told(response: &Response<Bytes>) -> (u16, String) {
    (response.status().as_u16(), String::from_utf8_lossy(response.body()).into_owned())
}

/// `scheme://host:port` of a URL.
pub fn origin(url: &str) -> String {
    let url = url::Url::parse(url).unwrap();
    format!("{}://{}:{}", url.scheme(), url.host_str().unwrap(), url.port().unwrap())
}

/// The component that is run.
pub fn component() -> PathBuf {
    let path = target().join("wasm32-wasip2/release/guest.wasm");
    assert!(path.is_file(), "{} is missing: run `cargo xtask build guest`", path.display());
    path
}

/// One cache for all tests: compiling is what takes longest.
fn cache() -> PathBuf {
    target().join("tmp/runtime-cache")
}

fn target() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target")
}
