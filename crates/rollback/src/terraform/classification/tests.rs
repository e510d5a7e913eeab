use serde_json::json;

use super::*;

fn resource(address: &str, actions: &[&str]) -> Value {
    let resource_type = address.split('.').rev().nth(1).unwrap();
    json!({
        "address": address, "mode": "managed", "type": resource_type, "name": "x", "provider_name": "p",
        "change": {
            "actions": actions,
            "before": {"input": "old", "password": "canary"}, "after": {"input": "new", "password": "canary"},
            "after_unknown": {"id": true}, "before_sensitive": {"input": true}, "after_sensitive": {},
        },
    })
}

fn plan(changes: &[Value]) -> Value {
    json!({
        "format_version": "1.2", "terraform_version": "1.15.5", "applyable": true, "complete": true, "errored": false,
        "resource_changes": changes, "resource_drift": null,
    })
}

fn classify(plan: &Value, exceptions: &[&str]) -> Classification {
    let plan = Plan::read(plan.to_string().as_bytes()).unwrap();
    let exceptions = exceptions.iter().map(|address| address.parse().unwrap()).collect();
    Classification::of(&plan, &Protection::default(), &exceptions).unwrap()
}

fn code(plan: &Value, exceptions: &[&str]) -> Option<FailureCode> {
    classify(plan, exceptions).check().err().map(|failure| failure.code)
}

fn causes(plan: &Value, exceptions: &[&str]) -> Vec<BlockCause> {
    classify(plan, exceptions).blocks.iter().map(|block| block.cause).collect()
}

const SERVER: &str = "azurerm_postgresql_flexible_server.db";
const VAULT: &str = "azurerm_key_vault.keys";

#[test]
fn an_update_of_what_is_not_protected_is_let_through() {
    let plan = plan(&[resource("terraform_data.a", &["update"]), resource("terraform_data.b", &["create"])]);
    let classification = classify(&plan, &[]);
    assert!(classification.check().is_ok());
    assert!(classification.losses.is_empty());
    assert_eq!(classification.changes.len(), 2);
}

#[test]
fn whatever_is_lost_must_be_named_exactly() {
    for actions in [&["delete"][..], &["delete", "create"], &["create", "delete"], &["forget"], &["create", "forget"]] {
        let plan = plan(&[resource("terraform_data.a", actions)]);
        assert_eq!(causes(&plan, &[]), [BlockCause::UnexpectedLoss], "{actions:?}");
        assert_eq!(causes(&plan, &["terraform_data.ab"]), [BlockCause::UnexpectedLoss]);
        let excepted = classify(&plan, &["terraform_data.a"]);
        assert!(excepted.check().is_ok(), "{actions:?}");
        assert_eq!(excepted.losses, BTreeSet::from(["terraform_data.a".parse().unwrap()]));
    }
}

#[test]
fn no_exception_lets_data_be_lost() {
    let lost = plan(&[resource(SERVER, &["delete", "create"])]);
    assert_eq!(causes(&lost, &[SERVER]), [BlockCause::DataLoss]);
    assert_eq!(code(&lost, &[SERVER]), Some(FailureCode::PlanBlocked));
    // An update may be excepted.
    let updated = plan(&[resource(SERVER, &["update"])]);
    assert_eq!(causes(&updated, &[]), [BlockCause::Protected]);
    assert_eq!(causes(&updated, &[SERVER]), []);
}

#[test]
fn what_is_protected_is_changed_only_as_an_exception() {
    for actions in [&["update"][..], &["create"]] {
        assert_eq!(causes(&plan(&[resource(VAULT, actions)]), &[]), [BlockCause::Protected]);
        assert_eq!(causes(&plan(&[resource(VAULT, actions)]), &[VAULT]), []);
    }
    assert_eq!(causes(&plan(&[resource(VAULT, &["read"])]), &[]), []);
}

#[test]
fn drift_of_what_is_protected_blocks_and_other_drift_is_shown() {
    let mut drifted = plan(&[resource("terraform_data.a", &["update"])]);
    drifted["resource_drift"] = json!([resource("terraform_data.a", &["update"])]);
    assert_eq!(classify(&drifted, &[]).drift.len(), 1);
    assert_eq!(causes(&drifted, &[]), []);
    drifted["resource_drift"] = json!([resource(VAULT, &["update"])]);
    assert_eq!(causes(&drifted, &[VAULT]), [BlockCause::ProtectedDrift]);
}

#[test]
fn what_was_changed_by_hand_has_a_name_of_its_own_unless_more_speaks_against_the_plan() {
    let mut drifted = plan(&[resource("terraform_data.a", &["delete"])]);
    drifted["resource_drift"] = json!([resource(VAULT, &["update"])]);
    assert_eq!(code(&drifted, &["terraform_data.a"]), Some(FailureCode::PlanDrifted));
    assert_eq!(code(&drifted, &[]), Some(FailureCode::PlanBlocked));
}

