//! Who is let in.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chat::Role;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

use crate::client::Client;
use crate::fake::Fake;
use crate::node::{Node, node, node_with, sockets, token, token_for};

async fn negotiate(node: &Node, query: &str, token: &str) -> (StatusCode, Value) {
    let bearer = format!("Bearer {token}");
    let path = format!("/hubs/chat/negotiate{query}");
    let (status, _, body) = node.request(Method::POST, &path, &[("authorization", &bearer)]).await;
    (status, serde_json::from_str(&body).unwrap())
}

fn status(result: Result<Client, Error>) -> u16 {
    match result {
        Ok(_) => 101,
        Err(Error::Http(response)) => response.status().as_u16(),
        Err(error) => panic!("{error}"),
    }
}

/// Tokens that prove nothing.
fn bad_tokens() -> Vec<String> {
    let good = token("carla", Role::Customer);
    let claims = good.split('.').nth(1).unwrap();
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"JWT"}"#);
    vec![
        "x".to_owned(),
        format!("{none}.{claims}."),
        good[..good.len() - 2].to_owned(),
        format!("{good}A"),
        token_for("carla", Role::Customer, Duration::ZERO).replace('e', "f"),
    ]
}

#[tokio::test]
async fn a_negotiated_id_opens_one_connection_of_its_user() {
    let fake = Fake::new();
    let node = node("a", &fake).await;
    let carla = token("carla", Role::Customer);
    for (query, key) in
        [("?negotiateVersion=1", "connectionToken"), ("", "connectionId"), ("?negotiateVersion=0", "connectionId")]
    {
        let (status_code, answer) = negotiate(&node, query, &carla).await;
        assert_eq!(status_code, StatusCode::OK);
        let transport = json!([{"transport": "WebSockets", "transferFormats": ["Text", "Binary"]}]);
        assert_eq!(answer["availableTransports"], transport);
        assert_eq!(answer["negotiateVersion"], u8::from(key == "connectionToken"));
        let id = answer[key].as_str().unwrap();
        let query = format!("?id={id}");
        assert_eq!(status(Client::raw(&node, &query, &token("theo", Role::Technician)).await), 404);
        assert_eq!(status(Client::raw(&node, &query, &carla).await), 101);
        assert_eq!(status(Client::raw(&node, &query, &carla).await), 404, "used");
    }
    for id in ["", "x", "AAAAAAAAAAAAAAAAAAAAAA", "a%20b"] {
        assert_eq!(status(Client::raw(&node, &format!("?id={id}"), &carla).await), 404, "{id}");
    }
    assert_eq!(status(Client::raw(&node, "", &carla).await), 101, "negotiation may be skipped");
}

#[tokio::test]
async fn ids_expire() {
    let fake = Fake::new();
    let limits = sockets(|it| it.connection_token = Duration::from_secs(1));
    let node = node_with("a", &fake, limits).await;
    let carla = token("carla", Role::Customer);
    let (_, answer) = negotiate(&node, "?negotiateVersion=1", &carla).await;
    tokio::time::sleep(Duration::from_millis(2_050)).await;
    let query = format!("?id={}", answer["connectionToken"].as_str().unwrap());
    assert_eq!(status(Client::raw(&node, &query, &carla).await), 404);
}

#[tokio::test]
async fn negotiation_fails_in_the_words_of_the_reference() {
    let fake = Fake::new();
    let node = node("a", &fake).await;
    let carla = token("carla", Role::Customer);
    for (query, error) in [
        ("?negotiateVersion=-1", "The client requested version '-1', but the server does not support this version."),
        ("?negotiateVersion=x", "The client requested a non-integer protocol version."),
        ("?negotiateVersion=1&negotiateVersion=0", "The client requested a non-integer protocol version."),
    ] {
        assert_eq!(negotiate(&node, query, &carla).await, (StatusCode::OK, json!({ "error": error })), "{query}");
    }
}

