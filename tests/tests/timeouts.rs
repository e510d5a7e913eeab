//! Must hold: whoever waits has more time than what is waited for. The tables of `docs/limits.md` say all of it, and are what
//! is set where they say.

#![expect(clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::path::PathBuf;
use std::time::Duration;

/// One line of a table.
#[derive(Debug)]
struct Line {
    time: Duration,
    file: String,
    name: String,
}

fn read(path: &str) -> String {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..").join(path);
    std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The tables of the page that say how long, from whoever waits longest to what is waited for last.
fn tables() -> Vec<Vec<Line>> {
    let mut tables = Vec::new();
    let mut table: Option<Vec<Line>> = None;
    for line in read("docs/limits.md").lines() {
        if line.starts_with("| who waits |") {
            table = Some(Vec::new());
        } else if let (true, Some(lines)) = (line.starts_with('|'), &mut table) {
            if !line.starts_with("|---") {
                lines.push(parse(line));
            }
        } else {
            tables.extend(table.take());
        }
    }
    tables.extend(table);
    tables
}

fn parse(line: &str) -> Line {
    let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
    let [_, _, time, place] = cells.as_slice() else { panic!("{line}") };
    let time = seconds(time).unwrap_or_else(|| panic!("no time: {line}"));
    let mut names = place.split('`').skip(1).step_by(2).map(str::to_owned);
    let (Some(file), Some(name)) = (names.next(), names.next()) else { panic!("no place: {line}") };
    Line { time, file, name }
}

/// `4.5 s` or `100 ms`.
fn seconds(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_once(' ')?;
    let number: f64 = number.parse().ok()?;
    match unit {
        "s" => Some(Duration::from_secs_f64(number)),
        "ms" => Some(Duration::from_secs_f64(number / 1000.0)),
        _ => None,
    }
}

/// What is set under a name in a file: all of it, for a role may be set several times.
fn set_in(file: &str, name: &str) -> Vec<Duration> {
    let text = read(file);
    if file.ends_with(".sql") {
        let marks = format!("'{name}', '");
        return text.split(&marks).skip(1).filter_map(|rest| database_time(rest.split('\'').next()?)).collect();
    }
    let assigned = [format!(" {name}: Duration::from_"), format!("const {name}: Duration = Duration::from_")];
    let values = text.lines().filter_map(|line| assigned.iter().find_map(|mark| line.split_once(mark.as_str())));
    values.map(|(_, value)| rust_time(value).unwrap_or_else(|| panic!("{file}: {value}"))).collect()
}

/// The rest of `Duration::from_…(…)`.
fn rust_time(text: &str) -> Option<Duration> {
    let (unit, rest) = text.split_once('(')?;
    let number: u64 = rest.split(')').next()?.replace('_', "").parse().ok()?;
    match unit {
        "secs" => Some(Duration::from_secs(number)),
        "millis" => Some(Duration::from_millis(number)),
        _ => None,
    }
}

/// `2500ms` or `1s`.
fn database_time(text: &str) -> Option<Duration> {
    if let Some(number) = text.strip_suffix("ms") {
        return Some(Duration::from_millis(number.parse().ok()?));
    }
    Some(Duration::from_secs(text.strip_suffix('s')?.parse().ok()?))
}

#[test]
fn the_tables_say_what_is_set() {
    let tables = tables();
    assert_eq!(tables.iter().map(Vec::len).collect::<Vec<_>>(), [7, 7, 3, 4, 3, 2], "the page has all its tables");
    for line in tables.iter().flatten() {
        let set = set_in(&line.file, &line.name);
        assert!(!set.is_empty(), "{} sets no {}", line.file, line.name);
        assert!(set.iter().all(|time| *time == line.time), "{line:?}, but {set:?} is set");
    }
}

#[test]
fn whoever_waits_has_more_time_than_what_is_waited_for() {
    for table in tables() {
        for (waiter, waited_for) in table.iter().zip(table.iter().skip(1)) {
            assert!(waiter.time > waited_for.time, "{waiter:?} waits for {waited_for:?}");
        }
    }
}

#[test]
fn what_the_runtime_and_the_relay_do_by_default_is_what_is_written() {
    let limits = runtime::Limits::default();
    let tables = tables();
    let of = |name: &str| tables.iter().flatten().find(|line| line.name == name).map(|line| line.time);
    assert_eq!((of("statement"), of("call")), (Some(limits.statement), Some(Duration::from_millis(3500))));
    let url = hubline_role();
    for name in ["statement_timeout", "lock_timeout"] {
        let millis = of(name).unwrap().as_millis();
        assert!(url.contains(&format!("{name}: \"{millis}ms\"")), "{url} takes the role on without its {name}");
    }
}

/// How `hubline` takes the chat's role on: sessions that do so later do not inherit its time-outs.
fn hubline_role() -> String {
    let roles = read("crates/hubline/src/roles.rs");
    roles.lines().find(|line| line.contains("\"hubline_chat\"")).expect("the chat's role").to_owned()
}
