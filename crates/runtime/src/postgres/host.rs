//! The interface as the guest sees it.

use std::sync::Arc;

use tokio::sync::Mutex;
use wasmtime::component::{Accessor, FutureReader, HasSelf, Resource, StreamReader};

use super::address::Address;
use super::pool::{Lease, Pool};
use super::session::Guest;
use super::statement::{Effect, effect};
use super::value::Parameter;
use crate::bindings::postgres::{
    Column, Error, Host, HostConnection, HostConnectionBuilder, HostConnectionBuilderWithStore,
    HostConnectionWithStore, ParameterValue, Row, RowSet,
};
use crate::metrics::Durations;
use crate::scope::Scope;
use crate::state::State;

/// What the guest calls a connection: a handle.
///
/// A connection of the pool is taken for each statement and given back after it, so a guest may keep its handle for as
/// long as it likes. It is one that this handle had before if there is one, else it is cleaned. Only from `begin` on, until the transaction ends, is one held.
#[derive(Clone)]
pub struct Connection {
    pool: Arc<Pool>,
    guest: Arc<Guest>,
    held: Arc<Mutex<Held>>,
    statements: Arc<Durations>,
}

/// The connection that a handle holds, if it does.
#[derive(Default)]
struct Held(Option<Lease>);

impl Drop for Held {
    fn drop(&mut self) {
        // A transaction that is still open ends with its connection; the next guest must not find itself in it.
        if let Some(lease) = &mut self.0 {
            lease.spoil();
        }
    }
}

/// A connection in the making.
pub struct Builder {
    address: String,
    root: Option<String>,
}

impl Connection {
    /// Makes a handle; nothing is dialled yet.
    fn open(scope: &Scope, address: &str, root: Option<&str>) -> Result<Self, Error> {
        let places = Address::parse(address).map_err(Error::ConnectionFailed)?;
        for (host, port) in places.endpoints().map_err(Error::ConnectionFailed)? {
            if !scope.may_reach("postgres", host, Some(port)) {
                return Err(Error::ConnectionFailed(format!("address postgres://{host}:{port} is not permitted")));
            }
        }
        let pool = scope.services.postgres.open(address, root)?;
        Ok(Self { pool, guest: Arc::new(Guest), held: Arc::default(), statements: Arc::clone(&scope.statements) })
    }

    async fn query(&self, sql: &str, parameters: Vec<ParameterValue>) -> Result<RowSet, Error> {
        let _timer = self.statements.start();
        let parameters: Vec<_> = parameters.into_iter().map(Parameter).collect();
        let mut turn = self.turn(sql).await?;
        let outcome = turn.lease()?.query(sql, &parameters).await;
        turn.end(outcome.is_ok());
        outcome
    }

    async fn execute(&self, sql: &str, parameters: Vec<ParameterValue>) -> Result<u64, Error> {
        let _timer = self.statements.start();
        let parameters: Vec<_> = parameters.into_iter().map(Parameter).collect();
        let mut turn = self.turn(sql).await?;
        let outcome = turn.lease()?.execute(sql, &parameters).await;
        turn.end(outcome.is_ok());
        outcome
    }

    /// Waits for the connection that is held, or takes any.
    async fn turn(&self, sql: &str) -> Result<Turn<'_>, Error> {
        let effect = effect(sql);
        let held = self.held.lock().await;
        if held.0.is_some() || effect != Effect::None {
            let mut turn = Turn { effect, held: Some(held), own: None };
            if turn.held.as_ref().is_some_and(|held| held.0.is_none()) {
                turn.own = Some(self.pool.lease(&self.guest).await?);
            }
            return Ok(turn);
        }
        drop(held);
        Ok(Turn { effect, held: None, own: Some(self.pool.lease(&self.guest).await?) })
    }
}

/// One statement's use of a connection.
struct Turn<'c> {
    effect: Effect,
    held: Option<tokio::sync::MutexGuard<'c, Held>>,
    own: Option<Lease>,
}

