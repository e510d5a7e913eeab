//! The servers, for real: what a user of this crate relies on.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::env;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use embedded::{Account, Postgres, Redis};
use tempfile::TempDir;

/// A folder that the account can reach.
fn place() -> TempDir {
    let place = tempfile::tempdir().unwrap();
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o711)).unwrap();
    place
}

fn postgres(place: &Path) -> Postgres {
    Postgres::open(&place.join("postgres"), &Account::choose().unwrap()).unwrap()
}

fn redis(place: &Path) -> Redis {
    Redis::open(&place.join("redis"), &Account::choose().unwrap()).unwrap()
}

/// What a query answers, if the server does.
fn query(url: &str, sql: &str) -> Option<String> {
    let psql = programs::postgres().unwrap().bin.join("psql");
    let output = Command::new(psql).args(["-XAtqc", sql, url]).output().unwrap();
    output.status.success().then(|| String::from_utf8(output.stdout).unwrap().trim().to_owned())
}

/// What Redis answers to a PING: nothing when it is not there, or dies over it.
fn ping(url: &str) -> String {
    use std::io::{BufRead, BufReader, Write};
    let (password, address) = url.strip_prefix("redis://:").unwrap().split_once('@').unwrap();
    let ask = || {
        let mut stream = std::net::TcpStream::connect(address).ok()?;
        write!(stream, "AUTH {password}\r\nPING\r\n").ok()?;
        BufReader::new(stream).lines().nth(1)?.ok()
    };
    ask().unwrap_or_default()
}

fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds() {
        assert!(Instant::now() < deadline, "{what}");
        thread::sleep(Duration::from_millis(50));
    }
}

#[test]
fn data_is_found_again_at_the_same_address() {
    let place = place();
    let first = postgres(place.path());
    let url = first.url().to_owned();
    query(&url, "create table kept as select 7 as n").expect("the owner may make tables");
    drop(first);
    assert_eq!(query(&url, "select 1"), None, "it stops with its owner");

    let second = postgres(place.path());
    assert_eq!(second.url(), url);
    assert_eq!(query(&url, "select n from kept").as_deref(), Some("7"));
}

#[test]
fn the_owner_is_no_superuser_and_may_make_roles() {
    let place = place();
    let server = postgres(place.path());
    let rights = "select rolsuper, rolcreaterole from pg_roles where rolname = current_user";
    assert_eq!(query(server.url(), rights).as_deref(), Some("f|t"));
}

#[test]
fn a_wrong_password_is_refused() {
    let place = place();
    let server = postgres(place.path());
    let password = fs::read_to_string(place.path().join("postgres/password")).unwrap();
    let wrong = server.url().replace(&password, "guess");
    assert_ne!(wrong, server.url());
    assert_eq!(query(&wrong, "select 1"), None);
}

#[test]
fn an_aborted_initialization_is_done_again() {
    let place = place();
    fs::create_dir_all(place.path().join("postgres/data.new/base")).unwrap();
    assert_eq!(query(postgres(place.path()).url(), "select 1").as_deref(), Some("1"));
}

#[test]
fn a_second_opening_uses_the_first_and_takes_over_from_it() {
    let place = place();
    let first = postgres(place.path());
    let second = postgres(place.path());
    assert_eq!(second.url(), first.url());
    drop(first);
    eventually("the second runs the server now", || query(second.url(), "select 1").is_some());
}

#[test]
fn a_server_that_dies_is_started_again() {
    let place = place();
    let server = postgres(place.path());
    let pid = fs::read_to_string(place.path().join("postgres/data/postmaster.pid")).unwrap();
    assert!(Command::new("kill").args(["-KILL", pid.lines().next().unwrap()]).status().unwrap().success());
    eventually("PostgreSQL is back", || query(server.url(), "select 1").is_some());

    let server = redis(place.path());
    let pid = fs::read_to_string(place.path().join("redis/pid")).unwrap();
    assert!(Command::new("kill").args(["-KILL", pid.trim()]).status().unwrap().success());
    eventually("Redis is back", || ping(server.url()) == "+PONG");
}

/// Another process that holds the servers of a folder: this test program itself, running [`holder`] alone.
fn hold(place: &Path) -> Child {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "holder"])
        .env("HOLD", place)
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    eventually("the other process is ready", || place.join("ready").exists());
    child
}

#[test]
fn holder() {
    let Some(place) = env::var_os("HOLD") else { return };
    let place = Path::new(&place);
    let postgres = postgres(place);
    let redis = redis(place);
    fs::write(place.join("ready"), format!("{}\n{}", postgres.url(), redis.url())).unwrap();
    thread::sleep(Duration::from_secs(600));
}

#[test]
fn nothing_survives_a_killed_owner_and_the_next_takes_over() {
    let place = place();
    let mut owner = hold(place.path());
    let ready = fs::read_to_string(place.path().join("ready")).unwrap();
    let (postgres_url, redis_url) = ready.split_once('\n').unwrap();
    query(postgres_url, "create table kept as select 7 as n").unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();

    let server = postgres(place.path());
    assert_eq!(query(server.url(), "select n from kept").as_deref(), Some("7"));
    let cache = redis(place.path());
    assert_eq!(ping(cache.url()), "+PONG");
    assert_eq!((server.url(), cache.url()), (postgres_url, redis_url), "the addresses stay");
}

#[test]
#[cfg(target_os = "linux")]
fn servers_end_with_an_owner_that_was_killed() {
    let place = place();
    let mut owner = hold(place.path());
    let ready = fs::read_to_string(place.path().join("ready")).unwrap();
    let (postgres_url, redis_url) = ready.split_once('\n').unwrap();
    owner.kill().unwrap();
    owner.wait().unwrap();
    eventually("PostgreSQL ended", || query(postgres_url, "select 1").is_none());
    eventually("Redis ended", || ping(redis_url).is_empty());
}

#[test]
fn redis_wants_its_password_and_keeps_no_data() {
    let place = place();
    let server = redis(place.path());
    assert_eq!(ping(server.url()), "+PONG");
    let (password, _) = server.url().strip_prefix("redis://:").unwrap().split_once('@').unwrap();
    assert!(ping(&server.url().replace(password, "guess")).starts_with("-NOAUTH"));
}
