//! The outside: every system that the worker talks to, as far as it talks to them, with what has happened to it.
//!
//! A call that changes something is counted. What the tests ask in the end is how often.

use std::{cell::RefCell, collections::BTreeMap};

use chrono::{DateTime, TimeDelta, Utc};
use rollback::Digest;
use serde_json::{Value, json};

use crate::artifacts::archive;

/// A workflow run.
#[derive(Clone, Debug)]
pub struct WorkflowRun {
    pub id: u64,
    pub workflow: String,
    pub title: String,
    pub inputs: BTreeMap<String, String>,
    pub created_at: DateTime<Utc>,
    /// How often it was looked at: it completes at the second look.
    pub looks: u32,
    pub conclusion: &'static str,
}

/// What has happened outside.
#[derive(Clone, Default)]
pub struct State {
    /// Workflow runs, in the order of their dispatch.
    pub runs: Vec<WorkflowRun>,
    /// Servers by name, besides the source.
    pub servers: BTreeMap<String, Value>,
    /// How often a server was asked for that was there already.
    pub repeated_restores: u32,
    /// The secret's writes.
    pub secrets: Vec<DateTime<Utc>>,
    /// The variable.
    pub variable: Option<String>,
    /// Images by deployment.
    pub images: BTreeMap<String, (Digest, Option<String>)>,
    /// What the tag of the good release points to.
    pub good: Option<Digest>,
    /// The conclusion of workflow runs, by file.
    pub conclusions: BTreeMap<String, &'static str>,
    /// Bytes of the artifact of plans: before and after the apply.
    pub applied: bool,
    /// The alerts that Alertmanager names.
    pub firing: Vec<Value>,
    /// Whether the alert fires.
    pub fires: bool,
    /// Whether there is a gate before the environment.
    pub gated: bool,
    /// The workflow runs that were let through it.
    pub let_through: Vec<u64>,
    /// Everything that was asked, as `METHOD /path`.
    pub log: Vec<String>,
}

/// The outside.
#[derive(Clone)]
pub struct World {
    pub state: RefCell<State>,
    pub now: RefCell<DateTime<Utc>>,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(status: u16, body: &Value) -> Self {
        let headers = vec![("content-type", "application/json".to_owned())];
        Self { status, headers, body: body.to_string().into_bytes() }
    }

    pub fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Vec::new() }
    }
}

pub fn bad() -> Digest {
    Digest::of(b"bad release")
}

pub fn good() -> Digest {
    Digest::of(b"good release")
}

/// The commit that is planned.
pub const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";

impl World {
    pub fn new(now: DateTime<Utc>) -> Self {
        let mut state = State { good: Some(good()), ..State::default() };
        for name in ["orders", "chat"] {
            state.images.insert(name.to_owned(), (bad(), None));
        }
        Self { state: RefCell::new(state), now: RefCell::new(now) }
    }

    /// Answers a request.
    pub fn answer(&self, method: &str, url: &str, body: &[u8]) -> Answer {
        let url: url::Url = url.parse().unwrap();
        let path = url.path().to_owned();
        self.state.borrow_mut().log.push(format!("{method} {path}"));
        let query: BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        match url.host_str().unwrap() {
            "github.test" => self.github(method, &path, &query, body),
            "artifacts.test" => self.artifact(&path),
            "entra.test" => {
                Answer::json(200, &json!({"access_token": "entra-token", "expires_in": 3600, "token_type": "Bearer"}))
            }
            "arm.test" => self.cloud(method, &path, body),
            "registry.test" => self.registry(method, &path),
            "cluster.test" => self.cluster(&path, &query),
            "alertmanager.test" => Answer::json(200, &Value::from(self.state.borrow().firing.clone())),
            "prometheus.test" if path.ends_with("/rules") => self.rules(),
            "prometheus.test" => self.prometheus(&query),
            "pagerduty.test" => Answer::json(202, &json!({"status": "success", "message": "ok", "dedup_key": "a"})),
            "slack.test" => Answer { status: 200, headers: Vec::new(), body: b"ok".to_vec() },
            "webhook.test" => Answer::empty(204),
            "service.test" => match method {
                "POST" => Answer::json(201, &serde_json::from_slice(body).unwrap()),
                _ => Answer::empty(204),
            },
            other => panic!("nobody is at {other}"),
        }
    }

