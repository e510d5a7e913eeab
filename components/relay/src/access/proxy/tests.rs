use super::*;

const CLIENT: &str = "203.0.113.9";

fn proxies(list: &[&str]) -> Proxies {
    Proxies::new(&list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>()).unwrap()
}

/// Who sent a request that came from this address with these headers.
fn sender(trusted: &[&str], peer: &str, headers: &[(&'static str, &str)]) -> Sender {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    proxies(trusted).sender(Some(Peer(peer.parse().unwrap())), &map)
}

fn is(address: &str, scheme: &str, host: &str) -> Sender {
    let some = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    Sender { address: Some(address.parse().unwrap()), scheme: some(scheme), host: some(host) }
}

#[test]
fn nobody_is_believed_who_is_not_named() {
    let forged = [
        ("host", "inside"),
        ("forwarded", "for=203.0.113.9;host=chat.example;proto=https"),
        ("x-forwarded-for", CLIENT),
        ("x-forwarded-host", "chat.example"),
        ("x-forwarded-proto", "https"),
    ];
    assert_eq!(sender(&[], "10.0.0.1", &forged), is("10.0.0.1", "", "inside"));
    assert_eq!(sender(&["10.0.0.2"], "10.0.0.1", &forged), is("10.0.0.1", "", "inside"));
    assert_eq!(proxies(&["0.0.0.0/0"]).sender(None, &HeaderMap::new()), Sender::default(), "unknown peer");
}

#[test]
fn a_named_proxy_says_who_asks_for_what() {
    let standard = [("host", "inside"), ("forwarded", "for=203.0.113.9;host=chat.example;proto=https")];
    assert_eq!(sender(&["10.0.0.0/8"], "10.0.0.1", &standard), is(CLIENT, "https", "chat.example"));
    assert_eq!(sender(&["10.0.0.0/8"], "::ffff:10.0.0.1", &standard), is(CLIENT, "https", "chat.example"));
    let usual = [
        ("host", "inside"),
        ("x-forwarded-for", CLIENT),
        ("x-forwarded-host", "chat.example"),
        ("x-forwarded-proto", "HTTPS"),
        ("x-forwarded-port", "8443"),
    ];
    assert_eq!(sender(&["10.0.0.1"], "10.0.0.1", &usual), is(CLIENT, "https", "chat.example:8443"));
    let host_alone = [("host", "inside"), ("x-forwarded-host", "chat.example:1")];
    assert_eq!(sender(&["10.0.0.1"], "10.0.0.1", &host_alone), is("10.0.0.1", "", "chat.example:1"));
    assert_eq!(sender(&["10.0.0.1"], "10.0.0.1", &[("host", "chat.example")]), is("10.0.0.1", "", "chat.example"));
}

#[test]
fn of_a_chain_the_outermost_that_is_named_is_believed_and_nobody_beyond() {
    let forged = "6.6.6.6, 203.0.113.9, 10.0.0.2";
    let chain = [("host", "inside"), ("x-forwarded-for", forged), ("x-forwarded-host", "evil, chat.example, inner")];
    assert_eq!(sender(&["10.0.0.0/8"], "10.0.0.1", &chain), is(CLIENT, "", "chat.example"));
    let one_host = [("host", "inside"), ("x-forwarded-for", forged), ("x-forwarded-host", "chat.example")];
    assert_eq!(sender(&["10.0.0.0/8"], "10.0.0.1", &one_host), is(CLIENT, "", "chat.example"));
    let standard = "for=6.6.6.6;host=evil, for=203.0.113.9;host=chat.example, for=10.0.0.2;host=inner";
    assert_eq!(sender(&["10.0.0.0/8"], "10.0.0.1", &[("forwarded", standard)]), is(CLIENT, "", "chat.example"));
    let all_named = [("x-forwarded-for", "10.0.0.3, 10.0.0.2")];
    assert_eq!(sender(&["10.0.0.0/8"], "10.0.0.1", &all_named), is("10.0.0.3", "", ""));
}

#[test]
fn what_can_not_be_read_is_the_proxys_own() {
    for hidden in ["unknown", "_secret", "", "203.0.113.9, ", "203.0.113.9, x"] {
        let headers = [("host", "inside"), ("x-forwarded-for", hidden)];
        assert_eq!(sender(&["10.0.0.1"], "10.0.0.1", &headers), is("10.0.0.1", "", "inside"), "{hidden}");
    }
    let odd = [("host", "inside"), ("x-forwarded-proto", "gopher"), ("x-forwarded-host", "")];
    assert_eq!(sender(&["10.0.0.1"], "10.0.0.1", &odd), is("10.0.0.1", "", "inside"));
}

#[test]
fn two_headers_that_disagree_are_both_left_alone() {
    let forged = [("host", "inside"), ("forwarded", "for=6.6.6.6;host=evil"), ("x-forwarded-for", CLIENT)];
    assert_eq!(sender(&["10.0.0.1"], "10.0.0.1", &forged), is("10.0.0.1", "", "inside"));
    let agreed = [("host", "inside"), ("forwarded", "for=203.0.113.9;host=chat.example"), ("x-forwarded-for", CLIENT)];
    assert_eq!(sender(&["10.0.0.1"], "10.0.0.1", &agreed), is(CLIENT, "", "chat.example"));
}

#[test]
fn a_mistaken_setting_is_refused() {
    let refused = Proxies::new(&["10.0.0.0/8".to_owned(), "nginx".to_owned()]).unwrap_err();
    assert!(refused.to_string().contains("`nginx`"), "{refused}");
}
