//! What holds of an issuer's keys when.

use super::*;

const SECONDS: i64 = 1_700_000_000;
const OLD_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"old","x":"Mr9QZhr_3I6VUGyWqFCVnWVV6Szfo5xn--d17HBnXoU"}"#;
const OLD: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6Im9sZCJ9.eyJzdWIiOiJjYXJsYSIsInJvbGUiOiJjdXN0b21lciIsImV4cCI6NDEwMjQ0NDgwMH0.ldniuuT3TYI20pdylnqJJOQa1DdeZ4k2fs0IykpX4enHc_SMkEt3xlIeHkkQDyyftkYsnGe-iPqUlwJBxIJSCw";
const NEW_KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","kid":"new","x":"FbeV6XC8ZaU7WpO7mGV-T_qQvEMLehcYJ0KErZqiWMI"}"#;
const NEW: &str = "eyJhbGciOiJFZERTQSIsImtpZCI6Im5ldyJ9.eyJzdWIiOiJjYXJsYSIsInJvbGUiOiJjdXN0b21lciIsImV4cCI6NDEwMjQ0NDgwMH0.9lNZUcQ5jUlcHB63cwM5bL9wDk_29g8dWdPhszEAHAhZwDAY8V7qOq8AChfkCEC34xBbe9NioBqjB1M5TC22Dg";
const UNKNOWN_KEY: Unverified = Unverified::Token(TokenError::UnknownKey);

/// An issuer, and those who keep what it says, on a clock of their own.
struct Keeper {
    keys: KeySet,
    kept: IssuerKeys,
    now: Duration,
    fetched: Option<Duration>,
    asked: Option<Duration>,
}

impl Keeper {
    fn new(change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = Settings {
            jwks_url: Some("https://issuer.example/keys".into()),
            audience: Some("any".into()),
            ..Settings::default()
        };
        change(&mut settings);
        let (kept, now) = (IssuerKeys::default(), Duration::from_secs(5));
        Self { keys: KeySet::new(&settings).unwrap(), kept, now, fetched: None, asked: None }
    }

    fn pass(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
    }

    /// Reads what is kept. Whether keys are withdrawn.
    fn read(&mut self) -> bool {
        let age = |then: Option<Duration>| then.map(|then| i64::try_from((self.now - then).as_millis()).unwrap());
        let read = IssuerKeys { asked: age(self.asked), fetched: age(self.fetched), ..self.kept.clone() };
        self.keys.take(read, self.now).unwrap()
    }

