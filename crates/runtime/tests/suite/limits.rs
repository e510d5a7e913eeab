//! What a function cannot do to others.

use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;

use crate::application::{Application, Running};

/// The same limits, whichever way the component is entered.
async fn strict() -> [Running; 2] {
    [strictly(true).await, strictly(false).await]
}

async fn strictly(standard: bool) -> Running {
    let mut application = Application { standard, ..Application::default() };
    application.limits.call = Duration::from_secs(1);
    application.limits.busy = Duration::from_millis(300);
    application.limits.memory = 32 << 20;
    application.limits.body = 1 << 20;
    application.load().await
}

fn assert_unavailable(answer: &http::Response<Bytes>) {
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()["content-type"], "application/problem+json");
    assert_eq!(answer.headers()["retry-after"], "1");
    let problem: serde_json::Value = serde_json::from_slice(answer.body()).unwrap();
    assert_eq!((problem["status"].as_u64(), problem["code"].as_str()), (Some(503), Some("unavailable")));
}

#[tokio::test]
async fn a_trap_costs_its_own_call() {
    for running in strict().await {
        assert_unavailable(&running.get("/trap").await);
        assert_eq!(running.ask("/variable?greeting").await.0, 200);
        let metrics = running.runtime.metrics();
        assert!(metrics.contains(r#"hubline_function_traps_total{component="guest",trigger="http"} 1"#), "{metrics}");
    }
}

#[tokio::test]
async fn calls_beside_a_trap_are_repeated_or_told_to_try_again() {
    for running in strict().await {
        assert_eq!(running.ask("/count").await.1, "1");
        let post = Request::post("/sleep?400").body(Bytes::new()).unwrap();
        let trap = async {
            tokio::time::sleep(Duration::from_millis(100)).await;
            running.get("/trap").await
        };
        let (reading, writing, trapped) = tokio::join!(running.ask("/sleep?400"), running.runtime.handle(post), trap);
        assert_unavailable(&trapped);
        assert_eq!(reading, (200, "slept".to_owned()));
        if writing.status() != 200 {
            assert_unavailable(&writing);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_without_end_is_ended() {
    for running in strict().await {
        let start = Instant::now();
        let post = || running.runtime.handle(Request::post("/loop").body(Bytes::new()).unwrap());
        let (one, other, third) = tokio::join!(post(), post(), post());
        for answer in [one, other, third] {
            assert_unavailable(&answer);
        }
        assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
        assert_eq!(running.ask("/variable?greeting").await.0, 200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn others_are_served_while_one_loops() {
    let running = strictly(false).await;
    let looping = async { running.runtime.handle(Request::post("/loop").body(Bytes::new()).unwrap()).await };
    let others = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let mut slowest = Duration::ZERO;
        for _ in 0..10 {
            let start = Instant::now();
            assert_eq!(running.ask("/variable?greeting").await.0, 200);
            slowest = slowest.max(start.elapsed());
        }
        slowest
    };
    let (looped, slowest) = tokio::join!(looping, others);
    assert_unavailable(&looped);
    assert!(slowest < Duration::from_millis(250), "{slowest:?}");
}

#[tokio::test]
async fn waiting_for_ever_is_ended() {
    for running in strict().await {
        let start = Instant::now();
        assert_unavailable(&running.get("/sleep?60000").await);
        assert!(start.elapsed() < Duration::from_secs(3), "{:?}", start.elapsed());
        assert_eq!(running.ask("/variable?greeting").await.0, 200);
    }
}

#[tokio::test]
async fn memory_is_limited() {
    for running in strict().await {
        assert_unavailable(&running.get("/hog").await);
        assert_eq!(running.ask("/variable?greeting").await.0, 200);
    }
}

#[tokio::test]
async fn answers_are_limited() {
    for running in strict().await {
        assert_unavailable(&running.get("/large?2000000").await);
        assert_eq!(running.ask("/large?1000000").await.0, 200);
    }
}

#[tokio::test]
async fn calls_wait_for_room_and_not_for_ever() {
    let mut application = Application::default();
    application.limits.calls = 2;
    application.limits.call = Duration::from_secs(1);
    let running = application.load().await;
    let waiting = (0..6).map(|_| running.get("/sleep?400"));
    let statuses: Vec<_> =
        futures_util::future::join_all(waiting).await.iter().map(|answer| answer.status().as_u16()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 4, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 2, "{statuses:?}");
}

#[tokio::test]
async fn a_thousand_traps_leave_no_trace() {
    let running = strictly(false).await;
    for _ in 0..50 {
        let traps = (0..20).map(|_| running.get("/trap"));
        for answer in futures_util::future::join_all(traps).await {
            assert_unavailable(&answer);
        }
    }
    assert_eq!(running.ask("/variable?greeting").await.0, 200);
    let metrics = running.runtime.metrics();
    assert!(metrics.contains("hubline_wasm_memories"), "{metrics}");
}
