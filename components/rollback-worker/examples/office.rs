//! The worker as a program of its own, with a native way to the outside, and people who command it over lines of JSON: what
//! the tests of the lab drive the steps with. Nothing of this is in the product.
//!
//! Arguments: the address of a database with the schema of operations, and a file with the manifest's variables. A line asks
//! for a rollback, `{"do": "ask", "environment", "alert", "request"}`, or has it approved and executed, `{"do": "execute"}`,
//! or vouches for the state in which it has stopped, `{"do": "attest"}`; each is answered with the run, when it rests.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::expect_used,
    reason = "a program of tests"
)]

use std::{
    io::{BufRead, Read, Write},
    net::TcpStream,
    time::Duration,
};

use chrono::{TimeDelta, Utc};
use clients::{Request, Response, Silence};
use rollback::{Actor, Case, Command, Digest, Environment, NewIncident, RunState, Strategy, Target};
use rollback_worker::{
    ledger,
    memory::Memory,
    settings::Settings,
    work::{Duty, Office, Transport},
};
use serde_json::{Value, json};
use store::{Database, DbValue, ParameterValue, StoreError};
use tokio_postgres::{NoTls, SimpleQueryMessage};
use uuid::Uuid;

struct Client(tokio_postgres::Client);

impl Database for Client {
    async fn one_row(
        &self,
        statement: &str,
        parameters: Vec<ParameterValue>,
    ) -> Result<Option<Vec<DbValue>>, StoreError> {
        let gone = |error: tokio_postgres::Error| StoreError::Unreachable(format!("{error:?}"));
        let spelt: Vec<String> = parameters
            .iter()
            .map(|parameter| match parameter {
                ParameterValue::Str(text) => format!("'{}'", text.replace('\'', "''")),
                ParameterValue::Int64(number) => number.to_string(),
                ParameterValue::DbNull => "null".to_owned(),
                other => panic!("no statement takes {other:?}"),
            })
            .collect();
        let mut text = statement.to_owned();
        for (place, value) in spelt.iter().enumerate().rev() {
            text = text.replace(&format!("${}", place + 1), value);
        }
        let rows = self.0.simple_query(&text).await.map_err(gone)?;
        Ok(rows.iter().find_map(|message| match message {
            SimpleQueryMessage::Row(row) => {
                Some(vec![row.get(0).map_or(DbValue::DbNull, |text| DbValue::Str(text.to_owned()))])
            }
            _ => None,
        }))
    }
}

struct Wire;

impl Transport for Wire {
    fn call(&self, request: &Request) -> Result<Response, Silence> {
        let url = url::Url::parse(&request.url).unwrap();
        let host = format!("{}:{}", url.host_str().unwrap(), url.port_or_known_default().unwrap());
        let mut socket = TcpStream::connect(&host).map_err(|_| Silence::TimedOut)?;
        socket.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let path = url.query().map_or(url.path().to_owned(), |query| format!("{}?{query}", url.path()));
        let mut head = format!(
            "{} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\ncontent-length: {}\r\n",
            request.method.as_str(),
            request.body.len()
        );
        for (name, value) in &request.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        head.push_str("\r\n");
        socket.write_all(head.as_bytes()).unwrap();
        socket.write_all(&request.body).unwrap();
        let mut raw = Vec::new();
        socket.read_to_end(&mut raw).map_err(|_| Silence::TimedOut)?;
        let end = raw.windows(4).position(|four| four == b"\r\n\r\n").ok_or(Silence::TimedOut)?;
        let text = String::from_utf8_lossy(&raw[..end]).into_owned();
        let mut lines = text.lines();
        let status: u16 = lines.next().unwrap().split(' ').nth(1).unwrap().parse().unwrap();
        let headers: Vec<(String, String)> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let mut body = raw[end + 4..].to_vec();
        if headers.iter().any(|(name, value)| name == "transfer-encoding" && value == "chunked") {
            let mut out = Vec::new();
            let mut rest = &body[..];
            while let Some(at) = rest.windows(2).position(|two| two == b"\r\n") {
                let size = usize::from_str_radix(std::str::from_utf8(&rest[..at]).unwrap(), 16).unwrap();
                if size == 0 {
                    break;
                }
                out.extend_from_slice(&rest[at + 2..at + 2 + size]);
                rest = &rest[at + 4 + size..];
            }
            body = out;
        }
        eprintln!("{} {} {status}", request.method.as_str(), url.path());
        request.answer(status, headers, body)
    }
}