    fn github(&self, method: &str, path: &str, query: &BTreeMap<String, String>, body: &[u8]) -> Answer {
        let path = path.strip_prefix("/repos/team/deploy").unwrap_or(path);
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let now = *self.now.borrow();
        let mut state = self.state.borrow_mut();
        match (method, parts.as_slice()) {
            ("POST", ["app", "installations", ..]) => Answer::json(
                201,
                &json!({"token": "ghs_token", "expires_at": now + TimeDelta::hours(1), "permissions": {}}),
            ),
            ("POST", ["actions", "workflows", file, "dispatches"]) => {
                let body: Value = serde_json::from_slice(body).unwrap();
                let inputs: BTreeMap<String, String> = serde_json::from_value(body["inputs"].clone()).unwrap();
                let id = 1000 + state.runs.len() as u64;
                let title = format!("{file} {}", inputs["correlation"]);
                let conclusion = state.conclusions.get(*file).copied().unwrap_or("success");
                state.runs.push(WorkflowRun {
                    id,
                    workflow: (*file).to_owned(),
                    title,
                    inputs,
                    created_at: now,
                    looks: 0,
                    conclusion,
                });
                Answer::json(
                    200,
                    &json!({
                        "workflow_run_id": id,
                        "run_url": format!("https://github.test/repos/team/deploy/actions/runs/{id}"),
                        "html_url": format!("https://github.test/team/deploy/actions/runs/{id}"),
                    }),
                )
            }
            ("GET", ["actions", "workflows", "terraform-apply.yml", "runs"]) if query.contains_key("status") => {
                let earlier = WorkflowRun {
                    id: 1,
                    workflow: "terraform-apply.yml".into(),
                    title: format!("apply {COMMIT} production"),
                    inputs: BTreeMap::new(),
                    created_at: now - TimeDelta::days(3),
                    looks: 2,
                    conclusion: "success",
                };
                Answer::json(200, &json!({"total_count": 1, "workflow_runs": [run_json(&earlier, true)]}))
            }
            ("GET", ["actions", "workflows", file, "runs"]) => {
                let runs: Vec<Value> = state
                    .runs
                    .iter()
                    .rev()
                    .filter(|run| run.workflow == *file)
                    .map(|run| run_json(run, false))
                    .collect();
                Answer::json(200, &json!({"total_count": runs.len(), "workflow_runs": runs}))
            }
            ("GET", ["actions", "runs", id]) => {
                let id: u64 = id.parse().unwrap();
                if state.gated && !state.let_through.contains(&id) {
                    let run = state.runs.iter().find(|run| run.id == id).unwrap();
                    let mut waiting = run_json(run, false);
                    waiting["status"] = "waiting".into();
                    return Answer::json(200, &waiting);
                }
                let Some(run) = state.runs.iter_mut().find(|run| run.id == id) else { return Answer::empty(404) };
                run.looks += 1;
                let (run, completed) = (run.clone(), run.looks > 1);
                if completed && run.looks == 2 && run.conclusion == "success" {
                    complete(&mut state, &run);
                }
                Answer::json(200, &run_json(&run, completed))
            }
            ("POST", ["actions", "runs", id, "deployment_protection_rule"]) => {
                let body: Value = serde_json::from_slice(body).unwrap();
                assert_eq!((&body["environment_name"], &body["state"]), (&"production".into(), &"approved".into()));
                state.let_through.push(id.parse().unwrap());
                Answer::empty(204)
            }
            ("GET", ["actions", "runs", _, "attempts", _, "jobs"]) => Answer::json(
                200,
                &json!({"total_count": 1, "jobs": [{
                    "id": 1, "name": "deploy", "status": "completed", "conclusion": "failure",
                    "steps": [{"name": "Wait for the rollout", "status": "completed", "conclusion": "failure", "number": 3}],
                }]}),
            ),
            ("GET", ["actions", "runs", id, "artifacts"]) => {
                let run = state.runs.iter().find(|run| run.id.to_string() == *id).cloned().unwrap();
                let zip = archive(&state, &run);
                let name = if run.workflow.starts_with("verify") { "verification" } else { "plan" };
                Answer::json(
                    200,
                    &json!({"total_count": 1, "artifacts": [{
                        "id": run.id + 5000, "name": name, "size_in_bytes": zip.len(), "expired": false,
                        "digest": Digest::of(&zip).to_string(), "created_at": now, "expires_at": now + TimeDelta::days(1),
                        "archive_download_url": format!("https://github.test/repos/team/deploy/actions/artifacts/{}/zip", run.id + 5000),
                        "workflow_run": {"id": run.id},
                    }]}),
                )
            }
            ("GET", ["actions", "artifacts", id, "zip"]) => Answer {
                status: 302,
                headers: vec![("location", format!("https://artifacts.test/{id}?sig=canary-signature"))],
                body: Vec::new(),
            },
            ("GET", ["commits", COMMIT]) => {
                Answer::json(200, &json!({"sha": COMMIT, "commit": {"message": "earlier"}}))
            }
            ("GET", ["compare", _]) => Answer::json(200, &json!({"status": "ahead", "ahead_by": 3, "behind_by": 0})),
            ("GET", ["environments", _, "secrets", "public-key"]) => Answer::json(
                200,
                &json!({
                    "key_id": "1", "key": "2Sg8iYjAxxmI2LvUXpJjkYrMxURPc8r+dB7TJyvvcCU=",
                }),
            ),
            ("PUT", ["environments", _, "secrets", _]) => {
                state.secrets.push(now);
                Answer::empty(204)
            }
            ("GET", ["environments", _, "secrets", name]) => match state.secrets.last() {
                Some(at) => Answer::json(200, &json!({"name": name, "created_at": at, "updated_at": at})),
                None => Answer::empty(404),
            },
            ("PATCH" | "POST", ["environments", _, "variables", ..]) => {
                let body: Value = serde_json::from_slice(body).unwrap();
                state.variable = body["value"].as_str().map(str::to_owned);
                Answer::empty(if method == "PATCH" { 204 } else { 201 })
            }
            ("GET", ["environments", _, "variables", name]) => {
                Answer::json(200, &json!({"name": name, "value": state.variable, "created_at": now, "updated_at": now}))
            }
            _ => Answer::json(404, &json!({"message": format!("Not Found: {method} {path}")})),
        }
    }

