//! What claims say, and when they hold.

use chat::Role;
use serde_json::{Value, json};

use super::ClaimRules;
use crate::{Identity, Settings, TokenError};

const NOW: i64 = 1_700_000_000;

fn read(settings: &Settings, claims: Value) -> Result<Identity, TokenError> {
    ClaimRules::new(settings).unwrap().read(claims.to_string().as_bytes(), NOW)
}

#[test]
fn a_token_holds_in_its_time() {
    let at = |change: Value| {
        let mut claims = json!({"sub": "carla", "exp": NOW + 600});
        claims.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        read(&Settings::default(), claims).map(|identity| identity.expires_at)
    };
    assert_eq!(at(json!({"exp": NOW + 1})), Ok(NOW + 1));
    assert_eq!(at(json!({"exp": NOW - 59})), Ok(NOW - 59));
    assert_eq!(at(json!({"exp": NOW - 60})), Err(TokenError::Expired));
    assert_eq!(at(json!({"exp": -1})), Err(TokenError::Expired));
    assert_eq!(at(json!({"exp": NOW as f64 + 0.5})), Ok(NOW));
    assert_eq!(at(json!({"exp": 1e300})), Ok(i64::MAX));
    assert_eq!(at(json!({"exp": -1e300})), Err(TokenError::Expired));
    assert_eq!(at(json!({"nbf": NOW + 60})), Ok(NOW + 600));
    assert_eq!(at(json!({"nbf": NOW + 61})), Err(TokenError::NotYetValid));
    assert_eq!(at(json!({"nbf": -1e300})), Ok(NOW + 600));
    for wrong in [json!(null), json!("2099-01-01"), json!([]), json!(true)] {
        assert_eq!(at(json!({"exp": wrong})), Err(TokenError::claim("exp")), "{wrong}");
    }
    assert_eq!(read(&Settings::default(), json!({"sub": "carla"})), Err(TokenError::claim("exp")));
}

#[test]
fn issuer_and_audience_are_checked_when_configured() {
    let settings = Settings {
        issuer: Some("https://issuer.example".into()),
        audience: Some("hubline".into()),
        ..Settings::default()
    };
    let with = |iss: Value, aud: Value| {
        read(&settings, json!({"sub": "c", "exp": NOW + 1, "iss": iss, "aud": aud})).map(|_| ())
    };
    let good = json!("https://issuer.example");
    assert_eq!(with(good.clone(), json!("hubline")), Ok(()));
    assert_eq!(with(good.clone(), json!(["x", "hubline"])), Ok(()));
    for wrong in [json!("https://issuer.example/"), json!(null), json!([good])] {
        assert_eq!(with(wrong, json!("hubline")), Err(TokenError::Issuer));
    }
    for wrong in [json!("Hubline"), json!(null), json!([]), json!(["x"]), json!({"hubline": 1})] {
        assert_eq!(with(good.clone(), wrong), Err(TokenError::Audience));
    }
}

#[test]
fn a_bearer_is_named_by_the_rules() {
    let subject = |sub: Value| read(&Settings::default(), json!({"sub": sub, "exp": NOW + 1})).map(|_| ());
    assert_eq!(subject(json!("x".repeat(128))), Ok(()));
    for wrong in [json!(""), json!("x".repeat(129)), json!("a\u{0}"), json!(7), json!(null)] {
        assert_eq!(subject(wrong), Err(TokenError::claim("sub")));
    }
    let center = |center: Value| {
        read(&Settings::default(), json!({"sub": "c", "exp": NOW + 1, "center": center}))
            .map(|identity| identity.center.map(|center| center.to_string()))
    };
    assert_eq!(center(json!("north")), Ok(Some("north".into())));
    assert_eq!(center(json!(null)), Ok(None));
    for wrong in [json!(""), json!(["north"]), json!(1)] {
        assert_eq!(center(wrong), Err(TokenError::claim("center")));
    }
}

#[test]
fn roles_are_a_text_or_a_list_and_can_be_mapped() {
    let settings = Settings {
        role_claim: Some("roles".into()),
        role_map: Some(r#"{"Hubline.Tech":"technician","Staff":"service-center"}"#.into()),
        ..Settings::default()
    };
    let roles = |roles: Value| {
        read(&settings, json!({"sub": "t", "exp": NOW + 1, "role": "platform", "roles": roles}))
            .map(|identity| identity.roles)
    };
    assert_eq!(roles(json!("Hubline.Tech")), Ok(vec![Role::Technician]));
    assert_eq!(
        roles(json!(["Staff", "customer", "Hubline.Tech", "Staff", "other", 1])),
        Ok(vec![Role::Customer, Role::Technician, Role::ServiceCenter])
    );
    assert_eq!(roles(json!(null)), Ok(vec![]));
    assert_eq!(roles(json!("Platform")), Ok(vec![]));
    for wrong in [json!(1), json!({}), json!(true)] {
        assert_eq!(roles(wrong), Err(TokenError::claim("roles")));
    }
}

#[test]
fn claims_stand_where_the_settings_say() {
    let settings = Settings {
        user_claim: Some("oid".into()),
        role_claim: Some("realm_access.roles".into()),
        center_claim: Some("https://app.example/center".into()),
        ..Settings::default()
    };
    let claims = json!({
        "sub": "pairwise", "oid": "carla", "exp": NOW + 1, "role": "platform", "center": "elsewhere",
        "realm_access": {"roles": ["offline_access", "technician"]}, "https://app.example/center": "north",
    });
    let identity = read(&settings, claims).unwrap();
    assert_eq!((identity.subject.as_str(), identity.roles.as_slice()), ("carla", [Role::Technician].as_slice()));
    assert_eq!(identity.center.unwrap().as_str(), "north");
    // Whoever lacks the claim that is meant is not known by another one.
    let missing = read(&settings, json!({"sub": "carla", "exp": NOW + 1})).unwrap_err();
    assert_eq!(missing.to_string(), "the token's claim `oid` is missing or invalid");
    for wrong in [json!({"roles": {"technician": true}}), json!({"roles": 1})] {
        let claims = json!({"oid": "carla", "exp": NOW + 1, "realm_access": wrong});
        assert_eq!(read(&settings, claims), Err(TokenError::claim("realm_access.roles")));
    }
    let elsewhere = json!({"oid": "carla", "exp": NOW + 1, "realm_access": ["technician"], "role": "technician"});
    assert_eq!(read(&settings, elsewhere).unwrap().roles, []);
}

#[test]
fn any_audience_is_taken_when_the_settings_say_so() {
    let settings = Settings { audience: Some(Settings::ANY_AUDIENCE.into()), ..Settings::default() };
    for aud in [json!("others"), json!(["x"]), json!(null)] {
        assert!(read(&settings, json!({"sub": "c", "exp": NOW + 1, "aud": aud})).is_ok());
    }
}
