//! The built functions as a relay and a cluster's clock call them, on a real PostgreSQL and without a Redis.
//!
//! Run after `cargo xtask build`. What everybody may call, the end-to-end suite calls.
#![cfg(test)]

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use embedded::{Account, Postgres};
use http::{Method, Request, Response};
use identity::{Grant, Settings};
use runtime::{Limits, Options, Runtime};
use serde_json::{Value, json};
use store::{MIGRATIONS, sql};
use tempfile::TempDir;
use tokio_postgres::NoTls;
use url::Url;

const SECRET: &str = "a secret of more than thirty-two bytes";
const KEY: &str = "the key of the relay";
const UUID: &str = "6fa459ea-ee8a-4ca4-894e-db77e160355e";

struct System {
    runtime: Runtime,
    /// The same functions on the same database, entered by standard interfaces alone.
    standard: Runtime,
    owner: tokio_postgres::Client,
    // In this order: the server stops before its folder goes.
    _postgres: Postgres,
    _folder: TempDir,
}

impl System {
    async fn start() -> Self {
        let folder = tempfile::Builder::new().permissions(Permissions::from_mode(0o711)).tempdir().unwrap();
        let postgres = Postgres::open(&folder.path().join("postgres"), &Account::choose().unwrap()).unwrap();
        let (owner, connection) = tokio_postgres::connect(postgres.url(), NoTls).await.unwrap();
        tokio::spawn(connection);
        owner.batch_execute(sql::MIGRATION_TABLE).await.unwrap();
        for step in MIGRATIONS {
            owner.batch_execute(&format!("begin; {}; reset role; commit", step.sql)).await.unwrap();
        }
        let url = Url::parse(postgres.url()).unwrap();
        let variables = [
            ("database_url", as_role(&url, "hubline_chat")),
            ("purge_database_url", as_role(&url, "hubline_purge")),
            ("database_origin", format!("postgres://{}:{}", url.host_str().unwrap(), url.port().unwrap())),
            ("redis_url", "redis://127.0.0.1:1".to_owned()),
            ("redis_origin", "redis://127.0.0.1:1".to_owned()),
            ("relay_key", KEY.to_owned()),
            ("delivery_key", "the key of deliveries".to_owned()),
            ("jwt_secret", SECRET.to_owned()),
        ];
        let load = |standard| {
            Runtime::load(Options {
                manifest: Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().join("spin.toml"),
                variables: variables.clone().map(|(name, value)| (name.to_owned(), value)).into(),
                cache_dir: folder.path().join("cache"),
                standard,
                limits: Limits::default(),
            })
        };
        let (runtime, standard) = (load(false).await.unwrap(), load(true).await.unwrap());
        Self { runtime, standard, owner, _postgres: postgres, _folder: folder }
    }

    async fn call(&self, method: Method, path: &str, headers: &[(&str, &str)], body: &Value) -> (u16, Value) {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = self.runtime.handle(request.body(Bytes::from(body.to_string())).unwrap()).await;
        (response.status().as_u16(), serde_json::from_slice(response.body()).unwrap())
    }

    /// Asks in both ways; what the answer says, which is the same.
    async fn both_ways(&self, request: Request<Bytes>) -> (u16, Value) {
        let (answer, standard) =
            tokio::join!(self.runtime.handle(request.clone()), self.standard.handle(request.clone()));
        let told = |answer: &Response<Bytes>| {
            let headers = answer.headers().iter().map(|(name, value)| (name.to_string(), value.clone()));
            (answer.status().as_u16(), headers.collect::<BTreeMap<_, _>>(), answer.body().clone())
        };
        assert_eq!(told(&answer), told(&standard), "{request:?}");
        (answer.status().as_u16(), serde_json::from_slice(answer.body()).unwrap_or_default())
    }

    /// A relay's call.
    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        self.call(Method::POST, path, &[("x-hubline-key", KEY)], body).await
    }

    async fn report(&self, id: &str, body: &Value) -> u16 {
        let bearer = format!("Bearer {}", token("platform", "platform"));
        self.call(Method::PUT, &format!("/v1/service-requests/{id}"), &[("authorization", &bearer)], body).await.0
    }
}

fn as_role(url: &Url, role: &str) -> String {
    let joint = if url.query().is_some() { '&' } else { '?' };
    format!("{url}{joint}options=-c%20role%3D{role}")
}

fn token(subject: &str, role: &str) -> String {
    let now = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()).unwrap();
    let grant = Grant {
        subject: subject.parse().unwrap(),
        roles: vec![role.parse().unwrap()],
        center: None,
        issued_at: now,
        expires_at: now + 600,
    };
    identity::mint(&Settings { secret: Some(SECRET.to_owned()), ..Settings::default() }, &grant).unwrap()
}

fn open() -> Value {
    json!({"customerId": "carla", "serviceCenterId": "north", "technicianId": "theo", "status": "open"})
}

