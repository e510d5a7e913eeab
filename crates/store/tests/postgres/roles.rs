//! What the roles must not do.

use store::{Role, StoreError, demand_role};

use crate::{client::Client, server::Server};

/// The SQLSTATE of insufficient privilege.
const DENIED: &str = "42501";

async fn is_denied(client: &Client, statement: &str) {
    let error = client.batch_execute(statement).await.expect_err(statement);
    assert_eq!(error.code().map(|state| state.code()), Some(DENIED), "{statement}: {error:?}");
}

#[tokio::test]
async fn the_chat_writes_through_its_functions_only() {
    let database = Server::shared().database().await;
    let chat = database.chat().await;
    chat.open("sr-1").await;
    chat.chatter("sr-1", 1).await;
    for statement in [
        "delete from hubline.message",
        "truncate hubline.message",
        "update hubline.message set body = 'x'",
        "insert into hubline.message select * from hubline.message",
        "delete from hubline.service_request",
        "update hubline.service_request set last_seq = 0",
        "update hubline.service_request set closing_recorded_at = now() - interval '2 years'",
        "insert into hubline.service_request (id, customer_id, service_center_id) values ('x', 'x', 'x')",
        "update hubline.epoch set name = gen_random_uuid()",
        "select hubline.renew_epoch()",
        "insert into hubline.node values ('x', gen_random_uuid(), now())",
        "update hubline.node set seen_at = now()",
        "insert into hubline.conversation_node values (1, 'x', 'x', 'x')",
        "select hubline.enlist('x', gen_random_uuid())",
        "select * from hubline.purge(1, 1)",
        "select * from hubline.purge_due(now(), 1, 1)",
        "select * from hubline.purge_total",
        "select * from hubline.purge_record",
        "select * from hubline.migration",
        "select * from hubline.issuer_keys",
        "insert into hubline.issuer_keys values ('x', 1, now(), true, '{}', now())",
        "update hubline.issuer_keys set keys = '{}'",
        "create table hubline.x ()",
        "alter table hubline.message disable trigger all",
        "drop function hubline.renew_epoch()",
        "set role hubline_owner; reset role; create role x superuser",
    ] {
        is_denied(&chat, statement).await;
    }
}

#[tokio::test]
async fn the_purge_calls_its_two_functions_only() {
    let database = Server::shared().database().await;
    let chat = database.chat().await;
    chat.put("sr-1", serde_json::json!({"status": "closed"})).await;
    let purge = database.purge().await;
    for statement in [
        "select * from hubline.message",
        "delete from hubline.message",
        "select * from hubline.service_request",
        "update hubline.service_request set closed_at = now() - interval '2 years'",
        "select * from hubline.purge_due(now() + interval '2 years', 1, 1)",
        "select * from hubline.send('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
        "select * from hubline.report('sr-1', 'a', null, 'b', 'closed', 1, null, null, false)",
        "delete from hubline.purge_record",
        "select hubline.issuer_keys('x', 0, false, null)",
        "create table hubline.x ()",
    ] {
        is_denied(&purge, statement).await;
    }
    let most = store::Batch { messages: i64::MAX, service_requests: i64::MAX };
    assert_eq!(store::purge(&purge, most).await.unwrap(), store::Purged::default());
}

#[tokio::test]
async fn a_schema_of_the_callers_own_does_not_get_in_between() {
    let database = Server::shared().database().await;
    let (owner, chat) = (database.owner().await, database.chat().await);
    owner.batch_execute("create schema trap; grant usage, create on schema trap to hubline_chat").await.unwrap();
    chat.batch_execute(
        "create function trap.sha256(bytea) returns bytea language sql as 'select null::bytea';
        create function trap.clock_timestamp() returns timestamptz language sql as $$select timestamptz '1999-01-01'$$;
        set search_path = trap, pg_catalog",
    )
    .await
    .unwrap();
    chat.open("sr-1").await;
    let message = chat.chatter("sr-1", 1).await;
    assert!(message.sent_at.timestamp() > 1_600_000_000);
    assert!(owner.value::<bool>("select digest is not null from hubline.message").await);
}