#[tokio::test]
async fn without_a_valid_token_nobody_gets_anywhere() {
    let fake = Fake::new();
    let node = node("a", &fake).await;
    for bad in bad_tokens() {
        let (code, answer) = negotiate(&node, "?negotiateVersion=1", &bad).await;
        assert_eq!((code, &answer["code"]), (StatusCode::UNAUTHORIZED, &json!("unauthenticated")), "{bad}");
        assert_eq!(status(Client::raw(&node, "", &bad).await), 401, "{bad}");
        let query = format!("ws://{}/hubs/chat?access_token={bad}", node.address);
        assert_eq!(status(Client::open(query).await), 401, "{bad}");
    }
    let (code, headers, body) = node.request(Method::POST, "/hubs/chat/negotiate", &[]).await;
    assert_eq!((code, &headers["www-authenticate"]), (StatusCode::UNAUTHORIZED, &"Bearer".parse().unwrap()));
    assert_eq!(headers["content-type"], "application/problem+json");
    assert_eq!(serde_json::from_str::<Value>(&body).unwrap()["status"], 401);
    assert!(node.metric("turned_away_total") >= 8);
}

#[tokio::test]
async fn browsers_send_the_token_in_the_query() {
    let fake = Fake::new();
    let node = node("a", &fake).await;
    let carla = token("carla", Role::Customer);
    let open = format!("ws://{}/hubs/chat?access_token={carla}", node.address);
    assert_eq!(status(Client::open(open).await), 101);
}

#[tokio::test]
async fn pages_of_other_origins_are_kept_out() {
    let fake = Fake::new();
    let node = node("a", &fake).await;
    let own = format!("http://{}", node.address);
    let carla = token("carla", Role::Customer);
    for (origin, expected) in
        [("https://app.example.com", 101), (&own, 101), ("https://evil.example", 403), ("null", 403)]
    {
        let mut request =
            format!("ws://{}/hubs/chat?access_token={carla}", node.address).into_client_request().unwrap();
        request.headers_mut().insert("origin", origin.parse().unwrap());
        assert_eq!(status(Client::open(request).await), expected, "{origin}");
    }
}

#[tokio::test]
async fn allowed_pages_may_read_what_negotiation_says() {
    let fake = Fake::new();
    let node = node("a", &fake).await;
    let bearer = format!("Bearer {}", token("carla", Role::Customer));
    let path = "/hubs/chat/negotiate?negotiateVersion=1";
    let asked = [
        ("origin", "https://app.example.com"),
        ("access-control-request-method", "POST"),
        ("access-control-request-headers", "authorization,x-requested-with,x-signalr-user-agent"),
    ];
    let (code, headers, _) = node.request(Method::OPTIONS, path, &asked).await;
    assert_eq!(code, StatusCode::NO_CONTENT);
    assert_eq!(headers["access-control-allow-origin"], "https://app.example.com");
    assert_eq!(headers["access-control-allow-headers"], "authorization,x-requested-with,x-signalr-user-agent");
    assert_eq!(headers["access-control-allow-credentials"], "true");

    let request = [("origin", "https://app.example.com"), ("authorization", bearer.as_str())];
    let (code, headers, _) = node.request(Method::POST, path, &request).await;
    assert_eq!(
        (code, &headers["access-control-allow-origin"]),
        (StatusCode::OK, &"https://app.example.com".parse().unwrap())
    );
    assert_eq!(headers["vary"], "Origin");

    for method in [Method::OPTIONS, Method::POST] {
        let request = [("origin", "https://evil.example"), ("authorization", bearer.as_str())];
        let (_, headers, _) = node.request(method, path, &request).await;
        assert!(!headers.contains_key("access-control-allow-origin"));
    }
}

#[tokio::test]
async fn other_transports_are_not_on_offer() {
    let fake = Fake::new();
    let node = node("a", &fake).await;
    let bearer = format!("Bearer {}", token("carla", Role::Customer));
    for (method, path, expected, detail) in [
        (Method::GET, "/hubs/chat", 400, "Connection ID required"),
        (Method::GET, "/hubs/chat?id=x", 404, "No Connection with that ID"),
        (Method::POST, "/hubs/chat", 400, "Connection ID required"),
        (Method::POST, "/hubs/chat?id=x", 404, "No Connection with that ID"),
        (Method::DELETE, "/hubs/chat?id=x", 404, "No Connection with that ID"),
        (Method::PUT, "/hubs/chat", 405, "the hub is opened with a GET that upgrades to a WebSocket"),
        (Method::GET, "/hubs/chat/negotiate", 405, "negotiation is a POST"),
    ] {
        let (code, _, body) = node.request(method.clone(), path, &[("authorization", &bearer)]).await;
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((code.as_u16(), body["detail"].as_str()), (expected, Some(detail)), "{method} {path}");
    }
}
