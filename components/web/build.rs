//! Collects what the component embeds: the page's own files, the SignalR client from npm, and the API's description,
//! which is written as YAML and served as JSON.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context, Result, bail};
use serde_json::Value;
use sha2::{Digest, Sha256};
use yaml_rust2::{Yaml, YamlLoader};

/// Address, file under `assets/`, media type.
const PAGES: &[(&str, &str, &str)] = &[
    ("/", "index.html", HTML),
    ("/style.css", "style.css", STYLE),
    ("/main.js", "main.js", SCRIPT),
    ("/chat-pane.js", "chat-pane.js", SCRIPT),
    ("/chat-client.js", "chat-client.js", SCRIPT),
    ("/chat/connection.js", "chat/connection.js", SCRIPT),
    ("/chat/history.js", "chat/history.js", SCRIPT),
    ("/chat/outbox.js", "chat/outbox.js", SCRIPT),
    ("/chat/parties.js", "chat/parties.js", SCRIPT),
    ("/chat/saver.js", "chat/saver.js", SCRIPT),
    ("/icon.svg", "icon.svg", "image/svg+xml"),
    ("/operations", "operations/index.html", HTML),
    ("/operations/operations.css", "operations/operations.css", STYLE),
    ("/operations/form.css", "operations/form.css", STYLE),
    ("/operations/evidence.css", "operations/evidence.css", STYLE),
    ("/operations/api.js", "operations/api.js", SCRIPT),
    ("/operations/audit-view.js", "operations/audit-view.js", SCRIPT),
    ("/operations/case-file.js", "operations/case-file.js", SCRIPT),
    ("/operations/clocks.js", "operations/clocks.js", SCRIPT),
    ("/operations/decision-view.js", "operations/decision-view.js", SCRIPT),
    ("/operations/drills-view.js", "operations/drills-view.js", SCRIPT),
    ("/operations/element.js", "operations/element.js", SCRIPT),
    ("/operations/evidence-view.js", "operations/evidence-view.js", SCRIPT),
    ("/operations/form.js", "operations/form.js", SCRIPT),
    ("/operations/halt-view.js", "operations/halt-view.js", SCRIPT),
    ("/operations/incident-list.js", "operations/incident-list.js", SCRIPT),
    ("/operations/incident-page.js", "operations/incident-page.js", SCRIPT),
    ("/operations/list-page.js", "operations/list-page.js", SCRIPT),
    ("/operations/main.js", "operations/main.js", SCRIPT),
    ("/operations/parts.js", "operations/parts.js", SCRIPT),
    ("/operations/plan-view.js", "operations/plan-view.js", SCRIPT),
    ("/operations/preview-view.js", "operations/preview-view.js", SCRIPT),
    ("/operations/run-card.js", "operations/run-card.js", SCRIPT),
    ("/operations/run-commands.js", "operations/run-commands.js", SCRIPT),
    ("/operations/run-form.js", "operations/run-form.js", SCRIPT),
    ("/operations/session.js", "operations/session.js", SCRIPT),
    ("/operations/steps-view.js", "operations/steps-view.js", SCRIPT),
    ("/operations/timeline-view.js", "operations/timeline-view.js", SCRIPT),
    ("/operations/told-view.js", "operations/told-view.js", SCRIPT),
    ("/operations/triage-view.js", "operations/triage-view.js", SCRIPT),
    ("/operations/validation-view.js", "operations/validation-view.js", SCRIPT),
    ("/operations/words.js", "operations/words.js", SCRIPT),
];

const HTML: &str = "text/html; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// The library's browser build carries no notice of its own, which its licence asks for.
const SIGNALR_NOTICE: &str =
    "/*! @microsoft/signalr. Copyright (c) .NET Foundation and Contributors. MIT License. */\n";

fn main() -> Result<()> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let mut table = Table { out: PathBuf::from(env::var("OUT_DIR")?), code: String::new() };
    for (address, file, media_type) in PAGES {
        table.add(address, media_type, &read(&here.join("assets").join(file))?)?;
    }
    table.add("/signalr.min.js", SCRIPT, &signalr_client(&here)?)?;
    table.add("/openapi.json", "application/json", &api_description(&here)?)?;
    table.write()
}

fn signalr_client(here: &Path) -> Result<Vec<u8>> {
    let file = here.join("node_modules/@microsoft/signalr/dist/browser/signalr.min.js");
    let library = read(&file).context(
        "the npm package @microsoft/signalr is not installed in components/web: `cargo xtask build` installs it",
    )?;
    Ok([SIGNALR_NOTICE.as_bytes(), &library].concat())
}

fn api_description(here: &Path) -> Result<Vec<u8>> {
    let file = here.join("../../docs/openapi.yaml");
    let text = String::from_utf8(read(&file)?)?;
    let documents = YamlLoader::load_from_str(&text).with_context(|| format!("{} is not YAML", file.display()))?;
    let [document] = documents.as_slice() else { bail!("{} is not one document", file.display()) };
    Ok(serde_json::to_vec(&json(document)?)?)
}

/// The JSON that says the same as the YAML; what JSON can't say is refused.
fn json(yaml: &Yaml) -> Result<Value> {
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Boolean(value) => Value::from(*value),
        Yaml::Integer(value) => Value::from(*value),
        Yaml::Real(text) => Value::from(text.parse::<f64>()?),
        Yaml::String(text) => Value::from(text.as_str()),
        Yaml::Array(items) => items.iter().map(json).collect::<Result<_>>()?,
        Yaml::Hash(entries) => entries
            .iter()
            .map(|(key, value)| match key {
                Yaml::String(key) => Ok((key.clone(), json(value)?)),
                other => bail!("the key {other:?} is not a string: quote it"),
            })
            .collect::<Result<_>>()?,
        Yaml::Alias(_) | Yaml::BadValue => bail!("aliases have no place in the description"),
    })
}

fn read(file: &Path) -> Result<Vec<u8>> {
    println!("cargo::rerun-if-changed={}", file.display());
    fs::read(file).with_context(|| format!("can't read {}", file.display()))
}

/// The source of the table of assets, and the folder their copies go to.
struct Table {
    out: PathBuf,
    code: String,
}

impl Table {
    fn add(&mut self, address: &str, media_type: &str, content: &[u8]) -> Result<()> {
        let digest = hex::encode(Sha256::digest(content));
        fs::write(self.out.join(&digest), content)?;
        writeln!(
            self.code,
            "    Asset {{ address: {address:?}, media_type: {media_type:?}, tag: {tag:?}, \
             content: include_bytes!(concat!(env!(\"OUT_DIR\"), \"/{digest}\")) }},",
            tag = format!("\"{}\"", digest.get(..32).unwrap_or(&digest)),
        )?;
        Ok(())
    }

    fn write(&self) -> Result<()> {
        fs::write(self.out.join("assets.rs"), format!("&[\n{}]\n", self.code)).context("can't write the table")
    }
}
