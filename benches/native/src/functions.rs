//! The routes of the functions.

use std::sync::Arc;

use bytes::Bytes;
use chat::{ErrorCode, Problem, Refusal};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Method, Request, Response, StatusCode, header};
use relay::{CallError, Functions};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::backplane::Backplane;
use crate::bearers::Bearers;
use crate::database::Pool;

/// The functions and what they work with; clones share it.
pub struct Native {
    /// Who calls.
    pub bearers: Bearers,
    /// PostgreSQL.
    pub database: Pool,
    /// Redis.
    pub backplane: Backplane,
}

/// An answer, or why there is none.
pub type Answer = Result<Vec<u8>, Refusal>;

/// The functions as the relay calls them.
pub struct Routes(pub Arc<Native>);

impl Functions for Routes {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, CallError>> {
        let native = Arc::clone(&self.0);
        async move { respond(native.route(request).await).map_err(|error| CallError::new(error.to_string())) }.boxed()
    }
}

impl Native {
    async fn route(&self, request: Request<Bytes>) -> Answer {
        let path = request.uri().path().to_owned();
        let parts: Vec<&str> = path.split('/').skip(1).collect();
        match (request.method(), parts.as_slice()) {
            (&Method::POST, ["internal", "messages"]) => json(&self.send(read(&request)?).await?),
            (&Method::POST, ["internal", "join"]) => json(&self.join(read(&request)?).await?),
            (&Method::POST, ["internal", "leave"]) => json(&self.leave(read(&request)?).await?),
            (&Method::POST, ["internal", "sweep"]) => json(&self.sweep(read(&request)?).await?),
            (&Method::GET, ["internal", "service-requests", id, "messages"]) => {
                json(&self.history(id, bearer(&request)?, request.uri().query()).await?)
            }
            (&Method::PUT, ["v1", "service-requests", id]) => {
                json(&self.report(id, bearer(&request)?, request.body()).await?)
            }
            _ => Err(ErrorCode::NotFound.refusal("a benchmark needs no such address")),
        }
    }
}

fn read<T: DeserializeOwned>(request: &Request<Bytes>) -> Result<T, Refusal> {
    serde_json::from_slice(request.body()).map_err(|error| ErrorCode::Malformed.refusal(error.to_string()))
}

fn json(value: &impl Serialize) -> Answer {
    serde_json::to_vec(value).map_err(|error| ErrorCode::Unavailable.refusal(error.to_string()))
}

fn bearer(request: &Request<Bytes>) -> Result<&str, Refusal> {
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let token = value.and_then(|value| value.strip_prefix("Bearer "));
    token.ok_or_else(|| ErrorCode::Unauthenticated.refusal("a bearer token is required"))
}

fn respond(answer: Answer) -> http::Result<Response<Bytes>> {
    let (status, media_type, body) = match answer {
        Ok(body) => (StatusCode::OK, "application/json", body),
        Err(refusal) => {
            let problem = Problem::from(refusal);
            let status = StatusCode::from_u16(problem.status)?;
            (status, Problem::MEDIA_TYPE, serde_json::to_vec(&problem).unwrap_or_default())
        }
    };
    Response::builder().status(status).header(header::CONTENT_TYPE, media_type).body(Bytes::from(body))
}
