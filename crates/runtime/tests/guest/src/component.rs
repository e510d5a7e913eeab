//! What the component does, and for whom.

mod clock;
mod database;
mod exchange;
mod misbehaviour;
mod outgoing;

use std::time::Duration;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::StatusCode;
use http_body_util::BodyExt;
use spin_sdk::http::{BoxBody, EmptyBody, FullBody, Response, box_body};
use spin_sdk::redis::Connection;
use spin_sdk::wasip3::http::types::RequestOptions;
use spin_sdk::wasip3::http_compat::RequestOptionsExtension;
use spin_sdk::{http_service, redis_subscriber, variables};

type Request = http::Request<BoxBody>;
type Answer = http::Response<FullBody<Bytes>>;

#[http_service]
async fn answer(request: spin_sdk::http::Request) -> Answer {
    told(request.map(box_body)).await
}

async fn told(request: Request) -> Answer {
    match route(request).await {
        Ok(answer) => answer,
        Err(error) => with(StatusCode::BAD_GATEWAY, format!("{error:#}")),
    }
}

async fn route(request: Request) -> Result<Answer> {
    let path = request.uri().path().to_owned();
    let argument = request.uri().query().unwrap_or_default().to_owned();
    let task = path.rsplit('/').next().unwrap_or_default();
    Ok(match task {
        "echo" => return echo(request).await,
        "status" => with(argument.parse()?, String::new()),
        "variable" => text(variables::get(&argument).await?),
        "sleep" => {
            spin_sdk::time::sleep(Duration::from_millis(argument.parse()?)).await;
            text("slept")
        }
        "count" => text(misbehaviour::count()),
        "print" => {
            println!("{argument}");
            text("printed")
        }
        "compute" => {
            misbehaviour::compute(Duration::from_millis(argument.parse()?));
            text("computed")
        }
        "trap" => misbehaviour::trap(),
        "loop" => misbehaviour::spin_for_ever(),
        "hog" => misbehaviour::hog(),
        "large" => text("x".repeat(argument.parse()?)),
        "get" => fetch(&argument).await?,
        "get-in-time" => {
            let (milliseconds, url) = argument.split_once(',').context("no time")?;
            fetch_within(Duration::from_millis(milliseconds.parse()?), url).await?
        }
        "get-synchronously" => {
            let (status, body) = outgoing::get(&argument)?;
            with(StatusCode::from_u16(status)?, body)
        }
        "query" => text(database::query(&body(request).await?).await?),
        "execute" => text(database::execute(&body(request).await?).await?),
        "types" => text(database::types(&argument).await?),
        "transaction" => text(database::transaction(&argument).await?),
        "abandon" => text(database::abandon(&argument).await?),
        "trusting" => text(database::trusting(&body(request).await?).await?),
        "publish" => {
            let (url, message) = argument.split_once(',').context("no message")?;
            Connection::open(url).await?.publish("heard", message.as_bytes()).await?;
            text("published")
        }
        "command" => {
            let (url, command) = argument.split_once(',').context("no command")?;
            text(format!("{:?}", Connection::open(url).await?.execute(command, []).await?))
        }
        "redis" => text(redis(&argument).await?),
        _ => with(StatusCode::NOT_FOUND, path),
    })
}

/// Answers with the body as it came, and with what arrived beside it in headers.
async fn echo(request: Request) -> Result<Answer> {
    let (parts, body) = request.into_parts();
    let mut answer =
        http::Response::builder().header("x-method", parts.method.as_str()).header("x-uri", parts.uri.to_string());
    for (name, value) in &parts.headers {
        answer = answer.header(format!("x-got-{name}"), value);
    }
    let body = body.collect().await.map_err(|error| anyhow::anyhow!("{error:?}"))?.to_bytes();
    Ok(answer.body(FullBody::new(body))?)
}

async fn fetch(url: &str) -> Result<Answer> {
    received(spin_sdk::http::get(url).await.map_err(|error| anyhow::anyhow!("{error:?}"))?).await
}

/// Fetches with a limit for the head of the answer.
async fn fetch_within(limit: Duration, url: &str) -> Result<Answer> {
    let options = RequestOptions::new();
    options
        .set_first_byte_timeout(Some(u64::try_from(limit.as_nanos())?))
        .map_err(|error| anyhow::anyhow!("{error:?}"))?;
    let request = http::Request::get(url).extension(RequestOptionsExtension(options)).body(EmptyBody::new())?;
    received(spin_sdk::http::send(request).await.map_err(|error| anyhow::anyhow!("{error:?}"))?).await
}

async fn received(response: Response) -> Result<Answer> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_err(|error| anyhow::anyhow!("{error:?}"))?.to_bytes();
    Ok(http::Response::builder().status(parts.status).body(FullBody::new(body))?)
}

/// Every operation of `spin:redis` once.
async fn redis(url: &str) -> Result<String> {
    let connection = Connection::open(url).await?;
    connection.set("text", &b"value".to_vec()).await?;
    let value = connection.get("text").await?;
    let missing = connection.get("missing").await?;
    let counted = connection.incr("counter").await?;
    let not_a_number = connection.incr("text").await.is_err();
    let added = connection.sadd("set", &["a".to_owned(), "b".to_owned()]).await?;
    let mut members = connection.smembers("set").await?;
    members.sort();
    let removed = connection.srem("set", &["a".to_owned()]).await?;
    let wrong_type = connection.get("set").await;
    let deleted = connection.del(&["text".to_owned(), "set".to_owned(), "counter".to_owned()]).await?;
    Ok(format!("{value:?} {missing:?} {counted} {not_a_number} {added} {members:?} {removed} {wrong_type:?} {deleted}"))
}

/// Keeps what it heard in a list.
#[redis_subscriber]
async fn hear(message: Bytes) -> Result<()> {
    match &message[..] {
        b"trap" => misbehaviour::trap(),
        b"fail" => bail!("told to fail"),
        b"hang" => spin_sdk::time::sleep(Duration::from_secs(3600)).await,
        b"slow" => spin_sdk::time::sleep(Duration::from_millis(300)).await,
        _ => {}
    }
    let connection = Connection::open(variables::get("redis_url").await?).await?;
    let arguments = [b"list".to_vec(), message.to_vec()].map(spin_sdk::redis::RedisParameter::Binary);
    connection.execute("RPUSH", arguments).await?;
    Ok(())
}

async fn body(request: Request) -> Result<String> {
    let body = request.into_body().collect().await.map_err(|error| anyhow::anyhow!("{error:?}"))?;
    Ok(String::from_utf8(body.to_bytes().to_vec())?)
}

fn text(text: impl Into<String>) -> Answer {
    with(StatusCode::OK, text.into())
}

fn with(status: StatusCode, text: String) -> Answer {
    let mut answer = http::Response::new(FullBody::new(Bytes::from(text)));
    *answer.status_mut() = status;
    answer
}
