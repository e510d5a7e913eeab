//! What a manifest may say, and how a refusal reads.
#![cfg(test)]

use std::collections::BTreeMap;
use std::path::Path;

use manifest::{Application, Error, Manifest};

const HEAD: &str = r#"spin_manifest_version = 2
[application]
name = "app"
"#;

const COMPONENT: &str = r#"
[component.one]
source = "one.wasm"
"#;

fn parse(text: &str) -> Result<Manifest, Error> {
    Manifest::parse(text, Path::new("apps/spin.toml"))
}

fn refusal(rest: &str) -> String {
    parse(&format!("{HEAD}{rest}")).unwrap_err().to_string()
}

fn resolve(rest: &str, given: &[(&str, &str)]) -> Result<Application, Error> {
    let given = given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    parse(&format!("{HEAD}{rest}"))?.resolve(&given)
}

#[test]
fn reads_a_whole_application() {
    let application = resolve(
        r#"
version = "1.2.3"
[application.trigger.redis]
address = "{{ redis_url }}"

[variables]
redis_url = { default = "redis://127.0.0.1", description = "where Redis is" }
node = { required = true }
key = { default = "k", secret = true }

[[trigger.http]]
id = "everything"
component = "one"
route = "/v1/:id/..."

[[trigger.http]]
component = "two-b"
route = { private = true }

[[trigger.redis]]
component = "two-b"
channel = "node.{{ node }}"

[[trigger.redis]]
component = "two-b"
channel = "other"
address = "redis://elsewhere:1"

[[trigger.cron]]
component = "one"
cron_expression = "0 0 3 * * *"

[component.one]
source = "../target/one.wasm"
allowed_outbound_hosts = ["{{ redis_url }}", "http://two-b.spin.internal"]
variables = { url = "{{ redis_url }}/{{ node }}", key = "{{ key }}" }
[component.one.build]
command = "cargo build"
workdir = "src"
watch = ["src/**/*.rs"]

[component.two-b]
source = "two.wasm"
[component.two-b.build]
command = ["npm install", "npm run build"]
"#,
        &[("node", "a")],
    )
    .unwrap_or_else(|error| panic!("{error}"));

    assert_eq!(application.name, "app");
    let one = &application.components["one"];
    assert_eq!(one.source, Path::new("apps/../target/one.wasm"));
    assert_eq!(one.variables["url"], "redis://127.0.0.1/a");
    assert_eq!(one.allowed_hosts[0].to_string(), "redis://127.0.0.1:6379");
    assert_eq!(one.allowed_hosts[1].component(), Some("two-b"));
    assert_eq!(one.build.as_ref().unwrap().workdir, Path::new("apps/src"));
    assert_eq!(application.components["two-b"].build.as_ref().unwrap().commands.len(), 2);
    assert_eq!(application.http[0].route.as_ref().unwrap().to_string(), "/v1/:id/...");
    assert!(application.http[1].route.is_none());
    assert_eq!(application.redis[0].address, "redis://127.0.0.1");
    assert_eq!(application.redis[0].channel, "node.a");
    assert_eq!(application.redis[1].address, "redis://elsewhere:1");
    assert_eq!(application.cron[0].component, "one");
}

#[test]
fn says_file_line_and_reason() {
    for (rest, expected) in [
        ("colour = \"red\"\n", "apps/spin.toml:4: unknown field `colour`"),
        ("[componant.one]\n", "apps/spin.toml:4: unknown field `componant`"),
        ("[component.one]\nsource = 1\n", "apps/spin.toml:5: invalid type: integer `1`, expected a string"),
        ("[component.one]\n\nsource = \"a\"\nfiles = [\"a\"]\n", "apps/spin.toml:7: unknown field `files`"),
        ("[component.One]\nsource = \"a\"\n", "apps/spin.toml:4: `One` is no component name (kebab-case)"),
        ("[component.one]\n", "apps/spin.toml:4: missing field `source`"),
        ("[component.one]\nsource = { url = \"u\" }\n", "apps/spin.toml:5: invalid type: map, expected a string"),
        ("[variables]\na = {}\n", "apps/spin.toml:5: variable `a` neither has a default nor is required"),
        (
            "[variables]\na = { default = \"\", required = true }\n",
            "apps/spin.toml:5: variable `a` is required and has a default",
        ),
        ("[variables]\naB = { default = \"\" }\n", "apps/spin.toml:5: `aB` is no variable name (lower_snake_case)"),
        ("[variables]\na = { defualt = \"\" }\n", "apps/spin.toml:5: unknown field `defualt`"),
        ("[[trigger.mqtt]]\ncomponent = \"one\"\n", "apps/spin.toml:4: unknown field `mqtt`"),
        ("[a\n", "apps/spin.toml:4: "),
    ] {
        let refusal = refusal(rest);
        assert!(refusal.starts_with(expected), "{rest} gave {refusal}");
    }
}

