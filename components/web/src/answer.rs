//! From a request to its answer, without any I/O.

use bytes::Bytes;
use chat::{ErrorCode, Problem};
use http::header::{self, HeaderMap, HeaderValue};
use http::{Method, Response, StatusCode};
use serde_json::json;

use crate::asset::Asset;

/// The page runs its own scripts and talks to its own origin; nothing inline, nothing foreign, no frame around it.
const CONTENT_POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
     connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Answers a request for `path`.
///
/// Every asset is validated at each use (`no-cache` with a strong `ETag`): a page and its scripts are never of two
/// releases for longer than one load.
#[must_use]
pub fn answer(method: &Method, path: &str, headers: &HeaderMap) -> Response<Bytes> {
    let Some(asset) = Asset::at(path) else {
        return problem(ErrorCode::NotFound, "there is nothing at this address");
    };
    if method != Method::GET && method != Method::HEAD {
        let mut refusal = problem(ErrorCode::MethodNotAllowed, "only GET and HEAD are allowed");
        refusal.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refusal;
    }
    let mut response = if is_current(headers, asset) {
        let mut unchanged = Response::new(Bytes::new());
        *unchanged.status_mut() = StatusCode::NOT_MODIFIED;
        unchanged
    } else {
        let content = Bytes::from_static(asset.content);
        let length = HeaderValue::from(content.len());
        let mut full = Response::new(if method == Method::HEAD { Bytes::new() } else { content });
        full.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(asset.media_type));
        full.headers_mut().insert(header::CONTENT_LENGTH, length);
        full
    };
    let extra = response.headers_mut();
    extra.insert(header::ETAG, HeaderValue::from_static(asset.tag));
    extra.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    extra.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CONTENT_POLICY));
    extra.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    extra.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Whether the client already has the asset: `If-None-Match` lists its tag, weakly or strongly, or any.
fn is_current(headers: &HeaderMap, asset: &Asset) -> bool {
    headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok()).any(|list| {
        list.split(',').map(str::trim).any(|tag| tag == "*" || tag.strip_prefix("W/").unwrap_or(tag) == asset.tag)
    })
}

fn problem(code: ErrorCode, detail: &str) -> Response<Bytes> {
    let problem = Problem::new(code, detail);
    let mut response = Response::new(Bytes::from(json!(problem).to_string()));
    *response.status_mut() = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(Problem::MEDIA_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    fn get(path: &str) -> Response<Bytes> {
        answer(&Method::GET, path, &HeaderMap::new())
    }

    fn header(response: &Response<Bytes>, name: header::HeaderName) -> &str {
        response.headers()[name].to_str().unwrap()
    }

    #[test]
    fn the_page_and_all_that_it_names_are_there() {
        let page = get("/");
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(header(&page, header::CONTENT_TYPE), "text/html; charset=utf-8");
        let text = String::from_utf8(page.body().to_vec()).unwrap();
        let mut named = 0;
        for part in text.split(['"', '\'']).filter(|part| part.starts_with('/') && part.contains('.')) {
            assert_eq!(get(part).status(), StatusCode::OK, "{part}");
            named += 1;
        }
        assert!(named >= 5);
    }

    #[test]
    fn the_pages_have_no_inline_script_or_style_that_their_policy_would_stop() {
        for address in ["/", "/operations"] {
            let page = get(address);
            let text = String::from_utf8(page.body().to_vec()).unwrap();
            assert!(!text.contains("<style") && !text.contains(" style=") && !text.contains(" onclick="));
            assert!(text.split("<script").skip(1).all(|script| script.trim_start().starts_with("src=")));
            assert!(header(&page, header::CONTENT_SECURITY_POLICY).starts_with("default-src 'none'"));
        }
    }

    #[test]
    fn every_module_that_the_page_of_operations_loads_is_there() {
        let mut waiting = vec!["/operations/main.js".to_owned()];
        let mut loaded = Vec::new();
        while let Some(address) = waiting.pop() {
            let module = get(&address);
            assert_eq!(module.status(), StatusCode::OK, "{address}");
            assert_eq!(header(&module, header::CONTENT_TYPE), "text/javascript; charset=utf-8");
            let text = String::from_utf8(module.body().to_vec()).unwrap();
            loaded.push(address);
            for name in text.lines().filter_map(|line| line.split_once(" from \"./")?.1.strip_suffix("\";")) {
                let named = format!("/operations/{name}");
                if !loaded.contains(&named) && !waiting.contains(&named) {
                    waiting.push(named);
                }
            }
        }
        assert!(loaded.len() >= 10);
        assert_eq!(get("/operations").status(), StatusCode::OK);
        let page = String::from_utf8(get("/operations").body().to_vec()).unwrap();
        let styles: Vec<_> = page.split('"').filter(|part| part.ends_with(".css")).collect();
        assert!(styles.len() >= 2 && styles.iter().all(|style| get(style).status() == StatusCode::OK), "{styles:?}");
    }

    #[test]
    fn the_description_is_json() {
        let description = get("/openapi.json");
        assert_eq!(header(&description, header::CONTENT_TYPE), "application/json");
        let value: serde_json::Value = serde_json::from_slice(description.body()).unwrap();
        assert!(value["openapi"].as_str().unwrap().starts_with("3."));
        assert!(value["paths"]["/v1/service-requests/{id}"]["put"].is_object());
    }

    #[test]
    fn a_known_tag_is_answered_without_the_content() {
        let tag = header(&get("/"), header::ETAG).to_owned();
        for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
            let mut headers = HeaderMap::new();
            headers.insert(header::IF_NONE_MATCH, HeaderValue::from_str(&known).unwrap());
            let unchanged = answer(&Method::GET, "/", &headers);
            assert_eq!(unchanged.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert!(unchanged.body().is_empty());
            assert_eq!(header(&unchanged, header::ETAG), tag);
        }
        let mut headers = HeaderMap::new();
        headers.insert(header::IF_NONE_MATCH, HeaderValue::from_static("\"other\""));
        assert_eq!(answer(&Method::GET, "/", &headers).status(), StatusCode::OK);
    }

    #[test]
    fn head_says_what_get_would() {
        let head = answer(&Method::HEAD, "/", &HeaderMap::new());
        assert_eq!(head.status(), StatusCode::OK);
        assert!(head.body().is_empty());
        assert_eq!(header(&head, header::CONTENT_LENGTH), get("/").body().len().to_string());
    }

    #[test]
    fn other_methods_and_addresses_are_problems() {
        let refusal = answer(&Method::POST, "/", &HeaderMap::new());
        assert_eq!(refusal.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(header(&refusal, header::ALLOW), "GET, HEAD");
        for path in ["/nothing", "/index.html", "//", "/../Cargo.toml"] {
            let missing = get(path);
            assert_eq!(missing.status(), StatusCode::NOT_FOUND);
            assert_eq!(header(&missing, header::CONTENT_TYPE), "application/problem+json");
            let problem: serde_json::Value = serde_json::from_slice(missing.body()).unwrap();
            assert_eq!(problem["code"], "not_found");
        }
    }
}
