//! The same against the real functions of the database: what they are given and answer is what the worker thinks it is.

use std::{fs, path::Path};

use chrono::Utc;
use embedded::{Account, Postgres};
use rollback::{Actor, Case, Command, Kind, RunState};
use rollback_worker::{
    ledger,
    memory::Memory,
    work::{Duty, Office},
};
use serde_json::{Value, json};
use store::{Database, DbValue, ParameterValue, StoreError};
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::{
    books::Fuse,
    stage::{INCIDENT, RUN, Stage, Wire},
};

/// A connection as the functions of operations have it. Its statements take texts and whole numbers.
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
        // In the place of the parameters, from the last to the first: $1 is also in $10.
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

async fn connect(url: &str) -> tokio_postgres::Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

/// A server with the schema of operations, and connections as owner and as function.
async fn server(folder: &Path) -> (Postgres, tokio_postgres::Client, Client) {
    let folder = folder.join("postgres");
    let postgres = Postgres::open(&folder, &Account::choose().unwrap()).unwrap();
    let owner = connect(postgres.url()).await;
    let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../migrations/operations");
    let mut files: Vec<_> = fs::read_dir(migrations).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    for file in files {
        let text = format!("begin; {} ; commit;", fs::read_to_string(&file).unwrap());
        owner.batch_execute(&text).await.unwrap_or_else(|error| panic!("{}: {error:?}", file.display()));
    }
    let function = connect(postgres.url()).await;
    function.batch_execute("set role hubline_operations").await.unwrap();
    (postgres, owner, Client(function))
}

async fn text(db: &Client, statement: &str, change: &Value) -> Value {
    let parameters = vec![ParameterValue::Str(change.to_string())];
    match db.one_row(statement, parameters).await.unwrap().unwrap().remove(0) {
        DbValue::Str(text) => serde_json::from_str(&text).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// Puts a case there, and makes its job due.
async fn put(db: &Client, case: &Case, version: i64) {
    let run = case.run().unwrap();
    let standing = if run.executed_at().is_some() { "executing" } else { "preparing" };
    let outcome = text(
        db,
        "select operations.commit($1)",
        &json!({
            "versions": {"production": version},
            "incidents": [{"document": case.incident(), "open": true}],
            "runs": [{"document": run, "kind": run.kind(), "standing": standing}],
            "jobs": [{
                "kind": "step", "incident": INCIDENT, "run": RUN, "key": format!("step:{RUN}"), "seconds": 0,
                "payload": {}, "wake": true,
            }],
        }),
    )
    .await;
    assert_eq!(outcome["outcome"], "committed", "{outcome}");
}

/// Takes turns until the run waits for people or is over.
async fn works(stage: &Stage, owner: &tokio_postgres::Client, db: &Client) -> Case {
    let (memory, fuse) = (Memory::default(), Fuse::none());
    let wire = Wire { world: &stage.world, fuse: &fuse, meddler: None };
    let office = Office { db, wire: &wire, settings: &stage.settings, memory: &memory };
    let mut snapshot = ledger::snapshot(db, &stage.case()).await.unwrap();
    for _ in 0..500 {
        owner.batch_execute("update operations.job set due_at = clock_timestamp() where kind = 'step'").await.unwrap();
        stage.world.now.replace(Utc::now());
        office.turn(Duty::All).await.unwrap();
        snapshot = ledger::snapshot(db, &stage.case()).await.unwrap();
        let state = snapshot.case.as_ref().unwrap().run().unwrap().state();
        if !matches!(state, RunState::Draft | RunState::Executing | RunState::Verifying) {
            break;
        }
    }
    snapshot.case.unwrap()
}

/// A run of this kind from its request to its end.
async fn story(kind: Kind) {
    let folder = tempfile::Builder::new().permissions(std::os::unix::fs::PermissionsExt::from_mode(0o711)).tempdir();
    let folder = folder.unwrap();
    let (_postgres, owner, db) = server(folder.path()).await;
    owner
        .batch_execute(
            "insert into operations.principal (person, roles, scopes, revoked) values
                ('olaf', '{operator}', '{}', false), ('ada', '{approver}', '{infrastructure}', false),
                ('bob', '{approver}', '{}', false)",
        )
        .await
        .unwrap();
    let stage = Stage::drafted_now(kind, &["orders"]);
    put(&db, &stage.case(), 0).await;
    let mut case = works(&stage, &owner, &db).await;
    assert_eq!(case.run().unwrap().state(), RunState::Previewed, "{:?}", case.run().unwrap().steps());

    let snapshot = ledger::snapshot(&db, &case).await.unwrap();
    let preview = case.run().unwrap().preview().unwrap().clone();
    let (digest, acknowledged) = (preview.digest(), preview.hazards());
    let approve = || Command::Approve { digest, acknowledged: acknowledged.clone(), break_glass: None };
    for (person, command) in [
        ("olaf", Command::Submit { digest, acknowledged: acknowledged.clone() }),
        ("ada", Command::OpenPreview),
        ("ada", approve()),
        ("bob", Command::OpenPreview),
        ("bob", approve()),
        ("olaf", Command::Execute { digest }),
    ] {
        let claimed = rollback::Role::ALL.iter().copied().collect();
        let actor = Actor { person: person.parse().unwrap(), claimed };
        case = case.command(command, &actor, None, &snapshot.context()).unwrap().case;
    }
    let version: i64 = owner
        .query_one("select version from operations.environment where name = 'production'", &[])
        .await
        .unwrap()
        .get(0);
    put(&db, &case, version).await;
    let case = works(&stage, &owner, &db).await;
    assert_eq!(case.run().unwrap().state(), RunState::Succeeded, "{:?}", case.run().unwrap().steps());

    // Everything that happened is on record, with what proves it.
    let count = async |statement: &str| -> i64 { owner.query_one(statement, &[]).await.unwrap().get(0) };
    let digests: Vec<String> =
        case.run().unwrap().steps().iter().flat_map(|step| step.evidence()).map(ToString::to_string).collect();
    for digest in &digests {
        let kept = count(&format!("select count(*) from operations.evidence where digest = '{digest}'")).await;
        // What a person approved is proven by the preview, which is in the run.
        assert!(kept == 1 || *digest == preview.digest().to_string(), "{digest}");
    }
    assert!(count("select count(*) from operations.audit where text like '%step_moved%'").await > 10);
    assert_eq!(count("select count(*) from operations.job where kind = 'notify'").await, 1, "the run's success");
    let secrets = "select count(*) from operations.job where notes::text like '%canary%'";
    assert_eq!(count(secrets).await, 0);
    let evidence = "select count(*) from operations.evidence where convert_from(bytes, 'UTF8') like '%canary%'";
    assert_eq!(count(evidence).await, 0);
}

#[tokio::test]
async fn an_application_is_rolled_back() {
    story(Kind::Application).await;
}

#[tokio::test]
async fn a_database_is_rolled_back() {
    story(Kind::Database).await;
}

#[tokio::test]
async fn infrastructure_is_rolled_back() {
    story(Kind::Infrastructure).await;
}
