//! Every question that is asked of an outside system, with its reader and an answer that is good.

use std::collections::BTreeMap;

use clients::{
    Entropy, Fault, Method, Request, Response, Secret,
    alertmanager::{self, Alertmanager},
    azure::{
        self, Arm, Beside, Entra, Proof, Restore, Server,
        registry::{self, Registry},
    },
    github::{self, Dispatch, GitHub, Permissions, PublicKey, SecretPlace, Verdict},
    kubernetes::{self, Kubernetes},
    notify::{self, Page, PageAction, PageSeverity, PagerDuty, Slack, Webhook},
    prometheus::{self, Prometheus},
};
use rollback::{Digest, ServerName};
use serde_json::{Value, json};

use crate::{Raw, raw};

type Read = Box<dyn Fn(&Response) -> Result<(), Box<dyn Fault>>>;

/// A question.
pub struct Question {
    /// What it is called in the documentation.
    pub name: &'static str,
    /// The request.
    pub request: Request,
    /// The reader of the answer.
    pub read: Read,
    /// A good answer.
    pub good: Raw,
    /// Whether the answer is read: of some only the status counts.
    pub parses: bool,
}

fn question<T, E: Fault + 'static>(
    name: &'static str,
    request: Request,
    read: impl Fn(&Response) -> Result<T, E> + 'static,
    (status, body): (u16, &Value),
) -> Question {
    let read = move |response: &Response| read(response).map(drop).map_err(|error| Box::new(error) as Box<dyn Fault>);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    Question { name, request, read: Box::new(read), parses: !body.is_empty(), good: raw(status, &[], &body) }
}

fn token() -> Secret {
    "canary-token".into()
}

/// All questions.
pub fn all() -> Vec<Question> {
    let mut all = metrics();
    all.extend(people());
    all.extend(cluster());
    all.extend(pipeline());
    all.extend(secrets());
    all.extend(images());
    all.extend(servers());
    all
}

fn metrics() -> Vec<Question> {
    let prometheus = Prometheus::new("https://prometheus.example", Some(token()));
    let alertmanager = Alertmanager::new("https://alertmanager.example", Some(token()));
    let vector = json!({"status": "success", "data": {"resultType": "vector", "result": []}});
    let rules = json!({"status": "success", "data": {"groups": []}});
    let at = chrono::DateTime::UNIX_EPOCH;
    vec![
        question("prometheus: query", prometheus.query("up", at), prometheus::read_query, (200, &vector)),
        question("prometheus: rules", prometheus.rules("High"), prometheus::read_rules, (200, &rules)),
        question(
            "alertmanager: alerts",
            alertmanager.alerts("hubline", &BTreeMap::new()),
            alertmanager::read_alerts,
            (200, &json!([])),
        ),
    ]
}

fn people() -> Vec<Question> {
    let page = Page {
        action: PageAction::Trigger,
        key: "incident".to_owned(),
        summary: "summary".to_owned(),
        source: "production".to_owned(),
        severity: PageSeverity::Critical,
        details: json!({}),
        links: vec![],
    };
    let pagerduty = PagerDuty::new("https://events.example", token());
    let slack = Slack::new("https://hooks.example/services/canary-token".into());
    let webhook = Webhook::new("https://hook.example", "canary-token-of-a-webhook".into()).expect("a key");
    let mut told = question("slack: message", slack.send("text"), notify::read_slack, (200, &Value::Null));
    told.good = raw(200, &[], "ok");
    told.parses = true;
    let sent = webhook.send("id", chrono::DateTime::UNIX_EPOCH, &json!({}));
    vec![
        question("pagerduty: page", pagerduty.send(&page), notify::read_page, (202, &Value::Null)),
        told,
        question("webhook: notification", sent, notify::read_webhook, (204, &Value::Null)),
    ]
}

