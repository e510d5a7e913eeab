//! How hosts come in.

/// Exports a function's handler, `async fn(Request) -> Answer`, as the `wasi:http/handler` that every host knows.
///
/// Elsewhere than in WebAssembly it is nothing: there a function is a library, whose parts are tested.
#[macro_export]
macro_rules! serve {
    ($handle:path) => {
        #[cfg(target_family = "wasm")]
        #[expect(unsafe_code, reason = "the generated exports, which the host calls with memory that it filled")]
        mod entry {
            use ::spin_sdk::http::{FromRequest, IntoResponse, Request as Streamed};
            use ::spin_sdk::wasip3;

            struct Entry;

            wasip3::http::service::export!(Entry);

            impl wasip3::exports::http::handler::Guest for Entry {
                async fn handle(
                    request: wasip3::http::types::Request,
                ) -> Result<wasip3::http::types::Response, wasip3::http::types::ErrorCode> {
                    let request = Streamed::from_request(request)?.map($crate::Body::Streamed);
                    $handle(request).await.into_response()
                }
            }
        }
    };
}

/// Exports the same handler as the `hubline:functions/exchange` of `wit/` besides, which costs a request a third of its
/// crossings. It is for what every message or page of history goes through; for others the standard is good enough.
#[macro_export]
macro_rules! exchange {
    ($handle:path) => {
        #[cfg(target_family = "wasm")]
        #[expect(unsafe_code, reason = "the generated exports, which the host calls with memory that it filled")]
        mod exchange {
            ::spin_sdk::wit_bindgen::generate!({
                path: "../../wit",
                world: "hubline:functions/exchange-function@0.1.0",
                runtime_path: "::spin_sdk::wit_bindgen::rt",
            });

            use exports::hubline::functions::exchange;

            struct Exchange;

            export!(Exchange);

            impl exchange::Guest for Exchange {
                async fn answer(request: exchange::Request) -> exchange::Response {
                    let exchange::Request { method, target, headers, body } = request;
                    let answer = match $crate::whole(&method, &target, headers, body) {
                        Ok(request) => $handle(request).await,
                        Err(refusal) => $crate::answer::refused(refusal),
                    };
                    let (status, headers, body) = answer.whole().await;
                    exchange::Response { status, headers, body }
                }
            }
        }
    };
}
