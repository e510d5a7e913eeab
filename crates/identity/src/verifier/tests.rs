//! Which tokens hold, and which do not.

use crate::{Grant, Identity, Settings, SettingsError, TokenError, Verifier, mint};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chat::Role;
use ed25519_dalek::Signer;
use hmac::{Hmac, KeyInit, Mac};
use rsa::rand_core::{TryCryptoRng, TryRng, utils::next_word_via_fill};
use rsa::{Pkcs1v15Sign, PrivateKey, traits::PublicKeyParts};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::{convert::Infallible, sync::OnceLock};

const NOW: i64 = 1_700_000_000;
const SECRET: &str = "a secret of more than thirty-two bytes";

/// Random numbers that are the same in each run: SHA-256 over a counter.
struct Numbers(u64);

impl TryRng for Numbers {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        next_word_via_fill(self)
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        next_word_via_fill(self)
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(32) {
            self.0 += 1;
            chunk.copy_from_slice(&Sha256::digest(self.0.to_le_bytes())[..chunk.len()]);
        }
        Ok(())
    }
}

impl TryCryptoRng for Numbers {}

fn rsa_key() -> &'static PrivateKey {
    static KEY: OnceLock<PrivateKey> = OnceLock::new();
    KEY.get_or_init(|| PrivateKey::new(&mut Numbers(0), 2048).unwrap())
}

fn p256_key() -> p256::ecdsa::SigningKey {
    p256::ecdsa::SigningKey::from_slice(&[7; 32]).unwrap()
}

fn ed25519_key(seed: u8) -> ed25519_dalek::SigningKey {
    ed25519_dalek::SigningKey::from_bytes(&[seed; 32])
}

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn rsa_jwk(kid: &str) -> Value {
    let key = rsa_key();
    json!({"kty": "RSA", "kid": kid, "use": "sig", "n": b64(key.n_bytes()), "e": b64(key.e_bytes())})
}

fn p256_jwk(kid: &str) -> Value {
    let point = p256_key().verifying_key().to_sec1_point(false);
    json!({"kty": "EC", "crv": "P-256", "kid": kid, "x": b64(point.x().unwrap()), "y": b64(point.y().unwrap())})
}

fn ed25519_jwk(kid: &str, seed: u8) -> Value {
    json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "alg": "EdDSA", "x": b64(ed25519_key(seed).verifying_key())})
}

fn jwks(keys: impl Into<Vec<Value>>) -> String {
    json!({"keys": keys.into()}).to_string()
}

/// No issuer and no audience: these tests are about signatures.
fn anybody() -> Settings {
    Settings { audience: Some(Settings::ANY_AUDIENCE.into()), ..Settings::default() }
}

/// Three keys, one of each kind.
fn three() -> Settings {
    Settings { jwks: Some(jwks([rsa_jwk("r"), p256_jwk("p"), ed25519_jwk("e", 9)])), ..anybody() }
}

fn claims() -> Value {
    json!({"sub": "carla", "role": "customer", "exp": NOW + 600})
}

fn signed(header: Value, claims: Value, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let message = format!("{}.{}", b64(header.to_string()), b64(claims.to_string()));
    let signature = b64(sign(message.as_bytes()));
    format!("{message}.{signature}")
}

fn by_rsa(message: &[u8]) -> Vec<u8> {
    let prefix = hex(b"3031300d060960864801650304020105000420");
    let scheme = Pkcs1v15Sign { hash_len: Some(32), prefix: prefix.into() };
    rsa_key().sign(scheme, &Sha256::digest(message)).unwrap()
}