fn cluster() -> Vec<Question> {
    let cluster = Kubernetes::new("https://cluster.example", "shop", token());
    let deployment = json!({"metadata": {"name": "orders", "generation": 1},
        "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "orders"}},
            "template": {"spec": {"containers": [{"name": "api", "image": "orders:1"}]}}},
        "status": {"observedGeneration": 1}});
    let read = |response: &Response| kubernetes::read_deployment(response, "api");
    let pods = |response: &Response| kubernetes::read_pods(response, "api");
    vec![
        question("kubernetes: deployment", cluster.deployment("orders"), read, (200, &deployment)),
        question("kubernetes: pods", cluster.pods("app=orders", None), pods, (200, &json!({"items": []}))),
    ]
}

const API: &str = "https://api.github.example";
const REPOSITORY: &str = "team/deploy";

fn pipeline() -> Vec<Question> {
    let github = GitHub::new(API, token());
    let permissions = Permissions::none().dispatch();
    let installation = github::installation_token(API, &token(), 1, &[REPOSITORY], &permissions);
    let granted =
        json!({"token": "canary-new", "expires_at": "2024-05-01T11:00:00Z", "permissions": {"actions": "write"}});
    let read_granted = move |response: &Response| github::read_installation_token(response, &permissions);
    let inputs = BTreeMap::new();
    let dispatch =
        Dispatch { repository: REPOSITORY, workflow: "a.yml", git_ref: "main", inputs: &inputs, details: true };
    let runs = json!({"total_count": 0, "workflow_runs": []});
    let read_runs = |response: &Response| github::read_runs(response, API);
    let zip = Digest::of(b"zip");
    let since = chrono::DateTime::UNIX_EPOCH;
    let location = |response: &Response| github::read_archive_location(response, &["https://store.example"]);
    let mut located =
        question("github: place of an artifact", github.archive(REPOSITORY, 1), location, (302, &Value::Null));
    located.good = raw(302, &[("location", "https://store.example/a?sig=canary-new")], "");
    let archive =
        Request::new(Method::Get, "https://store.example/a?sig=canary-token".to_owned()).with_secret_address();
    let read_archive = move |response: &Response| github::read_archive(response, zip).map(<[u8]>::len);
    let mut fetched = question("github: artifact", archive, read_archive, (200, &Value::Null));
    fetched.good = raw(200, &[], "zip");
    fetched.parses = true;
    let commit = "0123456789abcdef0123456789abcdef01234567".parse().expect("a commit");
    vec![
        question("github: token of an installation", installation, read_granted, (201, &granted)),
        question(
            "github: dispatch",
            github.dispatch(&dispatch),
            github::read_dispatch,
            (200, &json!({"workflow_run_id": 1})),
        ),
        question("github: runs", github.dispatched_since(REPOSITORY, "a.yml", since), read_runs, (200, &runs)),
        question("github: run", github.run(REPOSITORY, 1), github::read_run, (200, &json!({"id": 1}))),
        question("github: jobs", github.jobs(REPOSITORY, 1, 1), github::read_jobs, (200, &json!({"jobs": []}))),
        question(
            "github: artifacts",
            github.artifacts(REPOSITORY, 1, "plan"),
            github::read_artifacts,
            (200, &json!({"artifacts": []})),
        ),
        located,
        fetched,
        question(
            "github: commit and branch",
            github.ancestry(REPOSITORY, &commit, "main"),
            github::read_ancestry,
            (200, &json!({"status": "ahead"})),
        ),
        question(
            "github: gate before an environment",
            github.review(REPOSITORY, 1, "production", Verdict::Approved, ""),
            github::read_review,
            (204, &Value::Null),
        ),
    ]
}

