//! The statements themselves.

use std::{collections::BTreeSet, fs};

use store::{operations, sql};
use tokio_postgres::types::Type;

use crate::server::Server;

#[tokio::test]
async fn every_statement_can_be_prepared_and_keeps_to_types_that_functions_have() {
    let server = Server::shared();
    let chat = server.database().await.owner().await;
    let office = server.operations_database().await.owner().await;
    let allowed = [Type::BOOL, Type::INT8, Type::TEXT, Type::INT4_ARRAY, Type::INT8_ARRAY, Type::TEXT_ARRAY];
    let statements = sql::ALL.iter().map(|statement| (&chat, statement));
    for (owner, (name, statement)) in statements.chain(operations::sql::ALL.iter().map(|it| (&office, it))) {
        let prepared = owner.prepare(statement).await.unwrap_or_else(|error| panic!("{name}: {error:?}"));
        let columns = prepared.columns().iter().map(|column| column.type_());
        for ty in prepared.params().iter().chain(columns) {
            assert!(allowed.contains(ty), "{name} has {ty}");
        }
    }
    for statement in [sql::LOCK_MIGRATIONS, sql::MIGRATIONS_APPLIED, sql::RECORD_MIGRATION] {
        chat.prepare(statement).await.unwrap();
    }
}

#[tokio::test]
async fn every_statement_of_operations_answers_with_one_row() {
    for (name, statement) in operations::sql::ALL {
        assert!(statement.starts_with(&format!("select operations.{name}(")), "{name} calls the function of its name");
        assert!(!statement.contains("from"), "{name} asks for nothing else");
    }
    let owner = Server::shared().operations_database().await.owner().await;
    let names = operations::sql::ALL.map(|(name, _)| name);
    let sets = "select count(*) from pg_proc
        where pronamespace = 'operations'::regnamespace and proname = any($1) and proretset";
    let sets: i64 = owner.query_one(sets, &[&&names[..]]).await.unwrap().get(0);
    assert_eq!(sets, 0, "none answers with a set, which may be empty");
}

#[test]
fn every_file_is_a_statement_of_the_list() {
    let migrating = ["migration_table", "lock_migrations", "migrations_applied", "record_migration"];
    let named = sql::ALL.map(|(name, _)| name).into_iter().chain(migrating).map(str::to_owned).collect();
    assert_eq!(files("/sql"), named);
    let named = operations::sql::ALL.map(|(name, _)| name.to_owned()).into();
    assert_eq!(files("/sql/operations"), named);
}

fn files(folder: &str) -> BTreeSet<String> {
    fs::read_dir(format!("{}{folder}", env!("CARGO_MANIFEST_DIR")))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn several_databases_of_a_server_are_migrated_at_once() {
    // A server of its own: on the shared one the roles are there already.
    let server = Server::start();
    let databases = futures_util::future::join_all((0..6).map(|_| server.empty_database())).await;
    std::thread::scope(|scope| {
        for database in &databases {
            scope.spawn(|| tokio::runtime::Runtime::new().unwrap().block_on(database.migrate()));
        }
    });
    for database in &databases {
        database.chat().await.batch_execute("select from hubline.message").await.unwrap();
    }
}
