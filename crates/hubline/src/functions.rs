//! The functions and the relay of one process, each as the other calls it: without the detour of a network.

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body_util::BodyExt;
use relay::{CallError, Functions};
use runtime::Runtime;
use tower_service::Service;

/// The application's components.
#[derive(Clone)]
pub struct InProcess(pub Runtime);

impl Functions for InProcess {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, CallError>> {
        let runtime = self.0.clone();
        async move { Ok(runtime.handle(request).await) }.boxed()
    }
}

/// Where functions deliver events.
pub fn deliver(
    events: Router,
) -> impl Fn(Request<Bytes>) -> BoxFuture<'static, Response<Bytes>> + Send + Sync + 'static {
    move |request| {
        let answer = events.clone().call(request.map(Body::from));
        async move {
            let Ok(answer) = answer.await;
            let (parts, body) = answer.into_parts();
            // Nothing here writes its answer piece by piece, so none can break off.
            let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
            Response::from_parts(parts, body)
        }
        .boxed()
    }
}
