//! The public listener as a client sees it, over a real socket.

use std::sync::Mutex;

use anyhow::anyhow;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use relay::CallError;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::server;

/// Functions that remember what they were asked.
#[derive(Default)]
struct Stub {
    asked: Mutex<Vec<http::Request<Bytes>>>,
    /// Waited for by `/slow`.
    go_on: Notify,
}

struct Shared(Arc<Stub>);

impl Functions for Shared {
    fn call(&self, request: http::Request<Bytes>) -> BoxFuture<'static, Result<Response<Bytes>, CallError>> {
        let stub = Arc::clone(&self.0);
        async move {
            let path = request.uri().to_string();
            stub.asked.lock().unwrap().push(request);
            match path.as_str() {
                "/down" => return Err(CallError::new("nobody there")),
                "/trap" => {
                    let mut answer = Response::new(Bytes::from("of the inside"));
                    *answer.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
                    return Ok(answer);
                }
                "/slow" => stub.go_on.notified().await,
                _ => {}
            }
            Ok(Response::new(Bytes::from(format!("you asked {path}"))))
        }
        .boxed()
    }
}

struct Server {
    stub: Arc<Stub>,
    address: std::net::SocketAddr,
    stop: CancellationToken,
    task: JoinHandle<()>,
    health: Health,
}

async fn serve() -> Server {
    let stub = Arc::new(Stub::default());
    let health =
        Health::new(Arc::new(|| async { Ok(()) }.boxed()), Arc::new(|| async { "things 1\n".to_owned() }.boxed()));
    let functions = Arc::new(Shared(Arc::clone(&stub)));
    let hub = Router::new().route("/hubs/chat/negotiate", get(|| async { "hub" }));
    let origins = Origins::new(&["https://app.example.com".to_owned()]).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(server::serve(
        listener,
        router(hub, functions, health.clone(), Receiver::new("receiver"), origins, Gate::default()),
        stop.clone(),
    ));
    Server { stub, address, stop, task, health }
}

impl Server {
    /// Sends one request as it stands and reads the answer until the server closes.
    async fn ask(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        // A server that closes with input unread resets the connection; what came before is the answer.
        let _ = stream.read_to_end(&mut answer).await;
        String::from_utf8(answer).unwrap()
    }

