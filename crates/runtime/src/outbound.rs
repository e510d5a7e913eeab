//! Requests that a component makes: allowed or not, to the outside, to another component or to a server in this process.
//!
//! Both ways out end here: `wasi:http/client` of WASI 0.3, and `wasi:http/outgoing-handler` of WASI 0.2, which a component
//! that is called by the clock needs, because it may wait in nothing else.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::Scheme;
use http::{Request, Response};
use http_body_util::{BodyExt, Full, Limited};
use manifest::chained_component;
use tokio::time::timeout;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

use crate::scope::Scope;

type Ending = Box<dyn Future<Output = Result<(), Error>> + Send>;
type Answer = Result<(Response<WasiBody>, Ending), Error>;

/// The way out of one instance.
pub(crate) struct Outbound {
    scope: Arc<Scope>,
}

impl Outbound {
    pub fn of(scope: Arc<Scope>) -> Self {
        Self { scope }
    }
}

impl WasiHttpHooks for Outbound {
    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Ending,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        let scope = Arc::clone(&self.scope);
        Box::new(async move {
            let patience = options.and_then(|options| options.first_byte_timeout);
            let response = send(&scope, request, patience).await?;
            Ok((response, Box::new(async { Ok(()) }) as Ending))
        })
    }
}

/// Makes a request of a component; `patience` is how long the head of the answer may take, if the component says so.
///
/// # Errors
/// The component may not reach the address, or nobody answers there in time.
pub(crate) async fn send(
    scope: &Scope,
    request: Request<WasiBody>,
    patience: Option<Duration>,
) -> Result<Response<WasiBody>, Error> {
    let uri = request.uri();
    let scheme = uri.scheme().unwrap_or(&Scheme::HTTPS).as_str();
    let host = uri.host().ok_or(Error::HttpRequestUriInvalid)?;
    if !scope.may_reach(scheme, host, uri.port_u16()) {
        return Err(Error::HttpRequestDenied);
    }
    let component = chained_component(host).map(str::to_owned);
    let most = scope.services.limits.call;
    // How long the head of the answer may take, whoever it comes from.
    let limit = patience.unwrap_or(most).min(most);
    let answer = async {
        if let Some(component) = component {
            return chain(scope, &component, request).await;
        }
        if let Some(answer) = scope.services.neighbour.at(request.uri()) {
            return Ok(full(answer(whole(scope, request).await?).await));
        }
        scope.services.client.send(request).await
    };
    timeout(limit, answer).await.unwrap_or(Err(Error::ConnectionReadTimeout))
}

/// Calls another component of the application, without the network.
async fn chain(scope: &Scope, component: &str, request: Request<WasiBody>) -> Result<Response<WasiBody>, Error> {
    let components = scope.services.components.get().and_then(std::sync::Weak::upgrade);
    let components = components.ok_or(Error::DestinationUnavailable)?;
    let response = components.answer(component, whole(scope, request).await?).await;
    Ok(full(response.ok_or(Error::DestinationNotFound)?))
}

/// Waits for all of a request.
async fn whole(scope: &Scope, request: Request<WasiBody>) -> Result<Request<Bytes>, Error> {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, scope.services.limits.body).collect().await;
    let body = body.map_err(|_| Error::HttpRequestBodySize(None))?;
    Ok(Request::from_parts(parts, body.to_bytes()))
}

fn full(response: Response<Bytes>) -> Response<WasiBody> {
    response.map(whole_body)
}

/// A body that is all there.
pub(crate) fn whole_body(body: Bytes) -> WasiBody {
    Full::new(body).map_err(|never| match never {}).boxed_unsync()
}
