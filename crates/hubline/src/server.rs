//! An HTTP/1 server on one listener, until told to stop.

use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::time::Duration;

use anyhow::{Context, Result};
use axum::Router;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use relay::Peer;
use socket2::SockRef;
use tokio::net::TcpStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower_service::Service;

/// How long a client may take for a request's head, and how long a connection may idle.
const HEAD: Duration = Duration::from_secs(30);

/// How long requests under way get to end once we stop.
const DRAIN: Duration = Duration::from_secs(15);

/// How many bytes may wait unsent in the system for one client. Without it, who reads nothing is given megabytes of the system's
/// memory first, and all of it is copied for nobody. Only Linux can be told.
#[cfg(target_os = "linux")]
const UNSENT: u32 = 64 * 1024;

/// How long we wait before we accept again after the system refused, which it does when too many files are open.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Takes an address, so that no other process can.
///
/// # Errors
///
/// When somebody has it already, or it is not ours to take.
pub fn bind(address: SocketAddr) -> Result<TcpListener> {
    let listener = TcpListener::bind(address).with_context(|| format!("cannot listen on {address}"))?;
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Serves a router until `stop`, then finishes the requests under way. Upgraded connections are their handlers' affair.
pub async fn serve(listener: tokio::net::TcpListener, router: Router, stop: CancellationToken) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stop.cancelled() => break,
        };
        match accepted {
            Ok((stream, address)) => {
                let peer = Peer(address.ip());
                drop(connections.spawn(connection(quick(stream), peer, router.clone(), stop.clone())));
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
    drop(listener);
    connections.close();
    if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
        tracing::warn!("some requests did not end in time");
    }
}

/// Answers the requests of one connection; once `stop` says so, the present one is the last.
async fn connection(stream: TcpStream, peer: Peer, router: Router, stop: CancellationToken) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD);
    let service = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer);
        router.clone().call(request)
    });
    let connection = http.serve_connection(TokioIo::new(stream), service);
    let mut connection = pin!(connection.with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    // Clients come and go in the middle of anything: nothing to be done about it.
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended early");
    }
}

/// Answers are small and whole: nothing is gained by waiting for more to send, nor by sending far ahead.
fn quick(stream: TcpStream) -> TcpStream {
    let socket = SockRef::from(&stream);
    let set = socket.set_tcp_nodelay(true);
    #[cfg(target_os = "linux")]
    let set = set.and_then(|()| socket.set_tcp_notsent_lowat(UNSENT));
    if let Err(error) = set {
        tracing::debug!(%error, "cannot say how a connection's answers are to be sent");
    }
    stream
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::convert::Infallible;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use axum::body::Body;
    use axum::routing::get;
    use bytes::Bytes;
    use futures_util::stream;
    use tokio::io::AsyncWriteExt;

    use super::*;

    const PIECE: usize = 16 * 1024;

    #[tokio::test]
    async fn a_client_that_reads_nothing_is_sent_little() {
        let sent = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&sent);
        let endless = move || async move {
            Body::from_stream(stream::repeat_with(move || {
                counted.fetch_add(PIECE, Ordering::Relaxed);
                Ok::<_, Infallible>(Bytes::from_static(&[b'x'; PIECE]))
            }))
        };
        let listener = tokio::net::TcpListener::from_std(bind(([127, 0, 0, 1], 0).into()).unwrap()).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let server = tokio::spawn(serve(listener, Router::new().route("/", get(endless)), stop.clone()));
        let mut client = TcpStream::connect(address).await.unwrap();
        // So that what the client's own system takes is not the measure.
        SockRef::from(&client).set_recv_buffer_size(PIECE).unwrap();
        client.write_all(b"GET / HTTP/1.1\r\nhost: hubline\r\n\r\n").await.unwrap();
        let mut before = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(200)).await;
            let now = sent.load(Ordering::Relaxed);
            if now > 0 && now == before {
                break;
            }
            before = now;
        }
        assert!(before < 1024 * 1024, "{before} bytes are under way to a client that reads none");
        drop(client);
        stop.cancel();
        server.await.unwrap();
    }
}
