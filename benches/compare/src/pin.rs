//! The processors that everything runs on: this process, and all that it starts from then on.

use anyhow::Result;

/// Keeps this thread, and every thread and process that it starts, to these processors.
///
/// # Errors
/// The machine lacks one of them or forbids it; the system is not Linux.
#[cfg(target_os = "linux")]
pub fn pin(processors: &[usize]) -> Result<()> {
    use anyhow::{Context, ensure};
    use rustix::thread::{CpuSet, sched_setaffinity};

    let mut set = CpuSet::new();
    for &processor in processors {
        ensure!(processor < CpuSet::MAX_CPU, "there is no processor {processor}");
        set.set(processor);
    }
    sched_setaffinity(None, &set).with_context(|| format!("processors {} can't be had", list(processors)))?;
    // Linux takes those that there are, and says nothing of the others.
    let had = pinned().unwrap_or_default();
    ensure!(set.count() as usize == had.len(), "of processors {} only {} can be had", list(processors), list(&had));
    Ok(())
}

/// Elsewhere nothing is known of processors.
///
/// # Errors
/// Always.
#[cfg(not(target_os = "linux"))]
pub fn pin(_: &[usize]) -> Result<()> {
    anyhow::bail!("processes are pinned on Linux only")
}

/// The processors that this thread may use; `None` where that is not known.
#[cfg(target_os = "linux")]
pub fn pinned() -> Option<Vec<usize>> {
    use rustix::thread::{CpuSet, sched_getaffinity};

    let set = sched_getaffinity(None).ok()?;
    Some((0..CpuSet::MAX_CPU).filter(|processor| set.is_set(*processor)).collect())
}

/// Elsewhere nothing is known of processors.
#[cfg(not(target_os = "linux"))]
pub fn pinned() -> Option<Vec<usize>> {
    None
}

/// Processors as people write them.
pub fn list(processors: &[usize]) -> String {
    processors.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn whatever_is_started_runs_on_the_same_processors() {
        // In a thread of its own: it is the thread that is pinned.
        std::thread::spawn(|| {
            let first = pinned().unwrap()[0];
            pin(&[first]).unwrap();
            assert_eq!(pinned(), Some(vec![first]));
            let status = Command::new("cat").arg("/proc/self/status").output().unwrap().stdout;
            let allowed = format!("Cpus_allowed_list:\t{first}\n");
            assert!(String::from_utf8(status).unwrap().contains(&allowed));
        })
        .join()
        .unwrap();
    }

    #[test]
    fn a_processor_that_is_not_there_is_refused() {
        std::thread::spawn(|| {
            let first = pinned().unwrap()[0];
            assert!(pin(&[first, 1023]).unwrap_err().to_string().contains("can be had"));
            assert!(pin(&[usize::MAX]).is_err());
        })
        .join()
        .unwrap();
    }
}
