//! What is kept of an issuer's keys, by the database of the chat and by that of operations.

use std::time::Duration;

use futures_util::future::join_all;
use store::{Keeper, KeptKeys, KeysAct, issuer_keys};

use crate::{client::Client, server::Server};

const URL: &str = "https://issuer.example/keys";

async fn both() -> [(Keeper, Client); 2] {
    let server = Server::shared();
    let (chat, office) = (server.database().await, server.operations_database().await);
    [(Keeper::Chat, chat.chat().await), (Keeper::Operations, office.operations().await)]
}

#[tokio::test]
async fn an_issuer_is_asked_by_one_and_its_answer_is_everybodys() {
    for (keeper, db) in both().await {
        let act = async |act| issuer_keys(&db, keeper, URL, act).await.unwrap().published;
        let nothing = act(KeysAct::Read).await;
        assert_eq!((nothing.ask, nothing.asked, nothing.keys.as_deref(), nothing.done), (0, None, None, false));
        let begun = act(KeysAct::Ask(0)).await;
        assert_eq!((begun.ask, begun.answered, begun.done), (1, None, true));
        assert!(!act(KeysAct::Ask(0)).await.done, "somebody was first");
        let told = act(KeysAct::Tell(1, Some("{\"keys\":[1]}"))).await;
        assert_eq!(
            (told.ask, told.answered, told.keys.as_deref(), told.done),
            (1, Some(true), Some("{\"keys\":[1]}"), true)
        );
        assert!(!act(KeysAct::Tell(1, None)).await.done, "it is said once");
        tokio::time::sleep(Duration::from_millis(30)).await;
        let read = act(KeysAct::Read).await;
        assert!(read.asked.unwrap() >= 30 && read.fetched.unwrap() >= 30 && !read.done, "{read:?}");

        // An issuer that does not answer takes nothing away.
        assert!(act(KeysAct::Ask(1)).await.done);
        let failed = act(KeysAct::Tell(2, None)).await;
        assert_eq!((failed.ask, failed.answered, failed.keys.as_deref()), (2, Some(false), Some("{\"keys\":[1]}")));
        assert!(failed.fetched.unwrap() >= 30 && failed.asked.unwrap() < failed.fetched.unwrap());

        // Whoever was overtaken has nothing to tell.
        assert!(act(KeysAct::Ask(2)).await.done && act(KeysAct::Ask(3)).await.done);
        let late = act(KeysAct::Tell(3, Some("{\"keys\":[2]}"))).await;
        assert_eq!((late.done, late.answered, late.keys.as_deref()), (false, None, Some("{\"keys\":[1]}")));

        let other = issuer_keys(&db, keeper, "https://another.example/keys", KeysAct::Read).await.unwrap().published;
        assert_eq!((other.ask, other.keys), (0, None), "another issuer's are its own");
    }
}

#[tokio::test]
async fn of_many_who_come_at_once_one_asks() {
    let database = Server::shared().database().await;
    let clients = join_all((0..12).map(|_| database.chat())).await;
    for ask in 0..5 {
        let acts = clients.iter().map(|db| issuer_keys(db, Keeper::Chat, URL, KeysAct::Ask(ask)));
        let done =
            join_all(acts).await.into_iter().filter(|kept| kept.as_ref().is_ok_and(|kept| kept.published.done)).count();
        assert_eq!(done, 1, "ask {ask}");
    }
}

#[tokio::test]
async fn each_key_set_is_vouched_for_with_a_key_of_its_own() {
    let database = Server::shared().database().await;
    let db = database.chat().await;
    let mut ask = 0;
    let mut told = async |keys: Option<&str>| {
        let act = async |act| issuer_keys(&db, Keeper::Chat, URL, act).await.unwrap();
        assert!(act(KeysAct::Ask(ask)).await.published.done);
        ask += 1;
        let KeptKeys { published, vouching_key } = act(KeysAct::Tell(ask, keys)).await;
        assert!(published.done);
        vouching_key.unwrap()
    };
    let nothing = told(None).await;
    let (first, same, away) = (told(Some("{1}")).await, told(Some("{1}")).await, told(None).await);
    let (other, again) = (told(Some("{2}")).await, told(Some("{1}")).await);
    assert_eq!((&first, &first), (&same, &away), "as long as the issuer publishes the same, or nothing");
    let distinct: std::collections::BTreeSet<_> = [&nothing, &first, &other, &again].into_iter().collect();
    assert_eq!(distinct.len(), 4);
    assert!(distinct.iter().all(|key| key.len() == 64));
    database
        .owner()
        .await
        .batch_execute("update hubline.issuer_keys set vouching_since = vouching_since - interval '1 day'")
        .await
        .unwrap();
    let (aged, fresh) = (told(Some("{1}")).await, told(Some("{1}")).await);
    assert!(aged != again && aged == fresh, "a day is enough");
    let stranger = issuer_keys(&db, Keeper::Chat, "https://another.example/keys", KeysAct::Read).await.unwrap();
    assert_eq!(stranger.vouching_key, None);
}
