//! Requests and answers.

use bytes::Bytes;
use http::{Method, Request};
use runtime::LoadError;

use crate::application::{Application, Running};

#[tokio::test]
async fn passes_everything_through() {
    for standard in [true, false] {
        let running = Application { standard, ..Application::default() }.load().await;
        let request = Request::patch("/things/7/echo?a=b%20c")
            .header("host", "example.org:3000")
            .header("x-own", "1")
            .header("connection", "keep-alive")
            .body(Bytes::from_static(b"\x00body\xff"))
            .unwrap();
        let answer = running.runtime.handle(request).await;
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.body().as_ref(), b"\x00body\xff");
        let headers = answer.headers();
        assert_eq!(headers["content-length"], "6");
        assert_eq!(headers["x-method"], "PATCH");
        assert_eq!(headers["x-got-x-own"], "1");
        assert!(!headers.contains_key("x-got-connection"));
        if standard {
            assert_eq!(headers["x-uri"], "http://example.org:3000/things/7/echo?a=b%20c");
            assert_eq!(headers["x-got-spin-path-match-id"], "7");
            assert_eq!(headers["x-got-spin-full-url"], "http://example.org:3000/things/7/echo?a=b%20c");
        } else {
            assert_eq!(headers["x-uri"], "/things/7/echo?a=b%20c");
            assert!(!headers.contains_key("x-got-spin-full-url"));
        }
    }
}

#[tokio::test]
async fn answers_of_every_kind_keep_their_shape() {
    for standard in [true, false] {
        let running = Application { standard, ..Application::default() }.load().await;
        for (status, length) in [(200, Some("0")), (204, None), (304, None), (404, Some("0")), (503, Some("0"))] {
            let answer = running.get(&format!("/status?{status}")).await;
            assert_eq!(answer.status(), status);
            let told = answer.headers().get("content-length").map(|value| value.to_str().unwrap());
            assert_eq!(told, length, "{status}");
        }
        let large = running.get("/large?3000000").await;
        assert_eq!(large.body().len(), 3_000_000);
        let head = Request::builder().method(Method::HEAD).uri("/variable?greeting").body(Bytes::new()).unwrap();
        assert_eq!(running.runtime.handle(head).await.status(), 200);
    }
}

#[tokio::test]
async fn an_answer_that_is_no_http_is_none() {
    let running = Application::default().load().await;
    for answer in ["/status?99", "/headers?30000", "/headers?connection"] {
        assert_eq!(running.ask(answer).await.0, 503, "{answer}");
        assert_eq!(running.ask("/variable?greeting").await.0, 200);
    }
}

#[tokio::test]
async fn gives_a_component_its_variables_and_no_others() {
    let running = Application::default().load().await;
    assert_eq!(running.ask("/variable?greeting").await, (200, "hello".to_owned()));
    let (status, text) = running.ask("/variable?other").await;
    assert_eq!(status, 502);
    assert!(text.contains("no variable"), "{text}");
    assert_eq!(running.ask("/variable?NOT-A-NAME").await.0, 502);
}

#[tokio::test]
async fn the_most_specific_route_answers() {
    let more = "[[trigger.http]]\ncomponent = \"guest\"\nroute = \"/only/here\"\n".to_owned();
    let running = Application { more, ..Application::default() }.load().await;
    assert_eq!(running.ask("/only/elsewhere").await.0, 404);
    assert_eq!(running.ask("/unknown").await, (404, "/unknown".to_owned()), "the component's own answer");
}

#[tokio::test]
async fn instances_are_used_again_and_replaced_in_time() {
    let mut application = Application::default();
    application.limits.reuse = 10;
    let running = application.load().await;
    let mut counts = Vec::new();
    for _ in 0..25 {
        counts.push(running.ask("/count").await.1.parse::<u32>().unwrap());
    }
    let expected: Vec<u32> = (1..=10).chain(1..=10).chain(1..=5).collect();
    assert_eq!(counts, expected);
}

#[tokio::test]
async fn one_instance_serves_many_at_once() {
    let running = Application::default().load().await;
    assert_eq!(running.ask("/count").await.1, "1");
    let start = std::time::Instant::now();
    let waiting = (0..64).map(|_| running.ask("/sleep?300"));
    for (status, _) in futures_util::future::join_all(waiting).await {
        assert_eq!(status, 200);
    }
    assert!(start.elapsed() < std::time::Duration::from_secs(2), "{:?}", start.elapsed());
    let metrics = running.runtime.metrics();
    assert!(
        metrics.contains(r#"hubline_function_calls_total{component="guest",trigger="http",outcome="ok"} 65"#),
        "{metrics}"
    );
    let made = made(&running);
    assert!(made < 16, "{made} instances for 65 calls");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_that_compute_are_not_joined_by_ever_more() {
    let running = Application::default().load().await;
    assert_eq!(running.ask("/count").await.1, "1");
    // Fewer than would fill an instance.
    let computing = (0..15).map(|_| running.ask("/compute?20"));
    for (status, _) in futures_util::future::join_all(computing).await {
        assert_eq!(status, 200);
    }
    let (made, cores) = (made(&running), std::thread::available_parallelism().unwrap().get());
    assert!(made <= 2 * cores, "{made} instances on {cores} processors");
}

/// How many instances were made so far.
fn made(running: &Running) -> usize {
    let metrics = running.runtime.metrics();
    let made = metrics.lines().find(|line| line.starts_with("hubline_function_instances_total{")).unwrap();
    made.rsplit(' ').next().unwrap().parse().unwrap()
}

#[tokio::test]
async fn says_what_does_not_run() {
    let trigger =
        |name| format!("[[trigger.http]]\ncomponent = {name:?}\nroute = \"/x\"\n[component.{name}]\nsource = ");
    let more = format!("{}\"none.wasm\"\n", trigger("none"));
    let application = Application { more, ..Application::default() };
    let Err(LoadError::Source { component, .. }) = application.try_load().await else { panic!("it loaded") };
    assert_eq!(component, "none");

    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.wasm");
    std::fs::write(&empty, b"\0asm\x0d\0\x01\0").unwrap();
    let more = format!("{}{empty:?}\n", trigger("empty"));
    let application = Application { more, ..Application::default() };
    let Err(error) = application.try_load().await else { panic!("it loaded") };
    assert!(error.to_string().starts_with("component `empty` does not run here: "), "{error}");
}