#[test]
fn refuses_triggers_that_lead_nowhere() {
    for (trigger, expected) in [
        ("[[trigger.http]]\ncomponent = \"no\"\nroute = \"/\"\n", "apps/spin.toml:8: there is no component `no`"),
        (
            "[[trigger.http]]\ncomponent = \"one\"\nroute = \"x\"\n",
            "apps/spin.toml:9: route `x` does not begin with `/`",
        ),
        (
            "[[trigger.http]]\ncomponent = \"one\"\nroute = { private = false }\n",
            "apps/spin.toml:9: a route that is not private is a path",
        ),
        (
            "[[trigger.http]]\ncomponent = \"one\"\nroute = { hidden = true }\n",
            "apps/spin.toml:9: a route is a path such as",
        ),
        (
            "[[trigger.http]]\ncomponent = \"one\"\nroute = \"/a/:b\"\n[[trigger.http]]\ncomponent = \"one\"\nroute = \"/a/:c\"\n",
            "apps/spin.toml:12: route `/a/:c` is there already",
        ),
        (
            "[[trigger.http]]\ncomponent = \"one\"\nroute = \"/\"\nexecutor = { type = \"wagi\" }\n",
            "apps/spin.toml:10: unknown field `executor`",
        ),
        ("[[trigger.redis]]\ncomponent = \"one\"\nchannel = \"c\"\n", "apps/spin.toml:9: the trigger has no address"),
        (
            "[[trigger.redis]]\ncomponent = \"one\"\nchannel = \"{{ c }}\"\naddress = \"redis://h\"\n",
            "apps/spin.toml:9: there is no variable `c`",
        ),
        (
            "[[trigger.cron]]\ncomponent = \"one\"\ncron_expression = \"0 3 * * *\"\n",
            "apps/spin.toml:9: cron expression `0 3 * * *`",
        ),
    ] {
        let refusal = refusal(&format!("{COMPONENT}{trigger}"));
        assert!(refusal.starts_with(expected), "{trigger} gave {refusal}");
    }
}

#[test]
fn refuses_what_values_make_of_it() {
    let hosts = |entry: &str, given: &[(&str, &str)]| {
        let variables = "[variables]\norigin = { required = true }\n";
        resolve(&format!("{variables}{COMPONENT}allowed_outbound_hosts = [\n  \"{entry}\",\n]\n"), given)
    };
    let refused = |entry, given: &[(&str, &str)]| hosts(entry, given).err().unwrap().to_string();
    assert_eq!(
        refused("{{ origin }}", &[]),
        "apps/spin.toml:5: variable `origin` is required: set SPIN_VARIABLE_ORIGIN"
    );
    assert_eq!(
        refused("{{ origin }}", &[("origin", "http://h:1/x")]),
        "apps/spin.toml:10: `http://h:1/x` has a path, a query or a user: an allowed host is scheme://host:port"
    );
    assert!(refused("https://*.example.org", &[("origin", "")]).contains("wildcard"));
    assert_eq!(hosts("{{ origin }}", &[("origin", "")]).ok().unwrap().components["one"].allowed_hosts, []);
    assert_eq!(hosts("http://{{ origin }}", &[("origin", "")]).ok().unwrap().components["one"].allowed_hosts, []);
}

#[test]
fn refuses_another_version_and_a_missing_file() {
    let refusal = parse("spin_manifest_version = 1\n[application]\nname = \"a\"\n").unwrap_err();
    assert_eq!(refusal.to_string(), "apps/spin.toml:1: manifest version 1 is not known, 2 is");
    let refusal = Manifest::read(Path::new("nowhere/spin.toml")).unwrap_err().to_string();
    assert!(refusal.starts_with("nowhere/spin.toml: cannot be read: "), "{refusal}");
}

#[test]
fn the_projects_own_manifest_is_understood() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../spin.toml");
    let manifest = Manifest::read(&file).unwrap();
    assert!(manifest.variables()["relay_key"].secret);
    let application = manifest.resolve(&BTreeMap::new()).unwrap_or_else(|error| panic!("{error}"));
    for (name, component) in &application.components {
        let build = component.build.as_ref().unwrap_or_else(|| panic!("{name} has no build command"));
        assert!(build.watch.iter().any(|pattern| pattern.contains("crates")), "{name} does not watch the crates");
    }
    assert_eq!(application.redis[0].channel, "hubline.node.main");
}
