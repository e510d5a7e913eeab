//! The ways into an HTTP function.

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use wasmtime::Store;
use wasmtime::component::{Accessor, InstancePre};
use wasmtime_wasi_http::p3;
use wasmtime_wasi_http::p3::bindings::{Service, ServicePre};
use wasmtime_wasi_http::{Error, FieldMap, WasiHttpView};

use crate::answer::Failure;
use crate::bindings::exchange;
use crate::bindings::exchange_function::{ExchangeFunction, ExchangeFunctionPre};
use crate::headers::{self, HeadersError};
use crate::scope::Scope;
use crate::state::State;
use crate::way::Way;

/// How a component is entered: by `wasi:http/handler`, or in one piece by `hubline:functions/exchange`.
pub(crate) type Entrance = Way<ServicePre<State>, ExchangeFunctionPre<State>>;

/// An instance that has been made for an entrance.
pub(crate) type Entered = Way<Service, ExchangeFunction>;

impl Entrance {
    /// The best that a component has, or the standard one.
    pub fn of(pre: InstancePre<State>, standard: bool) -> wasmtime::Result<Self> {
        Self::choose(ServicePre::new(pre.clone()), ExchangeFunctionPre::new(pre), standard)
    }

    /// Makes an instance.
    pub async fn instantiate(&self, store: &mut Store<State>) -> wasmtime::Result<Entered> {
        Ok(match self {
            Self::Standard(pre) => Way::Standard(pre.instantiate_async(store).await?),
            Self::Own(pre) => Way::Own(pre.instantiate_async(store).await?),
        })
    }
}

impl Entered {
    /// Asks for an answer, and waits for all of it. An error means that the instance is broken.
    pub async fn ask(
        &self,
        accessor: &Accessor<State>,
        scope: &Scope,
        request: Request<Bytes>,
    ) -> wasmtime::Result<Result<Response<Bytes>, Failure>> {
        match self {
            Self::Standard(service) => handle(accessor, service, scope, request).await,
            Self::Own(function) => {
                let asked = exchanged(request);
                let answer = function.hubline_functions_exchange().call_answer(accessor, asked).await?;
                Ok(answered(answer, scope))
            }
        }
    }
}

async fn handle(
    accessor: &Accessor<State>,
    service: &Service,
    scope: &Scope,
    request: Request<Bytes>,
) -> wasmtime::Result<Result<Response<Bytes>, Failure>> {
    let (parts, body) = request.into_parts();
    let uri = parts.uri.into_parts();
    let headers = accessor.with(|mut access| FieldMap::new_immutable(access.get().http().hooks, parts.headers));
    let (request, sent) = p3::Request::new(
        parts.method,
        uri.scheme,
        uri.authority,
        uri.path_and_query,
        headers,
        None,
        Full::new(body).map_err(|never| -> Error { match never {} }),
    );
    let response = match service.handle(accessor, request).await? {
        Ok(response) => response,
        Err(code) => {
            tracing::error!(component = &*scope.name, ?code, "a function answered with an error");
            return Ok(Err(Failure::Trapped));
        }
    };
    let (parts, body) = accessor.with(|access| response.into_http(access, sent))?.into_parts();
    Ok(match Limited::new(body, scope.services.limits.body).collect().await {
        Ok(collected) => Ok(Response::from_parts(parts, collected.to_bytes())),
        Err(error) if error.is::<LengthLimitError>() => Err(Failure::TooLarge),
        Err(error) => {
            tracing::error!(component = &*scope.name, %error, "a function broke off in the middle of its answer");
            Err(Failure::Trapped)
        }
    })
}

fn exchanged(request: Request<Bytes>) -> exchange::Request {
    let (parts, body) = request.into_parts();
    exchange::Request {
        method: parts.method.as_str().to_owned(),
        target: parts.uri.path_and_query().map_or_else(|| "/".to_owned(), ToString::to_string),
        headers: headers::list(&parts.headers),
        body: body.into(),
    }
}

fn answered(answer: exchange::Response, scope: &Scope) -> Result<Response<Bytes>, Failure> {
    if answer.body.len() > scope.services.limits.body {
        return Err(Failure::TooLarge);
    }
    response(answer).map_err(|error| {
        tracing::error!(component = &*scope.name, %error, "a function answered with what is no HTTP");
        Failure::Trapped
    })
}

fn response(answer: exchange::Response) -> Result<Response<Bytes>, HeadersError> {
    let mut response = Response::new(Bytes::from(answer.body));
    *response.status_mut() = StatusCode::from_u16(answer.status).map_err(http::Error::from)?;
    *response.headers_mut() = headers::read(answer.headers)?;
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_goes_in_whole() {
        let request = Request::put("http://h/a/b?c=d")
            .header("x-own", "1")
            .header("accept", "a")
            .header("accept", "b")
            .body(Bytes::from_static(b"body"))
            .unwrap();
        let asked = exchanged(request);
        assert_eq!(
            (asked.method.as_str(), asked.target.as_str(), asked.body.as_slice()),
            ("PUT", "/a/b?c=d", &b"body"[..])
        );
        let headers: Vec<_> = asked.headers.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
        assert_eq!(headers, [("x-own", &b"1"[..]), ("accept", b"a"), ("accept", b"b")]);
    }

    #[test]
    fn an_answer_that_is_no_http_is_none() {
        let answer = |status, name: &str, value: &str| exchange::Response {
            status,
            headers: vec![(name.to_owned(), value.as_bytes().to_vec())],
            body: b"body".to_vec(),
        };
        let good = response(answer(201, "x-own", "1")).unwrap();
        assert_eq!((good.status(), good.body().as_ref()), (StatusCode::CREATED, b"body".as_slice()));
        assert_eq!(good.headers()["x-own"], "1");
        for bad in [answer(99, "x-own", "1"), answer(200, "x own", "1"), answer(200, "x-own", "1\n")] {
            response(bad).unwrap_err();
        }
    }
}
