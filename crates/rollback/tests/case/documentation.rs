//! The tables of the documentation are made from the code.

use std::{collections::BTreeMap, fmt::Write as _, fs};

use rollback::{
    permission::Move,
    step::{FailureCode, Nature, Phase, Repeat, StepName},
    validation::Policy,
};

use crate::{
    golden,
    machines::{self, Row},
};

const PAGE: &str = "../../docs/rollback.md";

#[test]
fn the_tables_say_what_the_code_does() {
    let sections = [
        ("incident", machine(machines::incident())),
        ("run", machine(machines::run())),
        ("step", machine(machines::step())),
        ("steps", steps()),
        ("moves", moves()),
        ("failures", failures()),
        ("policy", policy()),
    ];
    let page = fs::read_to_string(golden::path(PAGE)).expect("the page is there");
    let page = sections.iter().fold(page, |page, (name, table)| replace(&page, name, table));
    golden::compare(PAGE, &page);
}

/// The page with this table between its marks.
fn replace(page: &str, name: &str, table: &str) -> String {
    let (begin, end) = (format!("<!-- table {name} -->\n"), format!("<!-- end of table {name} -->"));
    let (before, rest) = page.split_once(&begin).unwrap_or_else(|| panic!("the page has no table {name}"));
    let (_, after) = rest.split_once(&end).unwrap_or_else(|| panic!("the table {name} has no end"));
    format!("{before}{begin}\n{table}\n{end}{after}")
}

/// One row for each event: from where to where, and where it changes nothing.
fn machine(rows: Vec<Row>) -> String {
    let mut order: Vec<String> = Vec::new();
    let mut leads: BTreeMap<String, Vec<(String, Vec<String>)>> = BTreeMap::new();
    let mut stays: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (from, event, to) in rows {
        if !order.contains(&event) {
            order.push(event.clone());
        }
        if from == to {
            stays.entry(event).or_default().push(from);
            continue;
        }
        let ways = leads.entry(event).or_default();
        match ways.iter_mut().find(|(known, _)| *known == to) {
            Some((_, sources)) => sources.push(from),
            None => ways.push((to, vec![from])),
        }
    }
    let mut table = "| event | moves | leaves as it is |\n|---|---|---|\n".to_owned();
    for event in order {
        let ways = leads.get(&event).into_iter().flatten();
        let ways: Vec<_> = ways.map(|(to, from)| format!("{} → **{to}**", from.join(", "))).collect();
        let stays = stays.get(&event).map_or(String::new(), |states| states.join(", "));
        writeln!(table, "| `{event}` | {} | {stays} |", ways.join("; ")).unwrap();
    }
    table
}

fn steps() -> String {
    let codes = [
        "A1",
        "A2",
        "A3",
        "A4",
        "A5",
        "D1",
        "D2",
        "D3",
        "D4",
        "D5",
        "D6",
        "D7:orders:A3",
        "D7:orders:A4",
        "D7:orders:A5",
        "D7:thaw",
        "I1",
        "I2",
        "I3",
        "I4",
        "I5",
        "I6",
        "I7",
    ];
    let mut table = "| step | does | when | touches | sent again | deadline |\n|---|---|---|---|---|---|\n".to_owned();
    for code in codes {
        let name: StepName = code.parse().unwrap();
        let character = name.character();
        let when = match character.phase {
            Phase::Preparation => "before the preview",
            Phase::Execution => "after the approvals",
        };
        let touches = match character.nature {
            Nature::Decision => "nothing, decides",
            Nature::Read => "nothing, asks",
            Nature::Rehearsal => "nothing, plans",
            Nature::Effect => "the environment",
            Nature::Waiting => "the environment, still",
        };
        let again = match character.repeat {
            Repeat::Freely => "by itself",
            Repeat::OnceAbsent => "by an operator, once absent",
            Repeat::Never => "never",
        };
        let (title, deadline) = (name.title(), character.deadline.num_minutes());
        writeln!(table, "| `{code}` | {title} | {when} | {touches} | {again} | {deadline} min |").unwrap();
    }
    table
}

fn moves() -> String {
    let mut table = "| move | roles |\n|---|---|\n".to_owned();
    for movement in Move::ALL {
        let roles: Vec<_> = movement.roles().iter().map(|role| role.as_str()).collect();
        writeln!(table, "| `{movement}` | {} |", roles.join(", ")).unwrap();
    }
    table
}

fn failures() -> String {
    let mut table = "| failure | what a person does next |\n|---|---|\n".to_owned();
    for code in FailureCode::ALL {
        writeln!(table, "| `{code}` | {} |", code.advice()).unwrap();
    }
    table
}

fn policy() -> String {
    let policy = Policy::default();
    let mut table = "| setting | default | may only be |\n|---|---|---|\n".to_owned();
    for (setting, value, direction) in [
        ("p95Milliseconds", policy.p95_milliseconds(), "lowered"),
        ("errorsPerMillion", policy.errors_per_million(), "lowered"),
        ("windowSeconds", policy.window_seconds(), "raised"),
        ("requestsInWindow", policy.requests_in_window(), "raised"),
        ("sampleAgeSeconds", policy.sample_age_seconds(), "lowered"),
        ("freshSeconds", policy.fresh_seconds(), "lowered"),
    ] {
        writeln!(table, "| `{setting}` | {value} | {direction} |").unwrap();
    }
    table
}