fn item(token: usize, id: &str, body: &str) -> Value {
    json!({"token": token, "serviceRequestId": id, "clientMessageId": UUID, "body": body})
}

#[tokio::test(flavor = "multi_thread")]
async fn the_functions_serve_relays_and_nobody_else() {
    let system = System::start().await;
    assert_eq!(system.report("sr-1", &open()).await, 201);
    assert_eq!(system.report("sr-1", &open()).await, 200);
    internal_routes_open_with_the_key_alone(&system).await;
    what_is_no_request_is_malformed(&system).await;
    each_item_of_a_batch_has_its_own_outcome(&system).await;
    a_join_is_as_good_as_its_token(&system).await;
    an_answer_is_the_same_whichever_way_it_is_asked_for(&system).await;
    the_route_of_the_purge_says_what_it_did(&system).await;
}

const INTERNAL: [&str; 6] =
    ["/internal/join", "/internal/keys", "/internal/leave", "/internal/sweep", "/internal/messages", "/internal/purge"];

async fn internal_routes_open_with_the_key_alone(system: &System) {
    for path in INTERNAL {
        for headers in [&[] as &[(&str, &str)], &[("x-hubline-key", "")], &[("x-hubline-key", "the key of the rela")]] {
            let (status, body) = system.call(Method::POST, path, headers, &json!({})).await;
            assert_eq!((status, body["code"].as_str()), (401, Some("unauthenticated")), "{path} {headers:?}");
        }
        let (status, body) = system.call(Method::GET, path, &[("x-hubline-key", KEY)], &json!({})).await;
        assert_eq!((status, body["code"].as_str()), (405, Some("method_not_allowed")), "{path}");
    }
}

async fn what_is_no_request_is_malformed(system: &System) {
    // Of these two nothing has to be said to be a request.
    for path in INTERNAL.into_iter().filter(|path| !["/internal/keys", "/internal/purge"].contains(path)) {
        for body in [json!({}), json!([]), json!("x"), json!({"node": "a b", "items": 1})] {
            let (status, body) = system.post(path, &body).await;
            assert_eq!((status, body["code"].as_str()), (400, Some("malformed")), "{path}");
        }
    }
    let many = |count: usize| json!({"tokens": ["x"], "items": vec![item(0, "sr-1", "x"); count]});
    assert_eq!(system.post("/internal/messages", &many(65)).await.0, 400);
    let (status, body) = system.post("/internal/messages", &many(64)).await;
    assert_eq!((status, body["outcomes"].as_array().unwrap().len()), (200, 64));
    let large = json!({"tokens": [], "items": [], "padding": "x".repeat(3 << 20)});
    assert_eq!(system.post("/internal/messages", &large).await.1["code"], "too_large");
}