    /// Asks the issuer, which has an answer or has none.
    fn ask(&mut self, keys: Option<&str>) -> bool {
        self.begin();
        self.kept.answered = Some(keys.is_some());
        if let Some(keys) = keys {
            self.kept.keys = Some(format!(r#"{{"keys":[{keys}]}}"#));
            self.fetched = Some(self.now);
        }
        self.read()
    }

    fn begin(&mut self) {
        self.asked = Some(self.now);
        self.kept.ask += 1;
        self.kept.answered = None;
        self.read();
    }

    fn verify(&self, token: &str) -> Result<(), Unverified> {
        self.keys.verify(token, SECONDS, self.now).map(|_| ())
    }

    fn is_to_ask(&self, unknown: bool) -> bool {
        self.keys.is_to_ask(unknown, self.now).is_some()
    }
}

#[test]
fn before_the_issuer_has_spoken_nobody_knows() {
    let mut keeper = Keeper::new(|_| ());
    assert_eq!(keeper.verify(OLD), Err(Unverified::Unknown));
    assert!(!keeper.is_to_ask(true), "first it is read what others have been told");
    keeper.read();
    assert!(keeper.is_to_ask(false));
    keeper.ask(None);
    assert_eq!(keeper.verify(OLD), Err(Unverified::Unknown));
    assert!(!keeper.keys.has_keys(keeper.now));
    assert!(!keeper.is_to_ask(true), "an issuer that fails is left alone for a moment");
    keeper.pass(3);
    assert!(keeper.is_to_ask(false));
    keeper.ask(Some(OLD_KEY));
    assert_eq!(keeper.verify(OLD), Ok(()));
    assert!(keeper.keys.has_keys(keeper.now));
}

#[test]
fn keys_are_used_while_the_issuer_is_away_until_they_are_stale() {
    let mut keeper = Keeper::new(|settings| {
        settings.jwks_refresh = Some("60s".into());
        settings.jwks_stale = Some("1h".into());
    });
    keeper.ask(Some(OLD_KEY));
    keeper.pass(59);
    assert!(!keeper.is_to_ask(false));
    keeper.pass(1);
    while keeper.keys.keys_age(keeper.now).unwrap() < Duration::from_secs(3_590) {
        assert!(keeper.is_to_ask(false), "a refresh is due all the time");
        keeper.ask(None);
        assert_eq!(keeper.verify(OLD), Ok(()), "an issuer that is away withdraws nothing");
        assert_eq!(keeper.verify(NEW), Err(Unverified::Unknown), "and denies nobody");
        keeper.pass(10);
    }
    keeper.pass(9);
    assert_eq!(keeper.verify(OLD), Ok(()));
    keeper.pass(1);
    assert_eq!(keeper.verify(OLD), Err(Unverified::Unknown));
    assert!(!keeper.keys.has_keys(keeper.now));
    keeper.read();
    assert_eq!(keeper.verify(OLD), Err(Unverified::Unknown), "whoever reads it only now gets nothing either");
    keeper.ask(Some(OLD_KEY));
    assert_eq!(keeper.verify(OLD), Ok(()));
}

#[test]
fn a_withdrawn_key_is_gone_at_the_next_answer_and_told_to_the_cache() {
    let mut keeper = Keeper::new(|_| ());
    assert!(!keeper.ask(Some(OLD_KEY)), "the first keys withdraw none");
    keeper.pass(300);
    assert!(!keeper.ask(Some(&format!("{OLD_KEY},{NEW_KEY}"))), "one more takes none away");
    assert_eq!((keeper.verify(OLD), keeper.verify(NEW)), (Ok(()), Ok(())));
    assert!(!keeper.ask(Some(&format!("{NEW_KEY},{OLD_KEY}"))), "the order says nothing");
    assert!(keeper.ask(Some(NEW_KEY)));
    assert_eq!((keeper.verify(OLD), keeper.verify(NEW)), (Err(UNKNOWN_KEY), Ok(())));
    let renamed = NEW_KEY.replace("\"new\"", "\"newer\"");
    assert!(keeper.ask(Some(&renamed)), "the same key under another name is another");
    let exchanged = OLD_KEY.replace("\"old\"", "\"newer\"");
    assert!(keeper.ask(Some(&exchanged)), "and so is another key under the same name");
}

#[test]
fn a_key_that_is_not_known_has_the_issuer_asked_and_not_too_often() {
    let mut keeper = Keeper::new(|_| ());
    keeper.ask(Some(OLD_KEY));
    for _ in 0..10 {
        assert_eq!(keeper.verify(NEW), Err(UNKNOWN_KEY), "anybody can make up a kid");
        assert!(!keeper.is_to_ask(true));
        keeper.pass(1);
    }
    assert!(keeper.is_to_ask(true) && !keeper.is_to_ask(false));
    assert_eq!(keeper.verify(NEW), Err(Unverified::Unknown), "it may be new: the issuer is to be asked first");
    assert_eq!(keeper.verify(OLD), Ok(()));
    keeper.begin();
    assert!(keeper.keys.is_asked(keeper.now) && !keeper.is_to_ask(true));
    assert_eq!((keeper.verify(OLD), keeper.verify(NEW)), (Ok(()), Err(Unverified::Unknown)));
    keeper.pass(3);
    assert!(!keeper.keys.is_asked(keeper.now) && keeper.is_to_ask(true), "whoever asked has ended meanwhile");
    keeper.ask(Some(&format!("{OLD_KEY},{NEW_KEY}")));
    assert_eq!(keeper.verify(NEW), Ok(()));
}

#[test]
fn what_is_no_key_set_changes_nothing() {
    let mut keeper = Keeper::new(|_| ());
    keeper.ask(Some(OLD_KEY));
    for bad in ["", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#] {
        let read = IssuerKeys { keys: Some(bad.into()), fetched: Some(-7), ..keeper.kept.clone() };
        assert!(keeper.keys.take(read, keeper.now).is_err(), "{bad}");
        assert_eq!(keeper.verify(OLD), Ok(()));
    }
}

#[test]
fn what_is_configured_needs_no_issuer_and_never_ages() {
    let mut by_secret = Keeper::new(|settings| settings.secret = Some("x".repeat(32)));
    by_secret.read();
    assert!(by_secret.keys.has_keys(by_secret.now), "tokens of the secret hold whoever is away");
    let settings = Settings {
        jwks: Some(format!(r#"{{"keys":[{OLD_KEY}]}}"#)),
        audience: Some("any".into()),
        ..Settings::default()
    };
    let keys = KeySet::new(&settings).unwrap();
    let later = Duration::from_secs(1_000_000_000);
    assert!(keys.url().is_none() && keys.is_to_ask(true, later).is_none());
    assert!(keys.verify(OLD, SECONDS, later).is_ok());
    assert_eq!(keys.verify(NEW, SECONDS, later), Err(UNKNOWN_KEY));
}

#[test]
fn what_is_configured_beside_an_address_counts_until_the_issuer_has_spoken() {
    let mut keeper = Keeper::new(|settings| settings.jwks = Some(format!(r#"{{"keys":[{OLD_KEY}]}}"#)));
    keeper.ask(None);
    assert_eq!(keeper.verify(OLD), Ok(()));
    assert!(keeper.keys.has_keys(keeper.now));
    assert!(keeper.ask(Some(NEW_KEY)));
    assert_eq!(keeper.verify(OLD), Err(UNKNOWN_KEY));
}

#[test]
fn what_is_vouched_for_is_checked_but_for_its_signature() {
    let mut keeper = Keeper::new(|_| ());
    let vouched =
        |keeper: &Keeper, token: &str, seconds: i64| keeper.keys.verify_vouched(token, seconds, keeper.now).map(|_| ());
    assert_eq!(vouched(&keeper, OLD, SECONDS), Err(Unverified::Unknown));
    keeper.ask(Some(OLD_KEY));
    let other_signature = format!("{}{}", &OLD[..OLD.len() - 4], "AAAA");
    assert_eq!(keeper.verify(&other_signature), Err(Unverified::Token(TokenError::Signature)));
    assert_eq!(vouched(&keeper, &other_signature, SECONDS), Ok(()), "whoever vouches has looked at it");
    assert_eq!(vouched(&keeper, OLD, 4_102_444_800 + 60), Err(Unverified::Token(TokenError::Expired)));
    assert_eq!(vouched(&keeper, NEW, SECONDS), Err(UNKNOWN_KEY), "its key is not among those");
    keeper.pass(10);
    keeper.ask(Some(NEW_KEY));
    assert_eq!(vouched(&keeper, OLD, SECONDS), Err(UNKNOWN_KEY), "its key is withdrawn");
    keeper.pass(24 * 3600);
    assert_eq!(vouched(&keeper, NEW, SECONDS), Err(Unverified::Unknown), "the keys are too old");
}
