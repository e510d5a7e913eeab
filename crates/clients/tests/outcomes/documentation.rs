//! The table of outcomes in the documentation is made from the code.

use std::{env, fmt::Write as _, fs, path::PathBuf};

use clients::{Fault, Retry, Silence};

use crate::{Outcome, bad_answers, outcome, questions::all};

const BEGIN: &str = "<!-- outcomes of questions -->\n";
const END: &str = "<!-- end of outcomes of questions -->";

#[test]
fn the_table_says_what_the_code_does() {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../docs/rollback.md");
    let page = fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = page.split_once(BEGIN).expect("the page has the table");
    let (_, after) = rest.split_once(END).expect("the table has an end");
    let now = format!("{before}{BEGIN}\n{}\n{}\n{END}{after}", questions(), silences());
    if env::var_os("UPDATE_GOLDEN").is_some() {
        fs::write(&path, &now).expect("the page is kept");
    } else {
        assert!(page == now, "docs/rollback.md differs; UPDATE_GOLDEN=1 rewrites it\n{}\n{}", questions(), silences());
    }
}

/// One row for each question, one column for each bad answer.
fn questions() -> String {
    let names: Vec<_> = bad_answers("").into_iter().map(|(name, _)| name).collect();
    let mut table = format!("| question | {} |\n|---|{}\n", names.join(" | "), "---|".repeat(names.len()));
    for question in all() {
        let cells: Vec<_> = bad_answers("canary-token")
            .into_iter()
            .map(|(_, answer)| match outcome(&question, answer) {
                Outcome::Read => "*an answer*".to_owned(),
                Outcome::Fault { code, retry, .. } => format!("{code}{}", mark(retry)),
            })
            .collect();
        writeln!(table, "| {} | {} |", question.name, cells.join(" | ")).expect("a text takes it");
    }
    table
}

fn silences() -> String {
    let mut table = "| no answer | comes to | asked again |\n|---|---|---|\n".to_owned();
    for silence in [Silence::Unreachable, Silence::TimedOut, Silence::Broken, Silence::TooLarge] {
        let again = if silence.retry() == Retry::Never { "no" } else { "later" };
        writeln!(table, "| {silence} | `{}` | {again} |", silence.failure_code()).expect("a text takes it");
    }
    table
}

fn mark(retry: Retry) -> &'static str {
    match retry {
        Retry::Later(Some(_)) => " ⏲",
        Retry::Later(None) => " ↻",
        Retry::Renewed => " 🗝",
        Retry::Never => "",
    }
}
