//! Compiled components on disk.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Request;
use runtime::{Limits, Options, Runtime};

use crate::application::component;

async fn load(folder: &Path) -> (Runtime, Duration) {
    let manifest = folder.join("spin.toml");
    let source = component();
    let text = format!(
        "spin_manifest_version = 2\n[application]\nname = \"a\"\n[[trigger.http]]\ncomponent = \"guest\"\nroute = \"/...\"\n\
         [component.guest]\nsource = {source:?}\nvariables = {{ greeting = \"hello\" }}\n"
    );
    fs::write(&manifest, text).unwrap();
    let cache_dir = folder.join("cache");
    let start = Instant::now();
    let options =
        Options { manifest, variables: Default::default(), cache_dir, standard: false, limits: Limits::default() };
    (Runtime::load(options).await.unwrap(), start.elapsed())
}

async fn works(runtime: &Runtime) -> Duration {
    let start = Instant::now();
    let answer = runtime.handle(Request::get("/variable?greeting").body(Bytes::new()).unwrap()).await;
    assert_eq!(answer.body().as_ref(), b"hello");
    start.elapsed()
}

#[tokio::test]
async fn is_used_at_the_next_start_and_rubbish_in_it_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let (runtime, compiling) = load(folder.path()).await;
    works(&runtime).await;
    let (runtime, loading) = load(folder.path()).await;
    let first = works(&runtime).await;
    assert!(loading * 3 < compiling, "loading took {loading:?}, compiling {compiling:?}");
    assert!(first < Duration::from_millis(50), "the first request took {first:?}");

    let files: Vec<_> = fs::read_dir(folder.path().join("cache")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    for rubbish in [&b""[..], b"not machine code"] {
        fs::remove_file(&files[0]).unwrap();
        fs::write(&files[0], rubbish).unwrap();
        let (runtime, _) = load(folder.path()).await;
        works(&runtime).await;
    }
}

#[tokio::test]
async fn a_folder_that_others_may_write_to_is_not_used() {
    let folder = tempfile::tempdir().unwrap();
    let cache_dir = folder.path().join("cache");
    fs::create_dir(&cache_dir).unwrap();
    fs::set_permissions(&cache_dir, fs::Permissions::from_mode(0o777)).unwrap();
    let manifest = folder.path().join("spin.toml");
    fs::write(&manifest, "spin_manifest_version = 2\n[application]\nname = \"a\"\n").unwrap();
    let options =
        Options { manifest, variables: Default::default(), cache_dir, standard: false, limits: Limits::default() };
    let Err(error) = Runtime::load(options).await else { panic!("it loaded") };
    assert!(error.to_string().contains("others may write to it"), "{error}");
}
