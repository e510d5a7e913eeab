//! `hubline up`: everything in one process.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::{Context, Result};
use chat::NodeName;
use clap::Args;
use futures_util::FutureExt;
use manifest::Manifest;
use relay::{Functions, Relay};
use runtime::{Limits, Options, Runtime};
use store::{MIGRATIONS, OPERATIONS_MIGRATIONS};

use super::{DataDir, Database, Instances, OperationsDatabase, address};
use crate::data::Data;
use crate::database;
use crate::databases::Owner;
use crate::drain::Drain;
use crate::functions::{InProcess, deliver};
use crate::health::Health;
use crate::internal::Internal;
use crate::node::Node;
use crate::readiness::Readiness;
use crate::receiver::Receiver;
use crate::shutdown::Shutdown;
use crate::variables::Variables;
use crate::{databases, demo, files, keys, logs, metrics, migrations, operations, retention, roles, server};

/// Options of `hubline up`.
#[derive(Debug, Args)]
pub struct Up {
    /// Where clients come in; port 0 takes a free one.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000", value_parser = address)]
    listen: SocketAddr,
    /// Where functions deliver events to the relay.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0", value_parser = address)]
    internal_listen: SocketAddr,
    /// This node's name: nodes with the same databases and different names form one system.
    #[arg(long, value_name = "NAME")]
    node: Option<NodeName>,
    /// The application.
    #[arg(long, value_name = "FILE", default_value = "spin.toml")]
    manifest: PathBuf,
    #[command(flatten)]
    database: Database,
    #[command(flatten)]
    operations: OperationsDatabase,
    /// Redis; without it, a private one.
    #[arg(long, value_name = "URL", env = "HUBLINE_REDIS_URL", hide_env_values = true)]
    redis_url: Option<String>,
    #[command(flatten)]
    instances: Instances,
    #[command(flatten)]
    data: DataDir,
}

/// Runs everything until it is told to stop.
///
/// # Errors
///
/// When a part cannot be started.
pub fn run(options: Up) -> Result<()> {
    logs::start()?;
    files::allow_many();
    // What a person may have got wrong comes first, before anything is started.
    Manifest::read(&options.manifest)?;
    let public = server::bind(options.listen)?;
    let internal = server::bind(options.internal_listen)?;
    let mut variables = Variables::from_environment();
    let drain = Drain::new(&variables)?;
    let node = variables.node(options.node)?;
    let data = Data::open(&options.data.data_dir)?;
    let _lock = data.lock_node(node.as_str())?;
    let is_development = keys::settle(&mut variables, &data)?;

    // From this thread, since private servers end with the thread that started them. They outlive everything below.
    let owner = databases::database(options.database.database_url, &data, &mut variables)?;
    let operations = databases::operations(options.operations.operations_database_url, owner.as_ref(), &mut variables)?;
    let _redis = databases::redis(options.redis_url, &data, &mut variables)?;
    if let Some(url) = variables.get("jwks_url").map(str::to_owned) {
        variables.settle("jwks_origin", || roles::web_origin(&url))?;
    }
    let internal_address = internal.local_addr()?;
    variables.settle("relay_url", || anyhow::Ok(format!("http://{internal_address}")))?;
    let with_demo = is_development && public.local_addr()?.ip().is_loopback();
    let own_operations =
        operations.is_some() && operations.as_deref() == owner.as_ref().and_then(Owner::operations_url);

    let application = Application {
        manifest: options.manifest,
        limits: options.instances.limits(),
        data,
        variables,
        owner,
        operations,
        own_operations,
        node,
        drain,
        public,
        internal,
        with_demo,
    };
    super::block_on(application.run())?
}

/// Everything that the node is made of, before it runs.
struct Application {
    manifest: PathBuf,
    limits: Limits,
    data: Data,
    variables: Variables,
    owner: Option<Owner>,
    operations: Option<String>,
    /// Whether that is the private one.
    own_operations: bool,
    node: NodeName,
    drain: Drain,
    public: TcpListener,
    internal: TcpListener,
    with_demo: bool,
}

impl Application {
    async fn run(self) -> Result<()> {
        let mut shutdown = Shutdown::listen()?;
        // A setting that can't be read stops it before anything is begun.
        let config = super::relay::config(&self.variables, self.node.clone())?;
        let (runtime, functions) = tokio::select! {
            started = self.start() => started?,
            () = shutdown.ordered() => return Ok(()),
        };
        let relay = Relay::new(config, Arc::clone(&functions))?;
        let address = self.public.local_addr()?;
        println!("hubline is ready at http://{address}");
        if self.with_demo {
            match demo::prepare(functions.as_ref(), &self.variables.identity(), address).await {
                Ok(url) => println!("watch a customer and a technician talk: {url}"),
                // Nobody's work depends on it.
                Err(error) => tracing::warn!("there is no demo: {error:#}"),
            }
            if self.own_operations {
                let url = demo::people::address(&self.variables.identity(), address)?;
                println!("operate it, as people of each role: {url}");
            }
        }

        runtime.adopt(self.internal.local_addr()?.to_string().parse()?, deliver(relay.events()));
        let readiness = Readiness::new(Internal::new(&self.variables)?);
        let operations = operations::measured(self.variables.get("operations_database_url"));
        let retention = retention::measured(self.variables.get("database_url"));
        let receiver = Receiver::new(self.variables.get("alert_token").unwrap_or_default());
        let asked = Arc::clone(&functions);
        let counted = (runtime.clone(), relay.clone());
        let checked = relay.clone();
        let health = Health::new(
            Arc::new(move || {
                let (readiness, relay, functions) = (readiness.clone(), checked.clone(), Arc::clone(&asked));
                async move {
                    relay.check()?;
                    readiness.ask(functions.as_ref()).await
                }
                .boxed()
            }),
            Arc::new(move || {
                let own = [counted.0.metrics(), counted.1.metrics()];
                let (retention, operations) = (retention.clone(), operations.clone());
                async move {
                    let [runtime, relay] = own;
                    let (retention, operations) = tokio::join!(retention.metrics(), operations.metrics());
                    metrics::text(&[runtime, relay, retention, operations])
                }
                .boxed()
            }),
        );
        let node = Node {
            relay,
            functions,
            health,
            drain: self.drain,
            receiver,
            public: self.public,
            internal: self.internal,
        };
        node.run(&mut shutdown, |stop| runtime.start_triggers(stop)).await
    }

    /// Brings the schema up to date and loads the components.
    async fn start(&self) -> Result<(Runtime, Arc<dyn Functions>)> {
        if let Some(owner) = &self.owner {
            let mut client = database::connect(owner.url()).await?;
            migrations::apply(&mut client, MIGRATIONS).await?;
        }
        if let Some(url) = &self.operations {
            let mut client = database::connect(url).await?;
            migrations::apply(&mut client, OPERATIONS_MIGRATIONS).await?;
            if self.own_operations {
                demo::people::settle(&client, self.with_demo).await?;
            }
        }
        let options = Options {
            manifest: self.manifest.clone(),
            variables: self.variables.clone().into_values(),
            cache_dir: self.data.cache(),
            standard: false,
            limits: self.limits.clone(),
        };
        tracing::info!("loading the components");
        let runtime = Runtime::load(options).await.context("cannot load the application")?;
        Ok((runtime.clone(), Arc::new(InProcess(runtime))))
    }
}