fn hex(text: &[u8]) -> Vec<u8> {
    text.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn by_p256(message: &[u8]) -> Vec<u8> {
    let signature: p256::ecdsa::Signature = p256_key().sign(message);
    signature.to_bytes().to_vec()
}

fn by_ed25519(message: &[u8]) -> Vec<u8> {
    ed25519_key(9).sign(message).to_bytes().to_vec()
}

fn by_secret(secret: &[u8]) -> impl Fn(&[u8]) -> Vec<u8> {
    move |message| {
        Hmac::<Sha256>::new_from_slice(secret).unwrap().chain_update(message).finalize().into_bytes().to_vec()
    }
}

fn hs256(claims: Value) -> String {
    signed(json!({"alg": "HS256"}), claims, by_secret(SECRET.as_bytes()))
}

fn with_secret() -> Settings {
    Settings { secret: Some(SECRET.into()), ..Settings::default() }
}

fn check(settings: &Settings, token: &str) -> Result<Identity, TokenError> {
    Verifier::new(settings).unwrap().verify(token, NOW)
}

#[test]
fn each_algorithm_holds_with_its_own_key() {
    for (header, sign) in [
        (json!({"alg": "RS256", "kid": "r", "typ": "JWT"}), by_rsa as fn(&[u8]) -> Vec<u8>),
        (json!({"alg": "ES256", "kid": "p"}), by_p256),
        (json!({"alg": "EdDSA", "kid": "e"}), by_ed25519),
        // Without a kid there is no choice to be wrong about.
        (json!({"alg": "RS256"}), by_rsa),
    ] {
        let identity = check(&three(), &signed(header.clone(), claims(), sign)).unwrap();
        assert_eq!(identity.subject.as_str(), "carla", "{header}");
        assert_eq!(identity.roles, [Role::Customer]);
        assert_eq!(identity.expires_at, NOW + 600);
        let other = json!({"sub": "mallory", "role": "platform", "exp": NOW + 600});
        let token = signed(header.clone(), claims(), sign);
        let parts: Vec<&str> = token.split('.').collect();
        let altered = format!("{}.{}.{}", parts[0], b64(other.to_string()), parts[2]);
        assert_eq!(check(&three(), &altered), Err(TokenError::Signature), "{header}");
        let unsigned = format!("{}.{}.", parts[0], parts[1]);
        assert_eq!(check(&three(), &unsigned), Err(TokenError::Signature), "{header}");
    }
    assert!(check(&with_secret(), &hs256(claims())).is_ok());
}

#[test]
fn no_signature_is_never_enough() {
    for name in ["none", "None", "NONE", "nOnE", ""] {
        let token = signed(json!({"alg": name, "kid": "r"}), claims(), |_| Vec::new());
        assert_eq!(check(&three(), &token), Err(TokenError::Algorithm), "{name}");
        assert_eq!(check(&with_secret(), &token), Err(TokenError::Algorithm), "{name}");
    }
}

#[test]
fn a_public_key_is_no_secret() {
    let both = Settings { secret: Some(SECRET.into()), ..three() };
    let modulus = rsa_key().n_bytes();
    let jwk = rsa_jwk("r").to_string();
    for secret in [&*modulus, b64(&modulus).as_bytes(), jwk.as_bytes(), b""] {
        let token = signed(json!({"alg": "HS256", "kid": "r"}), claims(), by_secret(secret));
        assert_eq!(check(&three(), &token), Err(TokenError::Algorithm));
        assert_eq!(check(&both, &token), Err(TokenError::Signature));
    }
}

#[test]
fn a_key_is_used_with_its_own_algorithm_alone() {
    for (header, sign) in [
        (json!({"alg": "ES256", "kid": "r"}), by_rsa as fn(&[u8]) -> Vec<u8>),
        (json!({"alg": "EdDSA", "kid": "r"}), by_rsa),
        (json!({"alg": "RS256", "kid": "p"}), by_rsa),
        (json!({"alg": "RS512", "kid": "r"}), by_rsa),
        (json!({"alg": "PS256", "kid": "r"}), by_rsa),
        (json!({"alg": "rs256", "kid": "r"}), by_rsa),
        (json!({"alg": "ES384", "kid": "p"}), by_p256),
    ] {
        assert_eq!(check(&three(), &signed(header.clone(), claims(), sign)), Err(TokenError::Algorithm), "{header}");
    }
    // A key that its issuer made for another algorithm or purpose is left out of the set.
    for member in [json!({"alg": "RS512"}), json!({"use": "enc"}), json!({"key_ops": ["encrypt"]})] {
        let mut jwk = rsa_jwk("r");
        jwk.as_object_mut().unwrap().extend(member.as_object().unwrap().clone());
        let settings = Settings { jwks: Some(jwks([jwk, p256_jwk("p")])), ..anybody() };
        let token = signed(json!({"alg": "RS256", "kid": "r"}), claims(), by_rsa);
        assert_eq!(check(&settings, &token), Err(TokenError::UnknownKey), "{member}");
    }
}

#[test]
fn an_unknown_key_asks_for_a_fresh_set() {
    let token = signed(json!({"alg": "RS256", "kid": "new"}), claims(), by_rsa);
    let mut verifier = Verifier::new(&three()).unwrap();
    assert_eq!(verifier.verify(&token, NOW), Err(TokenError::UnknownKey));
    verifier.set_jwks(&jwks([rsa_jwk("new")])).unwrap();
    assert!(verifier.verify(&token, NOW).is_ok());
    for unusable in ["", "[]", "{}", r#"{"keys":[]}"#, r#"{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}"#] {
        assert!(verifier.set_jwks(unusable).is_err(), "{unusable}");
    }
    assert!(verifier.set_jwks(&jwks(vec![rsa_jwk("x"); 65])).is_err());
    assert!(verifier.verify(&token, NOW).is_ok(), "the old set stays");

    let by_url = Settings { jwks_url: Some("https://issuer.example/keys".into()), ..anybody() };
    assert_eq!(check(&by_url, &token), Err(TokenError::UnknownKey));
}

#[test]
fn the_right_name_with_the_wrong_key_is_no_signature() {
    let settings = Settings { jwks: Some(jwks([ed25519_jwk("e", 8), ed25519_jwk("f", 9)])), ..anybody() };
    let token = |kid: Value| signed(json!({"alg": "EdDSA", "kid": kid}), claims(), by_ed25519);
    assert_eq!(check(&settings, &token("e".into())), Err(TokenError::Signature));
    assert!(check(&settings, &token("f".into())).is_ok());
    // With two of a kind, a token must say which.
    assert_eq!(check(&settings, &token(Value::Null)), Err(TokenError::UnknownKey));
}

#[test]
fn keys_of_one_name_are_as_good_as_each_other() {
    for keys in [
        vec![ed25519_jwk("e", 8), ed25519_jwk("e", 9)],
        vec![ed25519_jwk("e", 9), ed25519_jwk("e", 8)],
        vec![rsa_jwk("e"), ed25519_jwk("e", 9)],
    ] {
        let settings = Settings { jwks: Some(jwks(keys)), ..anybody() };
        assert!(check(&settings, &signed(json!({"alg": "EdDSA", "kid": "e"}), claims(), by_ed25519)).is_ok());
        let stranger = |message: &[u8]| ed25519_key(1).sign(message).to_bytes().to_vec();
        let token = signed(json!({"alg": "EdDSA", "kid": "e"}), claims(), stranger);
        assert_eq!(check(&settings, &token), Err(TokenError::Signature));
    }
}

#[test]
fn weak_and_broken_keys_are_left_out() {
    let mut off_the_curve = p256_jwk("p");
    off_the_curve["y"] = off_the_curve["x"].clone();
    let mut short = rsa_jwk("r");
    short["n"] = b64([0xc5; 128]).into();
    let mut weak = ed25519_jwk("e", 9);
    weak["x"] = b64([0; 32]).into();
    for jwk in [off_the_curve, short, weak, json!({}), json!("r"), json!({"kty": "RSA"})] {
        let settings = Settings { jwks: Some(jwks([jwk.clone()])), ..anybody() };
        assert!(matches!(Verifier::new(&settings), Err(SettingsError::Jwks(_))), "{jwk}");
    }
}

#[test]
fn what_is_no_token_is_told_apart_and_harms_nothing() {
    let good = hs256(claims());
    let (message, signature) = good.rsplit_once('.').unwrap();
    let header = |json: &str| format!("{}.{}.{signature}", b64(json), b64(claims().to_string()));
    for bad in [
        String::new(),
        ".".into(),
        "..".into(),
        "...".into(),
        "a.b.c".into(),
        format!("{good}="),
        format!("{good} "),
        format!("{good}.{good}"),
        message.into(),
        good.replace('.', "_"),
        "ü.ü.ü".into(),
        "x".repeat(10_000_000),
        header("{}"),
        header("[]"),
        header(r#"{"alg":1}"#),
        header(r#"{"alg":"HS256","alg":"none"}"#),
        header(r#"{"alg":"HS256","crit":["exp"]}"#),
        header(r#"{"alg":"HS256","kid":["r"]}"#),
        header(&"[".repeat(5_000)),
    ] {
        let error = check(&with_secret(), &bad).unwrap_err();
        assert!(matches!(error, TokenError::Malformed(_)), "{} {error}", bad.get(..80).unwrap_or(&bad));
    }
    for claims in ["", "[]", "null", "7", "{"] {
        let message = format!("{}.{}", b64(r#"{"alg":"HS256"}"#), b64(claims));
        let token = format!("{message}.{}", b64(by_secret(SECRET.as_bytes())(message.as_bytes())));
        assert!(matches!(check(&with_secret(), &token), Err(TokenError::Malformed(_))), "{claims}");
    }
}

#[test]
fn settings_that_verify_nothing_are_refused() {
    let refused = |settings: Settings| Verifier::new(&settings).err().unwrap().to_string();
    assert!(refused(Settings::default()).contains("no keys"));
    assert!(refused(Settings { secret: Some(String::new()), ..Settings::default() }).contains("no keys"));
    assert!(refused(Settings { secret: Some("x".repeat(31)), ..Settings::default() }).contains("32 bytes"));
    assert!(refused(Settings { role_map: Some("[]".into()), ..with_secret() }).contains("role_map"));
    assert!(refused(Settings { role_map: Some(r#"{"a":"b"}"#.into()), ..with_secret() }).contains("`b`"));
    let keys = |change: fn(&mut Settings)| {
        let mut settings = Settings { audience: None, ..three() };
        change(&mut settings);
        Verifier::new(&settings).err().map(|error| error.to_string())
    };
    let unbound = |error: Option<String>| error.is_some_and(|error| error.contains("jwt_issuer and jwt_audience"));
    assert!(unbound(keys(|_| ())));
    assert!(unbound(keys(|settings| settings.issuer = Some("i".into()))));
    assert!(unbound(keys(|settings| settings.audience = Some("a".into()))));
    assert!(unbound(keys(|settings| (settings.issuer, settings.audience) = (Some("i".into()), Some(String::new())))));
    assert!(unbound(keys(|settings| (settings.jwks, settings.jwks_url) = (None, Some("https://i.example".into())))));
    assert!(unbound(keys(|settings| settings.secret = Some(SECRET.into()))), "a secret beside keys excuses nothing");
    assert_eq!(keys(|settings| (settings.issuer, settings.audience) = (Some("i".into()), Some("a".into()))), None);
    assert_eq!(keys(|settings| settings.audience = Some("any".into())), None);
    for bad in ["issuer.example/keys", "ftp://issuer.example", "https://", "https:///keys", "http://a b/", "/keys"] {
        let settings = Settings { jwks_url: Some(bad.into()), ..anybody() };
        assert!(refused(settings).contains("jwks_url must look like"), "{bad}");
    }
    for bad in ["a..b", "/", "/a~2"] {
        assert!(refused(Settings { user_claim: Some(bad.into()), ..with_secret() }).starts_with("user_claim"));
        assert!(refused(Settings { role_claim: Some(bad.into()), ..with_secret() }).starts_with("role_claim"));
        assert!(refused(Settings { center_claim: Some(bad.into()), ..with_secret() }).starts_with("center_claim"));
    }
    assert!(!format!("{:?}", with_secret()).contains(SECRET));
}

#[test]
fn what_is_minted_holds() {
    let settings = Settings {
        issuer: Some("dev".into()),
        audience: Some("hubline".into()),
        user_claim: Some("/ids/hubline.example".into()),
        role_claim: Some("realm_access.roles".into()),
        center_claim: Some("https://app.example/center".into()),
        ..with_secret()
    };
    let grant = |roles: Vec<Role>| Grant {
        subject: "theo".parse().unwrap(),
        roles,
        center: Some("north".parse().unwrap()),
        issued_at: NOW,
        expires_at: NOW + 60,
    };
    for roles in [vec![], vec![Role::Technician], vec![Role::Customer, Role::Technician]] {
        let token = mint(&settings, &grant(roles.clone())).unwrap();
        let identity = check(&settings, &token).unwrap();
        assert_eq!((identity.subject.as_str(), identity.expires_at), ("theo", NOW + 60));
        assert_eq!((identity.roles.clone(), identity.center.as_ref().unwrap().as_str()), (roles, "north"));
        assert_eq!(identity.actor().user, identity.subject);
    }
    assert!(mint(&Settings::default(), &grant(vec![])).is_err());
}