async fn commit(db: &Client, case: &Case) {
    let environment = case.incident().target().environment().to_string();
    let row = db
        .one_row(&format!("select version from operations.environment where name = '{environment}'"), vec![])
        .await
        .unwrap();
    let version: i64 = match row.map(|mut row| row.remove(0)) {
        Some(DbValue::Str(text)) => text.parse().unwrap(),
        _ => 0,
    };
    let mut change = json!({
        "versions": {environment: version},
        "incidents": [{"document": case.incident(), "open": true}],
    });
    if let Some(run) = case.run() {
        let standing = match (run.state(), run.executed_at()) {
            (RunState::Attested, _) => Value::Null,
            (_, Some(_)) => "executing".into(),
            (_, None) => "preparing".into(),
        };
        change["runs"] = json!([{"document": run, "kind": run.kind(), "standing": standing}]);
        change["jobs"] = json!([{"kind": "step", "incident": case.incident().id(), "run": run.id(),
            "key": format!("step:{}", run.id()), "seconds": 0, "payload": {}, "wake": true}]);
    }
    let answer =
        db.one_row("select operations.commit($1)", vec![ParameterValue::Str(change.to_string())]).await.unwrap();
    let DbValue::Str(text) = answer.unwrap().remove(0) else { panic!("no text") };
    assert!(text.contains("committed"), "{text}");
}

async fn works(office: &Office<'_, Client, Wire>, case: &Case) -> Case {
    for _ in 0..2_000 {
        if !office.turn(Duty::All).await.unwrap() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        let now = ledger::snapshot(office.db, case).await.unwrap().case.unwrap();
        let run = now.run().unwrap();
        if !matches!(run.state(), RunState::Draft | RunState::Executing | RunState::Verifying) {
            return now;
        }
    }
    panic!("it never ends")
}

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let [url, variables] = <[String; 2]>::try_from(std::env::args().skip(1).collect::<Vec<_>>()).unwrap();
    let variables: Value = serde_json::from_str(&std::fs::read_to_string(variables).unwrap()).unwrap();
    let settings =
        Settings::read(|name| variables.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()).unwrap();
    let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
    tokio::spawn(connection);
    let db = Client(client);
    let memory = Memory::default();
    let office = Office { db: &db, wire: &Wire, settings: &settings, memory: &memory };
    let mut case: Option<Case> = None;
    for line in std::io::stdin().lock().lines() {
        let line: Value = serde_json::from_str(&line.unwrap()).unwrap();
        let person = |name: &str| Actor {
            person: name.parse().unwrap(),
            claimed: rollback::Role::ALL.iter().copied().collect(),
        };
        match line["do"].as_str().unwrap() {
            "ask" => {
                let environment: Environment = line["environment"].as_str().unwrap().parse().unwrap();
                let now = Utc::now();
                let opened = Case::open(
                    NewIncident {
                        id: Uuid::now_v7().to_string().parse().unwrap(),
                        target: Target::live(environment),
                        fingerprint: format!("{:016x}", Utc::now().timestamp_millis()).parse().unwrap(),
                        name: line["alert"].as_str().unwrap().parse().unwrap(),
                        alerted_at: now - TimeDelta::seconds(20),
                        firing: true,
                        previous: None,
                        drill: None,
                    },
                    None,
                    now,
                );
                commit(&db, &opened.case).await;
                let request: rollback::Request = serde_json::from_value(line["request"].clone()).unwrap();
                let mut made = opened.case;
                let strategy = Strategy::from(request.kind());
                for command in [
                    Command::Acknowledge,
                    Command::Decide { strategy, reason: "lab".parse().unwrap() },
                    Command::OpenRun {
                        id: Uuid::now_v7().to_string().parse().unwrap(),
                        request,
                        runbook: "1".parse().unwrap(),
                    },
                ] {
                    let snapshot = ledger::snapshot(&db, &made).await.unwrap();
                    made = made.command(command, &person("olga"), None, &snapshot.context()).unwrap().case;
                }
                commit(&db, &made).await;
                case = Some(works(&office, &made).await);
            }
            "execute" => {
                let mut made = case.take().unwrap();
                let preview = made.run().unwrap().preview().unwrap().clone();
                let (digest, acknowledged) = (preview.digest(), preview.hazards());
                let approve = || Command::Approve { digest, acknowledged: acknowledged.clone(), break_glass: None };
                let snapshot = ledger::snapshot(&db, &made).await.unwrap();
                for (name, command) in [
                    ("olga", Command::Submit { digest, acknowledged: acknowledged.clone() }),
                    ("anton", Command::OpenPreview),
                    ("anton", approve()),
                    ("berta", Command::OpenPreview),
                    ("berta", approve()),
                    ("olga", Command::Execute { observed: digest }),
                ] {
                    made = made.command(command, &person(name), None, &snapshot.context()).unwrap().case;
                }
                commit(&db, &made).await;
                case = Some(works(&office, &made).await);
            }
            "attest" => {
                let made = case.take().unwrap();
                let snapshot = ledger::snapshot(&db, &made).await.unwrap();
                let attest = Command::Attest {
                    statement: "by the runbook".parse().unwrap(),
                    evidence: vec![Digest::of(b"what was seen")],
                };
                let made = made.command(attest, &person("anton"), None, &snapshot.context()).unwrap().case;
                commit(&db, &made).await;
                case = Some(made);
            }
            other => panic!("{other}"),
        }
        let run = case.as_ref().unwrap().run().unwrap();
        println!("{}", serde_json::to_string(run).unwrap());
    }
}
