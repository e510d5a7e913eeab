//! The pages: what a browser gets at `/`, and the API's description at `/openapi.json`.
//!
//! Everything is embedded when the component is built, so it reads no file, no variable and no host.

mod answer;
mod asset;

pub use answer::answer;

/// Where Spin enters; a native build (tests, documentation) has no use for it, nor could its linker name the export.
#[cfg(target_family = "wasm")]
mod entry {
    use spin_sdk::http::{FullBody, Request};
    use spin_sdk::http_service;

    #[http_service]
    async fn handle(request: Request) -> http::Response<FullBody<bytes::Bytes>> {
        super::answer(request.method(), request.uri().path(), request.headers()).map(FullBody::new)
    }
}
