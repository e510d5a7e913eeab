//! The functions that run in this process, as the relay calls them.

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use relay::{CallError, Functions};
use runtime::Runtime;

/// The application's components, without the detour of a network.
pub struct InProcess(pub Runtime);

impl Functions for InProcess {
    fn call(&self, request: Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, CallError>> {
        let runtime = self.0.clone();
        async move { Ok(runtime.handle(request).await) }.boxed()
    }
}
