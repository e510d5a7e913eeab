//! What the roles must not do.

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
        "select * from hubline.purge(1)",
        "select * from hubline.purge_due(now(), 1)",
        "select * from hubline.purge_record",
        "select * from hubline.migration",
        "create table hubline.x ()",
        "alter table hubline.message disable trigger all",
        "drop function hubline.renew_epoch()",
        "set role hubline_owner; reset role; create role x superuser",
    ] {
        is_denied(&chat, statement).await;
    }
}

#[tokio::test]
async fn the_purge_calls_its_one_function_only() {
    let database = Server::shared().database().await;
    let chat = database.chat().await;
    chat.put("sr-1", serde_json::json!({"status": "closed"})).await;
    let purge = database.purge().await;
    for statement in [
        "select * from hubline.message",
        "delete from hubline.message",
        "select * from hubline.service_request",
        "update hubline.service_request set closed_at = now() - interval '2 years'",
        "select * from hubline.purge_due(now() + interval '2 years', 1)",
        "select * from hubline.send('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}')",
        "select * from hubline.put_service_request('sr-1', 'a', null, 'b', 'closed', 1)",
        "delete from hubline.purge_record",
        "create table hubline.x ()",
    ] {
        is_denied(&purge, statement).await;
    }
    assert_eq!(store::purge(&purge).await.unwrap(), None);
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
                and setting ~ '^(lock_timeout|statement_timeout)=[0-9]+(s|min)$'",
        )
        .await;
    assert_eq!(limits, 8);
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
