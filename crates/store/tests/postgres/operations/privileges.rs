//! What the functions of operations must not do.

use rollback::Environment;

use super::office::Office;
use crate::client::Client;

/// The SQLSTATE of insufficient privilege.
const DENIED: &str = "42501";

async fn is_denied(client: &Client, statement: &str) {
    let error = client.batch_execute(statement).await.expect_err(statement);
    assert_eq!(error.code().map(|state| state.code()), Some(DENIED), "{statement}: {error:?}");
}

#[tokio::test]
async fn they_write_through_their_functions_only() {
    let office = Office::open().await;
    office.incident("abc", Environment::Production).await;
    for statement in [
        "update operations.audit set actor = 'x'",
        "delete from operations.audit",
        "truncate operations.audit",
        "insert into operations.audit select * from operations.audit",
        "update operations.evidence set source = 'x'",
        "delete from operations.evidence",
        "select operations.append('[]')",
        "select operations.put_principal('olaf', '{approver}', '{}', false, '{}')",
        "insert into operations.principal values ('x', '{approver}', '{}', false)",
        "update operations.principal set roles = '{approver}'",
        "select * from operations.incident",
        "update operations.incident set state = 'resolved'",
        "update operations.run set state = 'approved'",
        "delete from operations.spent_plan",
        "update operations.job set fence = 0",
        "update operations.environment set version = 0",
        "create table operations.x ()",
        "alter table operations.audit disable trigger all",
        "select * from hubline.migration",
    ] {
        is_denied(&office.db, statement).await;
    }
}

#[tokio::test]
async fn not_even_the_owner_rewrites_the_audit_log_by_mistake() {
    let office = Office::open().await;
    office.incident("abc", Environment::Production).await;
    for statement in [
        "update operations.audit set actor = 'x'",
        "delete from operations.audit",
        "truncate operations.audit cascade",
        "truncate operations.evidence",
    ] {
        is_denied(&office.owner, statement).await;
    }
}

#[tokio::test]
async fn nobody_but_the_owner_may_call_a_function_that_was_not_granted() {
    let office = Office::open().await;
    let open: i64 = office
        .owner
        .value(
            "select count(*) from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
            where p.pronamespace = 'operations'::regnamespace and a.grantee = 0",
        )
        .await;
    assert_eq!(open, 0, "public may call nothing");
    let unsafe_definers: i64 = office
        .owner
        .value(
            "select count(*) from pg_proc
            where pronamespace = 'operations'::regnamespace and prosecdef
                and not coalesce('search_path=operations, pg_temp' = any (proconfig), false)",
        )
        .await;
    assert_eq!(unsafe_definers, 0);
}
