//! The interface as the guest sees it.

use std::sync::Arc;

use redis::{Cmd, FromRedisValue, RedisError, Value};
use url::Url;
use wasmtime::component::{Accessor, HasSelf, Resource};

use super::link::Link;
use crate::bindings::redis::{
    Error, Host, HostConnection, HostConnectionWithStore, Payload, RedisParameter, RedisResult,
};
use crate::metrics::Durations;
use crate::scope::Scope;
use crate::state::State;

/// Commands that would change the connection for everyone, or keep everyone else waiting on it.
const ALONE: [&str; 24] = [
    "auth",
    "blmove",
    "blmpop",
    "blpop",
    "brpop",
    "brpoplpush",
    "bzmpop",
    "bzpopmax",
    "bzpopmin",
    "client",
    "discard",
    "exec",
    "hello",
    "monitor",
    "multi",
    "psubscribe",
    "quit",
    "reset",
    "select",
    "ssubscribe",
    "subscribe",
    "wait",
    "waitaof",
    "watch",
];

/// What the guest calls a connection: a handle to the one that all users of the URL share.
#[derive(Clone)]
pub struct Connection {
    link: Arc<Link>,
    commands: Arc<Durations>,
}

impl Connection {
    fn open(scope: &Scope, address: &str) -> Result<Self, Error> {
        let url = Url::parse(address).map_err(|_| Error::InvalidAddress)?;
        let host = url.host_str().ok_or(Error::InvalidAddress)?;
        if !scope.may_reach(url.scheme(), host, Some(url.port().unwrap_or(6379))) {
            return Err(Error::InvalidAddress);
        }
        let link = scope.services.redis.open(address).map_err(|error| Error::Other(error.to_string()))?;
        Ok(Self { link, commands: Arc::clone(&scope.commands) })
    }

    async fn run<T: FromRedisValue>(&self, command: &Cmd) -> Result<T, Error> {
        T::from_redis_value(self.value(command).await?).map_err(|_| Error::TypeError)
    }

    async fn value(&self, command: &Cmd) -> Result<Value, Error> {
        let _timer = self.commands.start();
        self.link.run(command).await.map_err(refusal)
    }
}

fn refusal(error: RedisError) -> Error {
    match error.code() {
        Some("WRONGTYPE") => Error::TypeError,
        _ => Error::Other(error.to_string()),
    }
}

fn command(name: &str, key: &str) -> Cmd {
    let mut command = redis::cmd(name);
    command.arg(key);
    command
}

type Answer<T> = wasmtime::Result<Result<T, Error>>;

fn of<T>(accessor: &Accessor<T, HasSelf<State>>, connection: &Resource<Connection>) -> wasmtime::Result<Connection>
where
    T: Send,
{
    accessor.with(|mut access| Ok(access.get().table.get(connection)?.clone()))
}

impl Host for State {}

impl HostConnection for State {
    async fn drop(&mut self, connection: Resource<Connection>) -> wasmtime::Result<()> {
        self.table.delete(connection)?;
        Ok(())
    }
}

impl<T: Send> HostConnectionWithStore<T> for HasSelf<State> {
    async fn open(accessor: &Accessor<T, Self>, address: String) -> Answer<Resource<Connection>> {
        accessor.with(|mut access| {
            let state = access.get();
            match Connection::open(&state.scope, &address) {
                Ok(connection) => Ok(Ok(state.table.push(connection)?)),
                Err(error) => Ok(Err(error)),
            }
        })
    }

    async fn publish(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        channel: String,
        payload: Payload,
    ) -> Answer<()> {
        let connection = of(accessor, &connection)?;
        let receivers = connection.run::<i64>(command("PUBLISH", &channel).arg(payload)).await;
        Ok(receivers.map(drop))
    }

    async fn get(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<Option<Payload>> {
        let connection = of(accessor, &connection)?;
        Ok(connection.run(&command("GET", &key)).await)
    }

    async fn set(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        value: Payload,
    ) -> Answer<()> {
        let connection = of(accessor, &connection)?;
        Ok(connection.run(command("SET", &key).arg(value)).await)
    }

    async fn incr(accessor: &Accessor<T, Self>, connection: Resource<Connection>, key: String) -> Answer<i64> {
        let connection = of(accessor, &connection)?;
        Ok(connection.run(&command("INCR", &key)).await)
    }

    async fn del(accessor: &Accessor<T, Self>, connection: Resource<Connection>, keys: Vec<String>) -> Answer<u32> {
        let connection = of(accessor, &connection)?;
        Ok(connection.run(redis::cmd("DEL").arg(keys)).await)
    }

    async fn sadd(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Answer<u32> {
        let connection = of(accessor, &connection)?;
        Ok(connection.run(command("SADD", &key).arg(values)).await)
    }

    async fn smembers(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
    ) -> Answer<Vec<String>> {
        let connection = of(accessor, &connection)?;
        Ok(connection.run(&command("SMEMBERS", &key)).await)
    }

    async fn srem(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        key: String,
        values: Vec<String>,
    ) -> Answer<u32> {
        let connection = of(accessor, &connection)?;
        Ok(connection.run(command("SREM", &key).arg(values)).await)
    }

    async fn execute(
        accessor: &Accessor<T, Self>,
        connection: Resource<Connection>,
        name: String,
        arguments: Vec<RedisParameter>,
    ) -> Answer<Vec<RedisResult>> {
        let connection = of(accessor, &connection)?;
        if ALONE.iter().any(|command| name.eq_ignore_ascii_case(command)) {
            return Ok(Err(Error::Other(format!("`{name}` needs a connection of its own, and this one is shared"))));
        }
        let mut command = redis::cmd(&name);
        for argument in arguments {
            match argument {
                RedisParameter::Int64(value) => command.arg(value),
                RedisParameter::Binary(value) => command.arg(value),
            };
        }
        Ok(match connection.value(&command).await {
            Ok(value) => {
                let mut results = Vec::new();
                flatten(value, &mut results).map(|()| results)
            }
            Err(error) => Err(error),
        })
    }
}

/// The guest's form of an answer has no lists within lists: they are laid out one after another, as Spin does.
fn flatten(value: Value, results: &mut Vec<RedisResult>) -> Result<(), Error> {
    match value {
        Value::Nil => results.push(RedisResult::Nil),
        Value::Int(value) => results.push(RedisResult::Int64(value)),
        Value::BulkString(value) => results.push(RedisResult::Binary(value)),
        Value::SimpleString(value) => results.push(RedisResult::Status(value)),
        Value::Okay => results.push(RedisResult::Status("OK".to_owned())),
        Value::Array(values) | Value::Set(values) => {
            for value in values {
                flatten(value, results)?;
            }
        }
        _ => return Err(Error::TypeError),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lays_lists_out() {
        let value = Value::Array(vec![Value::Int(1), Value::Array(vec![Value::Okay, Value::Nil])]);
        let mut results = Vec::new();
        flatten(value, &mut results).unwrap();
        assert!(matches!(
            results.as_slice(),
            [RedisResult::Int64(1), RedisResult::Status(ok), RedisResult::Nil] if ok == "OK"
        ));
        assert!(flatten(Value::Boolean(true), &mut Vec::new()).is_err());
    }
}