    async fn get(&self, path: &str) -> String {
        self.ask(&format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")).await
    }

    fn asked(&self) -> usize {
        self.stub.asked.lock().unwrap().len()
    }
}

fn is_problem(answer: &str, status: u16, code: &str) -> bool {
    let answer = answer.to_ascii_lowercase();
    answer.starts_with(&format!("http/1.1 {status} "))
        && answer.contains("content-type: application/problem+json")
        && answer.contains(&format!("\"code\":\"{code}\""))
}

#[tokio::test]
async fn what_is_nobody_elses_goes_to_the_functions() {
    let server = serve().await;
    assert!(server.get("/v1/x?y=1").await.ends_with("you asked /v1/x?y=1"));
    assert!(server.get("/hubs/chat/negotiate").await.ends_with("hub"));
    assert!(server.get("/healthz").await.ends_with("ok\n"));
    assert!(server.get("/readyz").await.ends_with("ready\n"));
    assert!(server.get("/metrics").await.ends_with("things 1\n"));
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn internal_routes_are_not_there() {
    let server = serve().await;
    for path in ["/internal/join", "//internal/join", "/%69nternal/messages"] {
        let answer = server.get(path).await;
        assert!(is_problem(&answer, 404, "not_found"), "{path}: {answer}");
    }
    assert_eq!(server.asked(), 0);
}

#[tokio::test]
async fn nobody_brings_the_internal_key_or_another_host() {
    let server = serve().await;
    let request = "GET http://elsewhere/a HTTP/1.1\r\nhost: x\r\nx-hubline-key: k\r\nconnection: close\r\n\r\n";
    assert!(server.ask(request).await.ends_with("you asked /a"));
    let asked = server.stub.asked.lock().unwrap();
    assert!(asked[0].headers().get("x-hubline-key").is_none());
    assert!(asked[0].headers().get("connection").is_none());
}

#[tokio::test]
async fn head_is_get_without_the_body() {
    let server = serve().await;
    let answer = server.ask("HEAD /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").await.to_ascii_lowercase();
    assert!(answer.contains("content-length: 12") && answer.ends_with("\r\n\r\n"), "{answer}");
    assert_eq!(server.stub.asked.lock().unwrap()[0].method(), Method::GET);
}

#[tokio::test]
async fn a_body_has_its_limit_announced_or_not() {
    let server = serve().await;
    let announced = "POST /a HTTP/1.1\r\nhost: x\r\ncontent-length: 65537\r\n\r\n";
    let answer = server.ask(announced).await;
    assert!(is_problem(&answer, 413, "too_large"), "{answer}");

    let chunk = format!("{:x}\r\n{}\r\n", 40_000, "a".repeat(40_000));
    let chunked = format!("POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}0\r\n\r\n");
    let answer = server.ask(&chunked).await;
    assert!(is_problem(&answer, 413, "too_large"), "{answer}");
    assert_eq!(server.asked(), 0);

    let most = format!(
        "POST /a HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 65536\r\n\r\n{}",
        "a".repeat(65_536)
    );
    assert!(server.ask(&most).await.ends_with("you asked /a"));
}

#[tokio::test]
async fn alertmanager_may_send_more_when_it_shows_its_token() {
    let server = serve().await;
    let post = |token: &str, length: usize| {
        format!(
            "POST /ops/alerts HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: Bearer {token}\r\ncontent-length: {length}\r\n\r\n"
        )
    };
    let whole = post("receiver", 1_000_000) + &"a".repeat(1_000_000);
    assert!(server.ask(&whole).await.ends_with("you asked /ops/alerts"));
    for (token, length) in [("another", 65_537), ("receiver", 2_097_153)] {
        let answer = server.ask(&post(token, length)).await;
        assert!(is_problem(&answer, 413, "too_large"), "{answer}");
    }
    assert_eq!(server.asked(), 1);
}

#[tokio::test]
async fn a_broken_body_is_malformed() {
    let server = serve().await;
    let answer = server.ask("POST /a HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n").await;
    assert!(is_problem(&answer, 400, "malformed"), "{answer}");
}

#[tokio::test]
async fn functions_that_do_not_answer_or_fail_are_unavailable() {
    let server = serve().await;
    for path in ["/down", "/trap"] {
        let answer = server.get(path).await;
        assert!(is_problem(&answer, 503, "unavailable"), "{answer}");
        assert!(answer.to_ascii_lowercase().contains("retry-after: 1"));
        assert!(!answer.contains("of the inside"), "{answer}");
    }
}

#[tokio::test]
async fn pages_of_allowed_origins_may_use_the_api_and_no_others() {
    let server = serve().await;
    let ask = |method: &str, path: &str, origin: &str| {
        let asked = "access-control-request-method: PUT\r\naccess-control-request-headers: authorization\r\n";
        format!("{method} {path} HTTP/1.1\r\nhost: x\r\norigin: {origin}\r\n{asked}connection: close\r\n\r\n")
    };
    let (ours, evil) = ("https://app.example.com", "https://evil.example");

    let preflight = server.ask(&ask("OPTIONS", "/v1/x", ours)).await.to_ascii_lowercase();
    assert!(preflight.starts_with("http/1.1 204 "), "{preflight}");
    assert!(preflight.contains("access-control-allow-methods: get, post, put\r\n"), "{preflight}");
    assert!(preflight.contains("access-control-allow-headers: authorization\r\n"), "{preflight}");
    assert_eq!(server.asked(), 0, "no function has to know");
    let answer = server.ask(&ask("GET", "/v1/x", ours)).await;
    assert!(answer.ends_with("you asked /v1/x"), "{answer}");
    for granted in [&preflight, &answer.to_ascii_lowercase()] {
        assert!(granted.contains("access-control-allow-origin: https://app.example.com\r\n"), "{granted}");
        assert!(granted.contains("vary: origin\r\n"), "{granted}");
    }
    // What is wrong with a request is for its page to read, too.
    let large = format!("POST /v1/x HTTP/1.1\r\nhost: x\r\norigin: {ours}\r\ncontent-length: 65537\r\n\r\n");
    assert!(server.ask(&large).await.to_ascii_lowercase().contains("access-control-allow-origin: "));

    let elsewhere =
        [("OPTIONS", "/v1/x", evil), ("GET", "/v1/x", evil), ("OPTIONS", "/ops/x", ours), ("GET", "/ops/x", ours)];
    for (method, path, origin) in elsewhere {
        let answer = server.ask(&ask(method, path, origin)).await.to_ascii_lowercase();
        assert!(!answer.contains("access-control-"), "{method} {path} of {origin}: {answer}");
    }
}

#[tokio::test]
async fn the_processs_pages_take_get_only() {
    let server = serve().await;
    let answer = server.ask("POST /readyz HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n").await;
    assert!(is_problem(&answer, 405, "method_not_allowed"), "{answer}");
    assert_eq!(answer.to_ascii_lowercase().matches("allow: get, head\r\n").count(), 1, "{answer}");
}

#[tokio::test]
async fn a_node_that_drains_is_not_ready() {
    let server = serve().await;
    server.health.drain();
    assert!(is_problem(&server.get("/readyz").await, 503, "unavailable"));
    assert!(server.get("/healthz").await.ends_with("ok\n"));
}

#[tokio::test]
async fn what_is_missing_makes_a_node_unready() {
    let health = Health::new(
        Arc::new(|| async { Err(anyhow!("no database")) }.boxed()),
        Arc::new(|| async { String::new() }.boxed()),
    );
    let response = Health::ready(State(health)).await;
    assert_eq!(response.status(), 503);
}

#[tokio::test]
async fn a_request_under_way_is_answered_before_the_end() {
    let server = serve().await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    stream.write_all(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    while server.asked() == 0 {
        tokio::task::yield_now().await;
    }
    server.stop.cancel();
    server.stub.go_on.notify_one();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.ends_with("you asked /slow"), "{answer}");
    server.task.await.unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "nobody listens any more");
}