async fn each_item_of_a_batch_has_its_own_outcome(system: &System) {
    let tokens =
        [token("carla", "customer"), "no token".to_owned(), token("theo", "technician"), token("x", "platform")];
    let items = [
        item(0, "sr-1", "from carla"),
        item(1, "sr-1", "from nobody"),
        item(2, "sr-1", "from theo"),
        item(3, "sr-1", "from above"),
        item(9, "sr-1", "from no token"),
        item(0, "sr-2", "to nowhere"),
        item(0, "s r", "\u{0}"),
        item(0, "sr-1", "from carla again"),
    ];
    let batch = json!({"node": "main", "tokens": tokens, "items": items});
    for first in [true, false] {
        let (status, answer) = system.post("/internal/messages", &batch).await;
        assert_eq!(status, 200, "{answer}");
        let outcomes: Vec<(Option<bool>, Option<&str>, Option<&str>)> = answer["outcomes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| (it["new"].as_bool(), it["message"]["senderId"].as_str(), it["error"]["code"].as_str()))
            .collect();
        assert_eq!(
            outcomes,
            [
                (Some(first), Some("carla"), None),
                (None, None, Some("unauthenticated")),
                (Some(first), Some("theo"), None),
                (None, None, Some("forbidden")),
                (None, None, Some("malformed")),
                (None, None, Some("not_found")),
                (None, None, Some("invalid")),
                (Some(false), Some("carla"), None),
            ]
        );
        assert_eq!(answer["outcomes"][7]["message"]["body"], "from carla", "the first one stays");
        assert_eq!(answer["conversations"].as_array().unwrap().len(), 1);
        assert_eq!(answer["conversations"][0]["parties"]["customerId"], "carla");
    }
}

async fn an_answer_is_the_same_whichever_way_it_is_asked_for(system: &System) {
    let bearer = format!("Bearer {}", token("carla", "customer"));
    let sent = json!({"clientMessageId": UUID, "body": "once more"}).to_string();
    let messages = "/v1/service-requests/sr-1/messages";
    let large = "x".repeat(3 << 20);
    for (method, path, headers, body, status) in [
        ("GET", messages, &[("authorization", bearer.as_str())][..], "", 200),
        ("GET", "/v1/service-requests/sr-1/messages?afterSeq=1&limit=1", &[("authorization", &bearer)], "", 200),
        ("GET", "/v1/service-requests/sr-1/messages?after_seq=1", &[("authorization", &bearer)], "", 422),
        ("GET", "/v1/service-requests/sr-1/messages?limit=0", &[("authorization", &bearer)], "", 422),
        ("GET", messages, &[], "", 401),
        ("GET", messages, &[("authorization", &bearer), ("authorization", &bearer)], "", 401),
        ("HEAD", messages, &[("authorization", &bearer)], "", 405),
        ("DELETE", messages, &[], "", 405),
        ("POST", messages, &[("authorization", &bearer), ("content-type", "application/json")], &sent, 200),
        ("POST", messages, &[("authorization", &bearer), ("content-type", "text/plain")], &sent, 415),
        ("POST", messages, &[("authorization", &bearer), ("content-type", "application/json")], "{", 400),
        ("POST", messages, &[("authorization", &bearer), ("content-type", "application/json")], &large, 413),
        ("GET", "/v1/service-requests/sr-1", &[("authorization", &bearer)], "", 200),
        ("GET", "/v1/service-requests/sr-9", &[("authorization", &bearer)], "", 404),
        ("POST", "/internal/sweep", &[("x-hubline-key", KEY)], "[]", 400),
        ("POST", "/internal/keys", &[("x-hubline-key", KEY)], r#"{"unknown":1}"#, 400),
        // All keys are configured here: no issuer publishes any.
        ("POST", "/internal/keys", &[("x-hubline-key", KEY)], "{}", 404),
    ] {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (told, _) = system.both_ways(request.body(Bytes::from(body.to_owned())).unwrap()).await;
        assert_eq!(told, status, "{method} {path} {headers:?}");
    }
}

async fn a_join_is_as_good_as_its_token(system: &System) {
    let join = |token: String, id: &str, after: i64| json!({"node": "main", "incarnation": UUID, "token": token, "serviceRequestId": id, "afterSeq": after});
    for (token, id, after, status) in [
        (token("carla", "customer"), "sr-1", 0, 200),
        (token("carla", "technician"), "sr-1", 0, 404),
        (token("carla", "customer"), "sr-2", 0, 404),
        (token("x", "platform"), "sr-1", 0, 403),
        (token("carla", "customer"), "s r", 0, 422),
        (token("carla", "customer"), "sr-1", -1, 422),
        ("x".to_owned(), "sr-1", 0, 401),
    ] {
        let (got, answer) = system.post("/internal/join", &join(token, id, after)).await;
        assert_eq!(got, status, "{answer}");
    }
    let mut other = join(token("carla", "customer"), "sr-1", 2);
    for epoch in ["", "\u{0}", "not the current one", UUID] {
        other["epoch"] = epoch.into();
        let (status, answer) = system.post("/internal/join", &other).await;
        assert_eq!(
            (status, answer["restarted"].as_bool(), answer["messages"][0]["seq"].as_i64()),
            (200, Some(true), Some(1))
        );
    }
    let (_, answer) = system
        .post(
            "/internal/sweep",
            &json!({"node": "main", "incarnation": UUID, "conversations": [["sr-1", 0, 0, 0, 0], ["gone", 3, 0, 0, 0]]}),
        )
        .await;
    let versions: BTreeMap<&str, i64> = answer["changed"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["id"].as_str().unwrap(), it["version"].as_i64().unwrap()))
        .collect();
    assert_eq!(versions, BTreeMap::from([("gone", -1), ("sr-1", 2)]));
    let left = json!({"node": "main", "incarnation": UUID, "left": [{"serviceRequestId": "sr-1", "userId": "carla"}]});
    assert_eq!(system.post("/internal/leave", &left).await, (200, json!({})));
}

async fn the_route_of_the_purge_says_what_it_did(system: &System) {
    let purge = async || system.post("/internal/purge", &json!({})).await;
    let nothing =
        json!({"serviceRequests": 0, "messages": 0, "batches": 0, "done": true, "due": 0, "overdueSeconds": 0});
    assert_eq!(purge().await, (200, nothing.clone()));
    let mut closed = open();
    closed["status"] = "closed".into();
    assert_eq!(system.report("sr-1", &closed).await, 200);
    let backdate = "set role hubline_owner;
        update hubline.service_request
        set closed_at = now() - interval '1 year', closing_recorded_at = now() - interval '1 year';
        reset role";
    system.owner.batch_execute(backdate).await.unwrap();
    let mut done = nothing.clone();
    (done["serviceRequests"], done["messages"], done["batches"]) = (1.into(), 2.into(), 1.into());
    assert_eq!(purge().await, (200, done));
    assert_eq!(purge().await, (200, nothing));
    system.runtime.fire("message-purge").await.unwrap();
}
