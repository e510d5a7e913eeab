//! Servers that an earlier process left behind.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process, test_kill_process};

/// How long an orphan gets to end by itself.
const PATIENCE: Duration = Duration::from_secs(30);

/// Ends the process of a pid file, if it still runs and its command line has all of `marks`.
///
/// After a power failure the number in the file may be that of an innocent process.
pub(crate) fn end(pid_file: &Path, marks: &[&str], signal: Signal) {
    let Some(pid) = read(pid_file) else { return };
    if !is_ours(pid, marks) {
        return;
    }
    tracing::info!(pid = pid.as_raw_nonzero().get(), "ending a server that an earlier run left behind");
    // It may end between the question and the signal, which is what we want.
    let _ = kill_process(pid, signal);
    let deadline = Instant::now() + PATIENCE;
    while test_kill_process(pid).is_ok() && is_ours(pid, marks) {
        if Instant::now() >= deadline {
            let _ = kill_process(pid, Signal::KILL);
            break;
        }
        thread::sleep(Duration::from_millis(20));
    }
}

fn read(pid_file: &Path) -> Option<Pid> {
    let text = fs::read_to_string(pid_file).ok()?;
    Pid::from_raw(text.lines().next()?.trim().parse().ok()?)
}

fn is_ours(pid: Pid, marks: &[&str]) -> bool {
    let line = command_line(pid).unwrap_or_default();
    marks.iter().all(|mark| line.contains(mark))
}

/// The command line of a process, from /proc where there is one.
fn command_line(pid: Pid) -> Option<String> {
    let pid = pid.as_raw_nonzero();
    if let Ok(bytes) = fs::read(format!("/proc/{pid}/cmdline")) {
        return Some(String::from_utf8_lossy(&bytes).replace('\0', " "));
    }
    let output = Command::new("ps").args(["-o", "command=", "-p", &pid.to_string()]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Child;

    fn sleeper(folder: &Path) -> Child {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        fs::write(folder.join("pid"), format!("{}\n", child.id())).unwrap();
        // A new process shows its command line a moment after it exists.
        let pid = read(&folder.join("pid")).unwrap();
        while !is_ours(pid, &["sleep"]) {
            thread::yield_now();
        }
        child
    }

    #[test]
    fn ends_a_process_that_is_ours() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = sleeper(folder.path());
        let reaper = thread::spawn(move || child.wait().unwrap());
        end(&folder.path().join("pid"), &["sleep", "60"], Signal::TERM);
        assert!(!reaper.join().unwrap().success());
    }

    #[test]
    fn leaves_a_stranger_with_the_same_number_alone() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = sleeper(folder.path());
        end(&folder.path().join("pid"), &["postgres"], Signal::TERM);
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }

    #[test]
    fn no_file_is_no_orphan() {
        end(Path::new("/nonexistent/pid"), &[], Signal::TERM);
    }
}