fn secrets() -> Vec<Question> {
    let github = GitHub::new(API, token());
    let place = SecretPlace { repository: REPOSITORY, environment: Some("production") };
    let key = json!({"key_id": "1", "key": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="});
    let public: PublicKey = serde_json::from_value(key.clone()).expect("a key");
    let sealed = public.seal(&token(), Entropy::from([1; 32])).expect("it is sealed");
    let updated = json!({"updated_at": "2024-05-01T10:00:00Z"});
    vec![
        question("github: public key", github.public_key(place), github::read_public_key, (200, &key)),
        question(
            "github: secret, written",
            github.write_secret(place, "DB", &sealed),
            github::read_secret_write,
            (204, &Value::Null),
        ),
        question(
            "github: secret, when written",
            github.secret(place, "DB"),
            github::read_secret_update,
            (200, &updated),
        ),
        question(
            "github: variable, written",
            github.write_variable(place, "REV", "1"),
            github::read_variable_write,
            (204, &Value::Null),
        ),
        question(
            "github: variable, created",
            github.create_variable(place, "REV", "1"),
            github::read_variable_creation,
            (201, &Value::Null),
        ),
        question(
            "github: variable",
            github.variable(place, "REV"),
            github::read_variable,
            (200, &json!({"value": "1"})),
        ),
    ]
}

fn images() -> Vec<Question> {
    let entra = Entra::new("https://login.example", "tenant", "client", Proof::Secret(token()));
    let registry = Registry::new("https://shop.example");
    let challenge = registry.challenge("team/orders");
    let granted = json!({"token_type": "Bearer", "expires_in": 3_599, "access_token": "canary-new"});
    let known = registry.clone();
    let read_tags = move |response: &Response| registry::read_tags(response, &known);
    let manifest = json!({"schemaVersion": 2});
    let config = json!({"created": "2024-05-01T10:00:00Z"});
    let (of_manifest, of_config) =
        (Digest::of(manifest.to_string().as_bytes()), Digest::of(config.to_string().as_bytes()));
    let mut pointed = question(
        "registry: what a tag points to",
        registry.pointed_to("team/orders", "v1", Some(&token())),
        registry::manifest_digest,
        (200, &Value::Null),
    );
    pointed.good = raw(200, &[("docker-content-digest", &of_manifest.to_string())], "");
    vec![
        question("entra: token", entra.token(azure::scope::REGISTRY), azure::read_token, (200, &granted)),
        question(
            "registry: exchange of tokens",
            registry.exchange(&challenge, None, &token()),
            registry::read_refresh,
            (200, &json!({"refresh_token": "canary-new"})),
        ),
        question(
            "registry: token of a repository",
            registry.access(&challenge, &token()),
            registry::read_access,
            (200, &json!({"access_token": "canary-new"})),
        ),
        question(
            "registry: tags",
            registry.tags("team/orders", Some(&token())),
            read_tags,
            (200, &json!({"tags": []})),
        ),
        question(
            "registry: names of tags",
            registry.names("team/orders", Some(&token())),
            registry::read_names,
            (200, &json!({"tags": []})),
        ),
        pointed,
        question(
            "registry: manifest",
            registry.manifest("team/orders", of_manifest, Some(&token())),
            move |response: &Response| registry::read_manifest(response, of_manifest),
            (200, &manifest),
        ),
        question(
            "registry: configuration of an image",
            registry.config("team/orders", of_config, Some(&token())),
            move |response: &Response| registry::read_config(response, of_config),
            (200, &config),
        ),
    ]
}

fn servers() -> Vec<Question> {
    let arm = Arm::new("https://management.example", "subscription", "group", token());
    let name: ServerName = "orders-db".parse().expect("a name");
    let server = json!({"id": "/s", "name": "orders-db", "location": "West Europe", "properties": {"state": "Ready"}});
    let source: Server = serde_json::from_value(json!({"id": "/s", "name": "orders-db", "location": "West Europe",
        "state": "Ready", "host": "", "earliestRestore": null, "run": null, "source": null, "pointInTime": null,
        "setup": {}, "likeness": {}}))
    .expect("a server");
    let point_in_time = chrono::DateTime::UNIX_EPOCH;
    let restore = arm.restore(&Restore { source: &source, name: &name, point_in_time, run: "run" });
    let mut restored = question("servers: restore", restore, azure::read_restore, (202, &Value::Null));
    restored.good = raw(202, &[("azure-asyncoperation", "https://management.example/op")], "");
    let operation = arm.operation("https://management.example/op").expect("an address of ours");
    let beside = |response: &Response| azure::read_beside(response, Beside::FirewallRules);
    vec![
        question("servers: server", arm.server(&name), azure::read_server, (200, &server)),
        restored,
        question("servers: operation", operation, azure::read_operation, (200, &json!({"status": "Succeeded"}))),
        question(
            "servers: what belongs to one",
            arm.beside(&name, Beside::FirewallRules),
            beside,
            (200, &json!({"value": []})),
        ),
    ]
}
