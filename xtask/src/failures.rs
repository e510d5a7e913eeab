//! What to show of a test run that failed: the failures, out of everything it printed.

/// As much as a person reads.
const MOST_LINES: usize = 300;

/// The parts of an output that tell what failed; nothing when the output is of no test runner that we know.
pub fn failures(output: &str) -> String {
    let mut shown = Vec::new();
    let mut inside = None;
    for line in output.lines() {
        let part = inside.or_else(|| Part::begun_by(line));
        if let Some(part) = part {
            shown.push(line);
            inside = (!part.is_ended_by(line)).then_some(part);
        }
    }
    shown.truncate(MOST_LINES);
    shown.join("\n")
}

/// A stretch of output about failures.
#[derive(Clone, Copy)]
enum Part {
    /// Cargo's, of one test program.
    Rust,
    /// Node's, of one test.
    Node,
}

impl Part {
    fn begun_by(line: &str) -> Option<Self> {
        match line.trim_start() {
            "failures:" => Some(Self::Rust),
            line if line.starts_with("not ok ") => Some(Self::Node),
            _ => None,
        }
    }

    fn is_ended_by(self, line: &str) -> bool {
        match self {
            Self::Rust => line.starts_with("test result: "),
            Self::Node => line.trim() == "...",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_the_failures_of_every_test_program() {
        let output = "running 2 tests\ntest a ... ok\nfailures:\n---- b ----\nit broke\ntest result: FAILED. 1 passed\n\
                      running 1 test\ntest c ... ok\ntest result: ok. 1 passed\nfailures:\n---- d ----\ntest result: FAILED.";
        let shown = failures(output);
        assert!(shown.contains("it broke") && shown.contains("---- d ----"), "{shown}");
        assert!(!shown.contains("test a") && !shown.contains("test c"), "{shown}");
    }

    #[test]
    fn shows_the_failures_of_a_node_report() {
        let output =
            "ok 1 - fine\n  ---\n  duration_ms: 1\n  ...\nnot ok 2 - broken\n  ---\n  error: 'why'\n  ...\nok 3 - fine";
        assert_eq!(failures(output), "not ok 2 - broken\n  ---\n  error: 'why'\n  ...");
    }

    #[test]
    fn shows_nothing_of_other_output() {
        assert_eq!(failures("error: could not compile"), "");
    }
}
