//! Counting what passed and what failed, over programs that report it in different ways.

use std::process::ExitCode;

use anyhow::Result;

use crate::failures::failures;
use crate::progress::Finished;

/// What one suite came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    passed: usize,
    /// A skipped test counts as failed: nobody looks at what is skipped.
    failed: usize,
}

/// The results of all suites.
#[derive(Default)]
pub struct Tally {
    suites: Vec<(String, Count)>,
}

impl Tally {
    /// Counts a check that either holds or does not.
    pub fn check(&mut self, name: &str, finished: &Finished) {
        let count = if finished.success { Count { passed: 1, failed: 0 } } else { Count { passed: 0, failed: 1 } };
        self.record(name, count, finished);
    }

    /// Counts a suite by what cargo's or Node's test runner printed.
    pub fn add(&mut self, name: &str, finished: &Finished) {
        let mut count = count(&finished.output);
        // It did not compile, or died before it could say what failed.
        if !finished.success && count.failed == 0 {
            count.failed = 1;
        }
        self.record(name, count, finished);
    }

    /// The same for one that may not even have begun.
    pub fn end(&mut self, name: &str, finished: Result<Finished>) {
        match finished {
            Ok(finished) => self.add(name, &finished),
            Err(error) => {
                eprintln!("{name}: {error:#}");
                self.suites.push((name.to_owned(), Count { passed: 0, failed: 1 }));
            }
        }
    }

    fn record(&mut self, name: &str, count: Count, finished: &Finished) {
        if count.failed > 0 {
            let failures = failures(&finished.output);
            eprintln!("{}", if failures.is_empty() { finished.tail() } else { failures });
        }
        self.suites.push((name.to_owned(), count));
    }

    /// Prints the counts, the sum on the last line, and answers the exit code that goes with them.
    pub fn close(self) -> ExitCode {
        println!();
        let mut sum = Count::default();
        for (name, count) in &self.suites {
            println!("{name:28} {:5} passed {:5} failed", count.passed, count.failed);
            sum.passed += count.passed;
            sum.failed += count.failed;
        }
        println!("{} passed, {} failed", sum.passed, sum.failed);
        if sum.failed == 0 && sum.passed > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn count(output: &str) -> Count {
    let counts = output.lines().filter_map(|line| rust(line).or_else(|| node(line)));
    let sum = counts
        .fold(Count::default(), |sum, one| Count { passed: sum.passed + one.passed, failed: sum.failed + one.failed });
    let filtered = output.lines().filter(|line| line.contains(FILTERED)).count();
    Count { failed: sum.failed.saturating_sub(filtered), ..sum }
}

/// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 2 filtered out; finished in 0.01s`.
fn rust(line: &str) -> Option<Count> {
    let (_, parts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let number = |word: &str| parts.split("; ").find_map(|part| part.strip_suffix(word)?.trim().parse().ok());
    Some(Count { passed: number("passed")?, failed: number("failed")? + number("ignored")? })
}

/// How Node marks a test that a filter left out. Node 20 counts it as skipped, later ones do not count it.
const FILTERED: &str = "# SKIP test name does not match pattern";

/// Reads one of the closing lines of Node's TAP report, such as `# pass 12`.
fn node(line: &str) -> Option<Count> {
    let (word, number) = line.strip_prefix("# ")?.split_once(' ')?;
    let number = number.parse().ok()?;
    match word {
        "pass" => Some(Count { passed: number, failed: 0 }),
        "fail" | "cancelled" | "skipped" | "todo" => Some(Count { passed: 0, failed: number }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_the_binaries_of_a_cargo_test_run() {
        let output = "\
test result: ok. 3 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s
test result: FAILED. 4 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(count(output), Count { passed: 7, failed: 2 });
    }

    #[test]
    fn an_ignored_test_counts_as_failed() {
        let output = "test result: ok. 3 passed; 0 failed; 1 ignored; 0 measured; 0 filtered out; finished in 0.01s";
        assert_eq!(count(output), Count { passed: 3, failed: 1 });
    }

    #[test]
    fn reads_the_end_of_a_node_report() {
        let output = "ok 1 - talks\n# tests 5\n# suites 0\n# pass 3\n# fail 1\n# cancelled 0\n# skipped 1\n# todo 0\n# duration_ms 12.5";
        assert_eq!(count(output), Count { passed: 3, failed: 2 });
    }

    #[test]
    fn a_test_that_the_filter_leaves_out_is_no_failure() {
        let output = "ok 1 - talks\nok 2 - listens # SKIP test name does not match pattern\n# pass 1\n# skipped 1";
        assert_eq!(count(output), Count { passed: 1, failed: 0 });
    }
}