#[tokio::test]
async fn every_role_has_limits() {
    let owner = Server::shared().database().await.owner().await;
    let limits: i64 = owner
        .value(
            "select count(*) from pg_db_role_setting, unnest(setconfig) setting
            where setrole::regrole::text like 'hubline\\_%'
                and setting ~ '^(lock_timeout|statement_timeout)=[0-9]+(ms|s|min)$'",
        )
        .await;
    assert_eq!(limits, 8);
    // What the page about limits and its test say of the migration is what a migrated database has.
    for setting in ["lock_timeout=1000ms", "statement_timeout=2500ms"] {
        let set: bool = owner
            .value(&format!(
                "select '{setting}' = any (setconfig) from pg_db_role_setting where setrole = 'hubline_chat'::regrole"
            ))
            .await;
        assert!(set, "{setting}");
    }
}

#[tokio::test]
async fn nobody_but_the_owner_may_call_a_function_that_was_not_granted() {
    let owner = Server::shared().database().await.owner().await;
    let open: i64 = owner
        .value(
            "select count(*) from pg_proc p, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
            where p.pronamespace = 'hubline'::regnamespace and a.grantee = 0",
        )
        .await;
    assert_eq!(open, 0, "public may call nothing");
    let unsafe_definers: i64 = owner
        .value(
            "select count(*) from pg_proc
            where pronamespace = 'hubline'::regnamespace and prosecdef
                and not coalesce('search_path=hubline, pg_temp' = any (proconfig), false)",
        )
        .await;
    assert_eq!(unsafe_definers, 0);
}

/// Whether this client works as a role that is meant, and nothing else is wrong.
async fn works_as(client: &Client, role: Role) -> bool {
    match demand_role(client, role).await {
        Ok(()) => true,
        Err(StoreError::Role { meant, .. }) => {
            assert_eq!(meant, role.name());
            false
        }
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn who_works_as_somebody_else_is_known() {
    const ROLES: [Role; 3] = [Role::Chat, Role::Purge, Role::Operations];
    let database = Server::shared().database().await;
    let owner = database.owner().await;
    // Logins of the roles, as an installation has them, of two parts, of none, and of one that is no part's.
    let logins = [
        ("chat", "hubline_chat"),
        ("purge", "hubline_purge"),
        ("both", "hubline_chat, hubline_purge"),
        ("migrates", "hubline_chat, hubline_owner"),
    ];
    for (name, roles) in logins {
        let make = format!("create role test_{name}; grant {roles} to test_{name}; grant test_{name} to current_user");
        owner.batch_execute(&make).await.unwrap();
    }
    owner.batch_execute("create role test_none; create role test_other; grant test_other to test_chat; grant test_none to current_user").await.unwrap();
    for (who, good) in [
        ("hubline_chat", Some(Role::Chat)),
        ("hubline_purge", Some(Role::Purge)),
        ("hubline_operations", Some(Role::Operations)),
        ("test_chat", Some(Role::Chat)),
        ("test_purge", Some(Role::Purge)),
        ("test_both", None),
        ("test_migrates", None),
        ("test_none", None),
        ("hubline_owner", None),
        ("none", None),
    ] {
        owner.batch_execute(&format!("set role {who}")).await.unwrap();
        for role in ROLES {
            assert_eq!(works_as(&owner, role).await, good == Some(role), "{who} as {role:?}");
        }
    }
    owner
        .batch_execute("reset role; drop role test_chat, test_purge, test_both, test_migrates, test_none, test_other")
        .await
        .unwrap();
    assert!(works_as(&database.chat().await, Role::Chat).await);
    assert!(works_as(&database.purge().await, Role::Purge).await);
}

#[tokio::test]
async fn a_database_is_ready_when_somebody_could_join() {
    let database = Server::shared().database().await;
    let (owner, chat) = (database.owner().await, database.chat().await);
    store::ready(&chat).await.unwrap();
    let nobody: i64 = owner
        .value("select (select count(*) from hubline.node) + (select count(*) from hubline.conversation_node)")
        .await;
    assert_eq!(nobody, 0, "nothing is registered");
    owner.batch_execute("revoke execute on function hubline.join from hubline_chat").await.unwrap();
    assert!(matches!(store::ready(&chat).await, Err(StoreError::Unexpected(_))));
    owner.batch_execute("grant execute on function hubline.join to hubline_chat").await.unwrap();
    chat.batch_execute("set default_transaction_read_only = on").await.unwrap();
    assert!(matches!(store::ready(&chat).await, Err(StoreError::Unreachable(_))), "a standby is not ready");
}