#[test]
fn what_a_plan_does_not_show_blocks_it() {
    let good = plan(&[resource("terraform_data.a", &["update"])]);
    for (member, value, cause) in [
        ("applyable", json!(false), BlockCause::Unapplyable),
        ("complete", json!(false), BlockCause::Unapplyable),
        ("deferred_changes", json!([{}]), BlockCause::Deferred),
        ("action_invocations", json!([{}]), BlockCause::Invocation),
        ("deferred_action_invocations", json!([{}]), BlockCause::Invocation),
        ("checks", json!([{"status": "pass"}, {"status": "fail"}]), BlockCause::FailedCheck),
    ] {
        let mut bad = good.clone();
        bad[member] = value;
        assert_eq!(causes(&bad, &[]), [cause], "{member}");
        assert_eq!(code(&bad, &[]), Some(FailureCode::PlanBlocked), "{member}");
    }
    let mut silent = good;
    silent.as_object_mut().unwrap().remove("applyable");
    assert_eq!(causes(&silent, &[]), [BlockCause::Unapplyable]);
}

#[test]
fn what_is_not_known_here_blocks() {
    for actions in [&["invoke"][..], &[], &["create", "delete", "create"]] {
        let plan = plan(&[resource("terraform_data.a", actions)]);
        assert_eq!(causes(&plan, &["terraform_data.a"]), [BlockCause::UnknownAction], "{actions:?}");
    }
}

#[test]
fn a_failed_and_an_empty_plan_have_names_of_their_own() {
    let mut errored = plan(&[]);
    errored["errored"] = json!(true);
    assert_eq!(code(&errored, &[]), Some(FailureCode::PlanFailed));
    let mut empty = plan(&[resource("terraform_data.a", &["no-op"])]);
    empty["applyable"] = json!(false);
    assert_eq!(code(&empty, &[]), Some(FailureCode::PlanEmpty));
}

#[test]
fn a_deposed_object_is_named_apart() {
    let mut left_over = resource("terraform_data.a", &["delete"]);
    left_over["deposed"] = json!("0a1b2c3d");
    let plan = plan(&[left_over]);
    assert_eq!(causes(&plan, &["terraform_data.a"]), [BlockCause::UnexpectedLoss]);
    assert_eq!(causes(&plan, &["terraform_data.a (deposed 0a1b2c3d)"]), []);
}

#[test]
fn nothing_sensitive_is_shown() {
    let mut plan = plan(&[resource("terraform_data.a", &["update"])]);
    plan["output_changes"] = json!({
        "url": {"actions": ["update"], "before": "a", "after": "canary", "after_unknown": false,
                "before_sensitive": false, "after_sensitive": true},
        "same": {"actions": ["no-op"], "before": "a", "after": "a"},
    });
    let classification = classify(&plan, &[]);
    let shown = serde_json::to_string(&classification).unwrap();
    assert!(!shown.contains("canary") && !shown.contains("old"), "{shown}");
    assert_eq!(classification.outputs.len(), 1);
    assert_eq!(classification.changes[0].after["id"], super::super::UNKNOWN);
}

#[test]
fn the_digest_changes_with_what_is_shown() {
    let one = classify(&plan(&[resource("terraform_data.a", &["update"])]), &[]);
    let other = classify(&plan(&[resource("terraform_data.b", &["update"])]), &[]);
    assert_ne!(one.digest().unwrap(), other.digest().unwrap());
    let back: Classification = serde_json::from_value(serde_json::to_value(&one).unwrap()).unwrap();
    assert_eq!(back.digest().unwrap(), one.digest().unwrap());
}

#[test]
fn a_second_plan_must_change_nothing() {
    let read = |plan: &Value| Plan::read(plan.to_string().as_bytes()).unwrap();
    let mut still = plan(&[resource("terraform_data.a", &["no-op"])]);
    still["applyable"] = json!(false);
    assert!(read(&still).changes_nothing());
    assert!(!read(&plan(&[resource("terraform_data.a", &["update"])])).changes_nothing());
    still["output_changes"] = json!({"url": {"actions": ["update"]}});
    assert!(!read(&still).changes_nothing());
}

#[test]
fn another_format_is_not_read() {
    for (json, text) in [
        (json!({"format_version": "2.0"}), "the plan has the format version \"2.0\", not 1"),
        (json!({}), "the plan is not what terraform writes"),
    ] {
        assert_eq!(Plan::read(json.to_string().as_bytes()).unwrap_err().to_string(), text);
    }
}
