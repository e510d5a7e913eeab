//! What the built components may do: their imports against the worlds of `wit/`, their declarations against both.
//!
//! Run after `cargo xtask build`.
#![expect(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use manifest::{Application, Manifest};
use wit_component::DecodedWasm;
use wit_parser::{Resolve, WorldId, WorldItem, WorldKey};

/// What Rust's standard library brings along in WASI 0.2, and the SDK in 0.3: none of it leads out of the process.
const AMBIENT: [&str; 20] = [
    "wasi:cli/environment",
    "wasi:cli/exit",
    "wasi:cli/stderr",
    "wasi:cli/stdin",
    "wasi:cli/stdout",
    "wasi:cli/terminal-stderr",
    "wasi:cli/terminal-stdin",
    "wasi:cli/terminal-stdout",
    "wasi:cli/types",
    "wasi:clocks/monotonic-clock",
    "wasi:clocks/system-clock",
    "wasi:clocks/types",
    "wasi:clocks/wall-clock",
    "wasi:filesystem/preopens",
    "wasi:filesystem/types",
    "wasi:io/error",
    "wasi:io/poll",
    "wasi:io/streams",
    "wasi:random/insecure-seed",
    "wasi:random/random",
];

/// Interfaces through which a component reaches a host, and the schemes of hosts that they reach.
const OUTBOUND: [(&[&str], &[&str]); 3] = [
    (&["spin:postgres/postgres"], &["postgres", "postgresql"]),
    (&["spin:redis/redis"], &["redis", "rediss"]),
    // One is asynchronous and the other for those who must not wait.
    (&["wasi:http/client", "wasi:http/outgoing-handler"], &["http", "https"]),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// The interfaces that a world imports or exports, without versions of patches: `ns:package/interface`.
///
/// Without those that have types and no functions: a listed interface brings along the types that it uses.
fn interfaces(resolve: &Resolve, world: WorldId, exported: bool) -> BTreeSet<String> {
    let world = &resolve.worlds[world];
    let items = if exported { &world.exports } else { &world.imports };
    let name = |(key, item): (&WorldKey, &WorldItem)| match item {
        WorldItem::Interface { id, .. } if resolve.interfaces[*id].functions.is_empty() => String::new(),
        WorldItem::Interface { .. } => resolve.name_world_key(key).split('@').next().unwrap().to_owned(),
        WorldItem::Function(function) => function.name.clone(),
        WorldItem::Type { .. } => String::new(),
    };
    items.iter().map(name).filter(|name| !name.is_empty()).collect()
}

/// The worlds of `wit/`.
fn declared() -> (Resolve, BTreeMap<String, WorldId>) {
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(root().join("wit")).unwrap();
    let worlds = resolve.packages[package].worlds.iter().map(|(name, id)| (name.clone(), *id)).collect();
    (resolve, worlds)
}

/// What a world of `wit/` lists itself: whatever else it imports comes along with what it exports.
fn listed(world: &str) -> BTreeSet<String> {
    let text = fs::read_to_string(root().join("wit/components.wit")).unwrap();
    let (_, rest) = text.split_once(&format!("world {world} {{")).unwrap();
    let (body, _) = rest.split_once("\n}").unwrap();
    let imports = body.lines().filter_map(|line| line.trim().strip_prefix("import ")?.split_once('@'));
    imports.map(|(name, _)| name.to_owned()).collect()
}

/// What a built component imports and exports.
fn built(file: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let bytes = fs::read(file).unwrap_or_else(|error| panic!("{}: {error}; run `cargo xtask build`", file.display()));
    let DecodedWasm::Component(resolve, world) = wit_component::decode(&bytes).unwrap() else {
        panic!("{} is no component", file.display())
    };
    (interfaces(&resolve, world, false), interfaces(&resolve, world, true))
}

fn application() -> Application {
    Manifest::read(&root().join("spin.toml")).unwrap().resolve(&BTreeMap::new()).unwrap()
}

/// The world of a component of the manifest: that of the crate it is built from.
fn world_of(component: &manifest::Component) -> String {
    component.source.file_stem().unwrap().to_str().unwrap().replace('_', "-")
}

#[test]
fn every_component_imports_and_exports_what_its_world_lists() {
    let (resolve, worlds) = declared();
    for (name, component) in &application().components {
        let world = *worlds.get(&world_of(component)).unwrap_or_else(|| panic!("no world for {name}"));
        let mut allowed = interfaces(&resolve, world, false);
        let (imports, exports) = built(&component.source);
        // Types that a listed interface uses are imported with it.
        allowed.insert("wasi:http/types".to_owned());
        allowed.extend(AMBIENT.map(str::to_owned));
        let extra: Vec<_> = imports.difference(&allowed).collect();
        assert!(extra.is_empty(), "{name} imports {extra:?}, which its world does not list");
        let missing: Vec<_> = listed(&world_of(component)).difference(&imports).cloned().collect();
        assert!(missing.is_empty(), "{name} does not import {missing:?}, which its world lists");
        assert_eq!(exports, interfaces(&resolve, world, true), "{name} exports what its world lists, and all of it");
    }
}

#[test]
fn every_component_declares_the_hosts_that_its_imports_reach_and_no_others() {
    for (name, component) in &application().components {
        let (imports, _) = built(&component.source);
        let hosts: Vec<String> = component.allowed_hosts.iter().map(ToString::to_string).collect();
        for (interfaces, schemes) in OUTBOUND {
            let reaches = |host: &String| schemes.iter().any(|scheme| host.starts_with(&format!("{scheme}://")));
            let declares = hosts.iter().any(reaches);
            let imported = interfaces.iter().any(|interface| imports.contains(*interface));
            assert_eq!(imported, declares, "{name}: {interfaces:?} against {hosts:?}");
        }
        assert!(hosts.iter().all(|host| !host.contains('*')), "{name} may reach anything: {hosts:?}");
    }
}

#[test]
fn the_declared_hosts_are_those_of_the_design() {
    let manifest = fs::read_to_string(root().join("spin.toml")).unwrap();
    let declared: BTreeMap<&str, Vec<&str>> = manifest
        .split("\n[component.")
        .filter_map(|section| {
            let (name, rest) = section.split_once("]\n")?;
            let (_, list) = rest.split_once("allowed_outbound_hosts = [")?;
            Some((name, list.split_once(']')?.0.split('"').skip(1).step_by(2).collect()))
        })
        .collect();
    let (database, redis, keys) = ("{{ database_origin }}", "{{ redis_origin }}", "{{ jwks_origin }}");
    let stores: Vec<_> =
        (0..20).map(|number| format!("https://productionresultssa{number}.blob.core.windows.net")).collect();
    // Only the worker reaches the systems that a rollback talks to, and it reaches no database but that of operations.
    let mut outside = vec![
        "{{ operations_database_origin }}",
        "{{ github_origin }}",
        "{{ github_artifact_origin }}",
        "{{ entra_origin }}",
        "{{ azure_origin }}",
        "{{ production_registry_origin }}",
        "{{ production_registry_blob_origin }}",
        "{{ production_kubernetes_origin }}",
        "{{ production_prometheus_origin }}",
        "{{ production_alertmanager_origin }}",
        "{{ production_smoke_origin }}",
        "{{ staging_registry_origin }}",
        "{{ staging_registry_blob_origin }}",
        "{{ staging_kubernetes_origin }}",
        "{{ staging_prometheus_origin }}",
        "{{ staging_alertmanager_origin }}",
        "{{ staging_smoke_origin }}",
        "{{ pagerduty_origin }}",
        "{{ slack_origin }}",
        "{{ webhook_origin }}",
    ];
    let place = outside.iter().position(|origin| *origin == "{{ entra_origin }}").unwrap();
    outside.splice(place..place, stores.iter().map(String::as_str));
    let expected = BTreeMap::from([
        ("conversation", vec![database, redis, keys]),
        ("message-send", vec![database, redis, keys, "http://message-history.spin.internal"]),
        ("message-history", vec![database, keys]),
        ("message-fanout", vec!["{{ relay_url }}"]),
        ("message-purge", vec![database]),
        ("message-purge-http", vec![database]),
        ("alert-webhook", vec!["{{ operations_database_origin }}", redis]),
        ("operations", vec!["{{ operations_database_origin }}", redis, keys]),
        ("rollback-worker", outside.clone()),
        // It tells people, and reaches nothing else.
        (
            "rollback-notifier",
            vec![
                "{{ operations_database_origin }}",
                "{{ pagerduty_origin }}",
                "{{ slack_origin }}",
                "{{ webhook_origin }}",
            ],
        ),
        ("rollback-worker-ring", outside.clone()),
        ("rollback-worker-http", outside),
    ]);
    assert_eq!(declared, expected);
}

#[test]
fn secrets_go_only_where_they_are_needed() {
    let given = |name: &str| -> BTreeSet<String> {
        let application = application();
        application
            .components
            .iter()
            .filter(|(_, component)| component.variables.contains_key(name))
            .map(|(name, _)| name.clone())
            .collect()
    };
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();
    assert_eq!(given("database_url"), names(&["conversation", "message-history", "message-send"]));
    assert_eq!(given("purge_database_url"), names(&["message-purge", "message-purge-http"]));
    assert_eq!(given("redis_url"), names(&["alert-webhook", "conversation", "message-send", "operations"]));
    assert_eq!(given("alert_token"), names(&["alert-webhook"]));
    assert_eq!(
        given("operations_database_url"),
        names(&[
            "alert-webhook",
            "operations",
            "rollback-notifier",
            "rollback-worker",
            "rollback-worker-http",
            "rollback-worker-ring"
        ])
    );
    assert_eq!(given("github_webhook_secret"), names(&["operations"]));
    assert_eq!(given("delivery_key"), names(&["conversation", "message-send"]));
    assert_eq!(
        given("relay_key"),
        names(&["conversation", "message-purge-http", "message-send", "rollback-worker-http"])
    );
    // The credentials of the systems that a rollback talks to.
    for secret in ["production_credentials", "staging_credentials"] {
        assert_eq!(
            given(secret),
            names(&["rollback-notifier", "rollback-worker", "rollback-worker-http", "rollback-worker-ring"])
        );
    }
}

#[test]
fn each_component_has_one_kind_of_trigger() {
    let application = application();
    let mut kinds: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let http = application.http.iter().map(|trigger| (trigger.component.as_str(), "http"));
    let redis = application.redis.iter().map(|trigger| (trigger.component.as_str(), "redis"));
    let cron = application.cron.iter().map(|trigger| (trigger.component.as_str(), "cron"));
    for (component, kind) in http.chain(redis).chain(cron) {
        kinds.entry(component).or_default().insert(kind);
    }
    assert_eq!(kinds.len(), application.components.len());
    for (component, kinds) in kinds {
        assert_eq!(kinds.len(), 1, "{component}: {kinds:?} can't run in processes of their own");
    }
}
