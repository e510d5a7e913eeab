//! Requests that a component makes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::FutureExt;
use http::{Request, Response};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

use crate::application::Application;

/// A server that counts connections and answers everything with `found`.
pub async fn serve() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(async move {
                let mut buffer = [0; 4096];
                while socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                    socket.write_all(b"HTTP/1.1 203 Fine\r\ncontent-length: 5\r\n\r\nfound").await.unwrap();
                }
            });
        }
    });
    (origin, connections)
}

#[tokio::test]
async fn reaches_what_is_declared_over_kept_connections() {
    let (origin, connections) = serve().await;
    let running = Application { hosts: vec![origin.clone()], ..Application::default() }.load().await;
    for _ in 0..10 {
        for way in ["get", "get-synchronously"] {
            assert_eq!(running.ask(&format!("/{way}?{origin}/x")).await, (203, "found".to_owned()));
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn reaches_nothing_else() {
    let (origin, connections) = serve().await;
    let (declared, _) = serve().await;
    let running = Application { hosts: vec![declared], ..Application::default() }.load().await;
    for url in [origin.clone(), origin.replace("127.0.0.1", "localhost"), "http://hidden.spin.internal/echo".to_owned()]
    {
        for way in ["get", "get-synchronously"] {
            let (status, text) = running.ask(&format!("/{way}?{url}")).await;
            assert_eq!(status, 502);
            assert!(text.contains("HttpRequestDenied"), "{text}");
        }
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_server_that_is_not_there_is_an_error() {
    let origin = format!("http://127.0.0.1:{}", crate::servers::free_port());
    let running = Application { hosts: vec![origin.clone()], ..Application::default() }.load().await;
    for way in ["get", "get-synchronously"] {
        let (status, text) = running.ask(&format!("/{way}?{origin}/")).await;
        assert_eq!((status, text.contains("ConnectionRefused")), (502, true), "{text}");
    }
}

#[tokio::test]
async fn components_call_each_other_without_the_network() {
    let hosts = vec!["http://hidden.spin.internal".to_owned(), "http://nobody.spin.internal".to_owned()];
    let running = Application { hosts, ..Application::default() }.load().await;
    assert_eq!(running.ask("/get?http://hidden.spin.internal/things/print").await, (200, "printed".to_owned()));
    let (status, text) = running.ask("/get?http://nobody.spin.internal/echo").await;
    assert_eq!((status, text.contains("DestinationNotFound")), (502, true), "{text}");
    let (status, _) = running.ask("/get?http://hidden.spin.internal/trap").await;
    assert_eq!(status, 503);
    let metrics = running.runtime.metrics();
    assert!(
        metrics.contains(r#"hubline_function_calls_total{component="hidden",trigger="http",outcome="ok"} 1"#),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_server_in_this_process_is_reached_without_the_network_by_whom_the_manifest_allows() {
    let (origin, connections) = serve().await;
    let (declared, _) = serve().await;
    let authority = || origin.strip_prefix("http://").unwrap().parse().unwrap();
    let answer = |request: Request<Bytes>| {
        let path = request.uri().path().to_owned();
        async move { Response::builder().status(202).body(Bytes::from(path)).unwrap() }.boxed()
    };
    let allowed = Application { hosts: vec![origin.clone()], ..Application::default() }.load().await;
    let stranger = Application { hosts: vec![declared], ..Application::default() }.load().await;
    for running in [&allowed, &stranger] {
        running.runtime.adopt(authority(), answer);
    }
    for way in ["get", "get-synchronously"] {
        assert_eq!(allowed.ask(&format!("/{way}?{origin}/here")).await, (202, "/here".to_owned()));
        let (status, text) = stranger.ask(&format!("/{way}?{origin}/here")).await;
        assert_eq!((status, text.contains("HttpRequestDenied")), (502, true), "{text}");
    }
    assert_eq!(connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn whoever_is_asked_has_the_time_that_the_request_gives() {
    let (neighbour, _) = serve().await;
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = format!("http://{}", silent.local_addr().unwrap());
    let component = "http://hidden.spin.internal".to_owned();
    let hosts = vec![neighbour.clone(), silent.clone(), component.clone()];
    let running = Application { hosts, ..Application::default() }.load().await;
    let authority = neighbour.strip_prefix("http://").unwrap().parse().unwrap();
    running.runtime.adopt(authority, |_| std::future::pending().boxed());
    for url in [neighbour, silent, format!("{component}/sleep?3000")] {
        let began = Instant::now();
        let (status, text) = running.ask(&format!("/get-in-time?100,{url}")).await;
        assert_eq!((status, text.contains("ConnectionReadTimeout")), (502, true), "{url}: {text}");
        assert!(began.elapsed() < Duration::from_secs(2), "{url}: {:?}", began.elapsed());
    }
}
