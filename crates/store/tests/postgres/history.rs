//! Pages.

use chat::Page;
use serde_json::Value;
use store::sql;

use crate::{
    people::{carla, id, nora, platform, seqs, theo, tina},
    server::Server,
};

#[tokio::test]
async fn pages_go_both_ways() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    chat.chatter("sr-1", 10).await;
    let table = [
        (None, None, 4, vec![7, 8, 9, 10], true),
        (None, None, 10, (1..=10).collect(), false),
        (None, None, 200, (1..=10).collect(), false),
        (Some(0), None, 3, vec![1, 2, 3], true),
        (Some(7), None, 3, vec![8, 9, 10], false),
        (Some(7), None, 2, vec![8, 9], true),
        (Some(10), None, 3, vec![], false),
        (Some(99), None, 3, vec![], false),
        (None, Some(4), 3, vec![1, 2, 3], false),
        (None, Some(5), 3, vec![2, 3, 4], true),
        (None, Some(1), 3, vec![], false),
        (None, Some(0), 3, vec![], false),
        (None, Some(99), 2, vec![9, 10], true),
        (Some(3), Some(6), 200, vec![4, 5], false),
        (Some(3), Some(9), 2, vec![4, 5], true),
        (Some(i64::MAX), None, 1, vec![], false),
    ];
    for (after, before, limit, expected, more) in table {
        let page = chat.page("sr-1", Page { after, before, limit }).await;
        assert_eq!((seqs(&page.messages), page.has_more), (expected, more), "{after:?} {before:?} {limit}");
        assert_eq!((page.last_seq, page.first_seq), (10, 1));
    }
}

#[tokio::test]
async fn parties_and_the_platform_read_and_strangers_find_nothing() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    chat.chatter("sr-1", 2).await;
    for reader in [carla(), theo(), nora(), platform()] {
        let page = store::history(&chat, &id("sr-1"), &reader, Page::default()).await.unwrap().unwrap();
        assert_eq!(seqs(&page.messages), [1, 2]);
        let read = store::service_request(&chat, &id("sr-1"), &reader).await.unwrap().unwrap();
        let report = crate::people::report(serde_json::json!({}));
        assert_eq!((read.parties(), read.status, read.closed_at), (Some(report.parties), report.status, None));
        assert_eq!(read.last_seq, 2);
    }
    for (service_request, reader) in [("sr-1", tina()), ("sr-2", carla()), ("sr-2", platform())] {
        for page in [Page::default(), Page::after(0)] {
            assert!(store::history(&chat, &id(service_request), &reader, page).await.unwrap().is_none());
        }
        assert!(store::service_request(&chat, &id(service_request), &reader).await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_conversation_without_messages_has_an_empty_page() {
    let chat = Server::shared().database().await.chat().await;
    chat.open("sr-1").await;
    for page in [Page::default(), Page::after(0)] {
        let page = chat.page("sr-1", page).await;
        assert!(page.messages.is_empty() && !page.has_more);
    }
}

#[tokio::test]
async fn a_page_of_100_000_messages_is_one_index_range_scan() {
    let database = Server::shared().database().await;
    let owner = database.owner().await;
    let chat = database.chat().await;
    for n in 0..10 {
        chat.open(&format!("sr-{n}")).await;
    }
    owner
        .batch_execute(
            "set role hubline_owner;
            insert into hubline.message
            select r.key, seq, gen_random_uuid(), gen_random_uuid(), now(), 'carla', 'customer', 'x', '', ''
            from hubline.service_request r, generate_series(1, 10000) seq;
            update hubline.service_request set last_seq = 10000;
            analyze",
        )
        .await
        .unwrap();
    let reader = "'sr-5', false, 'carla', null, null";
    for (statement, parameters) in [
        (sql::HISTORY_AFTER, format!("{reader}, 4000, {}, 200", i64::MAX)),
        (sql::HISTORY_BEFORE, format!("{reader}, 6000, 200")),
    ] {
        // Planned once for all parameters, and for these: hosts do either.
        for mode in ["force_generic_plan", "force_custom_plan"] {
            chat.batch_execute(&format!("deallocate all; set plan_cache_mode = {mode}; prepare page as {statement}"))
                .await
                .unwrap();
            let plan: Value = chat.value(&format!("explain (analyze, format json) execute page ({parameters})")).await;
            let mut scans = Vec::new();
            collect_scans(&plan[0]["Plan"], &mut scans);
            let scan = match scans.as_slice() {
                [scan] => scan,
                several => panic!("{several:#?}"),
            };
            assert_eq!(scan["Node Type"], "Index Scan");
            assert_eq!(scan["Index Name"], "message_key");
            assert!(scan["Index Cond"].as_str().unwrap().contains("seq"), "{scan:#}");
            assert!(scan["Filter"].is_null());
            assert_eq!(scan["Actual Rows"].as_f64(), Some(201.0), "no more is read than the page and one");
        }
    }
}

/// The nodes of a plan that read messages.
fn collect_scans(node: &Value, scans: &mut Vec<Value>) {
    if node["Relation Name"] == "message" {
        scans.push(node.clone());
    }
    for child in node["Plans"].as_array().into_iter().flatten() {
        collect_scans(child, scans);
    }
}