impl Turn<'_> {
    fn lease(&mut self) -> Result<&mut Lease, Error> {
        let held = self.held.as_mut().and_then(|held| held.0.as_mut());
        held.or(self.own.as_mut()).ok_or_else(|| Error::ConnectionFailed("the connection is gone".to_owned()))
    }

    /// Keeps the connection or lets it go, as the statement was.
    fn end(mut self, succeeded: bool) {
        let Some(held) = &mut self.held else { return };
        match (self.effect, succeeded) {
            (Effect::Begin, true) | (Effect::Session, _) => {
                if let Some(lease) = self.own.take() {
                    held.0 = Some(lease);
                }
            }
            (Effect::End, true) => drop(held.0.take()),
            (Effect::End, false) => {
                if let Some(lease) = &mut held.0.take() {
                    lease.spoil();
                }
            }
            (Effect::Begin, false) | (Effect::None, _) => {}
        }
        if self.effect == Effect::Session
            && let Some(lease) = &mut held.0
        {
            lease.spoil();
        }
    }
}

impl Host for State {}

impl HostConnection for State {
    async fn open(&mut self, address: String) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        match Connection::open(&self.scope, &address, None) {
            Ok(connection) => Ok(Ok(self.table.push(connection)?)),
            Err(error) => Ok(Err(error)),
        }
    }

    async fn query(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> wasmtime::Result<Result<RowSet, Error>> {
        let connection = self.table.get(&connection)?.clone();
        Ok(connection.query(&statement, parameters).await)
    }

    async fn execute(
        &mut self,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> wasmtime::Result<Result<u64, Error>> {
        let connection = self.table.get(&connection)?.clone();
        Ok(connection.execute(&statement, parameters).await)
    }

    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

impl<T: Send> HostConnectionWithStore<T> for HasSelf<State> {
    async fn open_async(
        accessor: &Accessor<T, Self>,
        address: String,
    ) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        accessor.with(|mut access| {
            let state = access.get();
            match Connection::open(&state.scope, &address, None) {
                Ok(connection) => Ok(Ok(state.table.push(connection)?)),
                Err(error) => Ok(Err(error)),
            }
        })
    }

    async fn query_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> wasmtime::Result<Result<(Vec<Column>, StreamReader<Row>, FutureReader<Result<(), Error>>), Error>> {
        let connection = of(accessor, &connection)?;
        let RowSet { columns, rows } = match connection.query(&statement, parameters).await {
            Ok(found) => found,
            Err(error) => return Ok(Err(error)),
        };
        accessor.with(|mut access| {
            let rows = StreamReader::new(&mut access, rows)?;
            let end = FutureReader::new(&mut access, async { wasmtime::error::Ok(Ok(())) })?;
            Ok(Ok((columns, rows, end)))
        })
    }

    async fn execute_async(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        statement: String,
        parameters: Vec<ParameterValue>,
    ) -> wasmtime::Result<Result<u64, Error>> {
        let connection = of(accessor, &connection)?;
        Ok(connection.execute(&statement, parameters).await)
    }
}

fn of<T>(accessor: &Accessor<T, HasSelf<State>>, connection: &Resource<Connection>) -> wasmtime::Result<Connection>
where
    T: Send,
{
    accessor.with(|mut access| Ok(access.get().table.get(connection)?.clone()))
}

impl HostConnectionBuilder for State {
    async fn new(&mut self, address: String) -> wasmtime::Result<Resource<Builder>> {
        Ok(self.table.push(Builder { address, root: None })?)
    }

    async fn set_ca_root(
        &mut self,
        builder: Resource<Builder>,
        certificate: String,
    ) -> wasmtime::Result<Result<(), Error>> {
        self.table.get_mut(&builder)?.root = Some(certificate);
        Ok(Ok(()))
    }

    async fn build(&mut self, builder: Resource<Builder>) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        build(self, &builder)
    }

    async fn drop(&mut self, builder: Resource<Builder>) -> wasmtime::Result<()> {
        self.table.delete(builder)?;
        Ok(())
    }
}

impl<T: Send> HostConnectionBuilderWithStore<T> for HasSelf<State> {
    async fn build_async(
        accessor: &Accessor<T, Self>,
        builder: Resource<Builder>,
    ) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
        accessor.with(|mut access| build(access.get(), &builder))
    }
}

fn build(state: &mut State, builder: &Resource<Builder>) -> wasmtime::Result<Result<Resource<Connection>, Error>> {
    let Builder { address, root } = state.table.get(builder)?;
    match Connection::open(&state.scope, address, root.as_deref()) {
        Ok(connection) => Ok(Ok(state.table.push(connection)?)),
        Err(error) => Ok(Err(error)),
    }
}
