//! The part that is asked over HTTP in one piece.

use bytes::Bytes;
use http_body_util::BodyExt;
use spin_sdk::http::{FullBody, box_body};

mod bindings {
    #![allow(missing_docs, reason = "generated code")]
    wit_bindgen::generate!({
        path: "../../../../wit",
        world: "hubline:functions/exchange-function@0.1.0",
        runtime_path: "spin_sdk::wit_bindgen::rt",
    });
    pub struct Exchange;
    export!(Exchange);
}

use bindings::exports::hubline::functions::exchange::{Guest, Request, Response};

impl Guest for bindings::Exchange {
    async fn answer(request: Request) -> Response {
        let unusual = |status, headers| Response { status, headers, body: Vec::new() };
        match request.target.as_str() {
            "/status?99" => return unusual(99, Vec::new()),
            "/headers?30000" => {
                return unusual(200, (0..30_000).map(|number| (format!("x-{number}"), Vec::new())).collect());
            }
            "/headers?connection" => return unusual(200, vec![("connection".to_owned(), b"close".to_vec())]),
            _ => {}
        }
        let mut asked = http::Request::new(box_body(FullBody::new(Bytes::from(request.body))));
        *asked.method_mut() = request.method.parse().unwrap_or_default();
        *asked.uri_mut() = request.target.parse().unwrap_or_default();
        for (name, value) in request.headers {
            if let (Ok(name), Ok(value)) = (name.parse::<http::HeaderName>(), value.try_into()) {
                asked.headers_mut().append(name, value);
            }
        }
        let (head, body) = super::told(asked).await.into_parts();
        let headers = head.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
        let body = body.collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        Response { status: head.status.as_u16(), headers, body: body.into() }
    }
}