    fn artifact(&self, path: &str) -> Answer {
        let state = self.state.borrow();
        let id: u64 = path.trim_matches('/').parse().unwrap();
        let run = state.runs.iter().find(|run| run.id + 5000 == id).unwrap();
        let headers = vec![("content-type", "application/zip".to_owned())];
        Answer { status: 200, headers, body: archive(&state, run) }
    }

    fn cloud(&self, method: &str, path: &str, body: &[u8]) -> Answer {
        let now = *self.now.borrow();
        let mut state = self.state.borrow_mut();
        if ["/firewallRules", "/configurations", "/administrators"].iter().any(|list| path.ends_with(list)) {
            return Answer::json(200, &json!({"value": []}));
        }
        if path.starts_with("/operations/") {
            return Answer::json(200, &json!({"name": "op", "status": "Succeeded", "startTime": now}));
        }
        let name = path.rsplit('/').next().unwrap().to_owned();
        let id = path.to_owned();
        match method {
            "GET" if name == "orders-db" => Answer::json(
                200,
                &json!({
                    "id": id, "name": name, "location": "westeurope", "tags": {},
                    "sku": {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"},
                    "properties": {
                        "state": "Ready", "version": "16", "fullyQualifiedDomainName": "orders-db.database.test",
                        "backup": {"earliestRestoreDate": now - TimeDelta::days(7), "backupRetentionDays": 7},
                        "highAvailability": {"mode": "Disabled"}, "network": {"publicNetworkAccess": "Disabled"},
                    },
                }),
            ),
            "GET" => match state.servers.get(&name) {
                Some(server) => Answer::json(200, server),
                None => {
                    Answer::json(404, &json!({"error": {"code": "ResourceNotFound", "message": "it is not there"}}))
                }
            },
            "PUT" => {
                let asked: Value = serde_json::from_slice(body).unwrap();
                if state.servers.contains_key(&name) {
                    state.repeated_restores += 1;
                }
                state.servers.insert(
                    name.clone(),
                    json!({
                        "id": id, "name": name, "location": asked["location"], "tags": asked["tags"],
                        "sku": {"name": "Standard_D2ds_v5", "tier": "GeneralPurpose"},
                        "properties": {
                            "state": "Ready", "version": "16",
                            "fullyQualifiedDomainName": format!("{name}.database.test"),
                            "sourceServerResourceId": asked["properties"]["sourceServerResourceId"],
                            "pointInTimeUTC": asked["properties"]["pointInTimeUTC"],
                            "backup": {"earliestRestoreDate": now, "backupRetentionDays": 7},
                            "highAvailability": {"mode": "Disabled"}, "network": {"publicNetworkAccess": "Disabled"},
                        },
                    }),
                );
                let mut answer = Answer::json(202, &json!({}));
                answer
                    .headers
                    .push(("azure-asyncoperation", "https://arm.test/operations/1?api-version=2024-08-01".into()));
                answer.headers.push(("retry-after", "1".into()));
                answer
            }
            _ => Answer::empty(405),
        }
    }

    fn registry(&self, method: &str, path: &str) -> Answer {
        let state = self.state.borrow();
        match (method, path) {
            ("POST", "/oauth2/exchange") => Answer::json(200, &json!({"refresh_token": "registry-refresh"})),
            ("POST", "/oauth2/token") => Answer::json(200, &json!({"access_token": "registry-access"})),
            ("GET", path) if path.ends_with("/_tags") => {
                let day = |day: u32| format!("2024-04-{day:02}T00:00:00.0000000Z");
                let tag = |name: &str, digest: Digest, on: u32| {
                    json!({
                        "name": name, "digest": digest.to_string(), "createdTime": day(on), "lastUpdateTime": day(on),
                        "signed": false,
                        "changeableAttributes": {"deleteEnabled": true, "writeEnabled": true, "readEnabled": true, "listEnabled": true},
                    })
                };
                let mut tags = vec![tag("v1.1.0-stable", bad(), 20)];
                tags.extend(state.good.map(|digest| tag("v1.0.0-stable", digest, 10)));
                Answer::json(200, &json!({"registry": "registry.test", "imageName": "orders", "tags": tags}))
            }
            ("GET", path) if path.contains("/_tags/") => {
                let name = path.rsplit('/').next().unwrap();
                let digest = if name == "v1.1.0-stable" { Some(bad()) } else { state.good };
                match digest {
                    Some(digest) => Answer::json(
                        200,
                        &json!({"registry": "registry.test", "imageName": "orders", "tag": {
                            "name": name, "digest": digest.to_string(), "createdTime": "2024-04-10T00:00:00Z",
                            "lastUpdateTime": "2024-04-10T00:00:00Z",
                        }}),
                    ),
                    None => Answer::json(404, &json!({"errors": [{"code": "TAG_UNKNOWN", "message": "no"}]})),
                }
            }
            _ => Answer::json(404, &json!({"errors": [{"code": "NAME_UNKNOWN", "message": "not here"}]})),
        }
    }
}

fn run_json(run: &WorkflowRun, completed: bool) -> Value {
    json!({
        "id": run.id, "name": run.workflow, "display_title": run.title, "event": "workflow_dispatch",
        "path": format!(".github/workflows/{}", run.workflow), "head_branch": "main", "head_sha": COMMIT,
        "status": if completed { "completed" } else { "in_progress" },
        "conclusion": if completed { Value::from(run.conclusion) } else { Value::Null },
        "run_attempt": 1, "run_number": 1, "created_at": run.created_at, "updated_at": run.created_at,
        "html_url": format!("https://github.test/team/deploy/actions/runs/{}", run.id),
    })
}

/// What a workflow run does when it ends well.
fn complete(state: &mut State, run: &WorkflowRun) {
    match run.workflow.as_str() {
        "deploy.yml" => {
            let digest: Digest = run.inputs["imageDigest"].parse().unwrap();
            let revision = run.inputs.get("databaseRevision").cloned();
            state.images.insert(run.inputs["application"].clone(), (digest, revision));
        }
        "terraform-apply.yml" => state.applied = true,
        _ => {}
    }
}
