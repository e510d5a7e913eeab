use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(seconds)
}

fn sample(value: f64) -> Measurement {
    Measurement::Sample { value, at: at(1_000) }
}

fn good() -> Metrics {
    Metrics {
        evaluated_at: at(1_000),
        p95_seconds: sample(0.2),
        error_ratio: sample(0.001),
        requests: sample(100.0),
        evidence: None,
    }
}

/// The verdicts on error rate, latency and traffic.
fn verdicts(measured: &Metrics) -> [Verdict; 3] {
    verdicts_after(measured, Some(at(880)))
}

fn verdicts_after(measured: &Metrics, change: Option<DateTime<Utc>>) -> [Verdict; 3] {
    let results = metrics(measured, &Policy::default(), change);
    [results[0].verdict, results[1].verdict, results[2].verdict]
}

use Verdict::{Fail, Inconclusive, Pass};

#[test]
fn good_numbers_pass() {
    assert_eq!(verdicts(&good()), [Pass, Pass, Pass]);
    assert_eq!(verdicts_after(&good(), None), [Pass, Pass, Pass]);
    // No error at all.
    assert_eq!(verdicts(&Metrics { error_ratio: sample(0.0), ..good() }), [Pass, Pass, Pass]);
}

#[test]
fn the_limits_themselves_fail() {
    assert_eq!(verdicts(&Metrics { p95_seconds: sample(0.5), ..good() }), [Pass, Fail, Pass]);
    assert_eq!(verdicts(&Metrics { p95_seconds: sample(0.4999), ..good() }), [Pass, Pass, Pass]);
    assert_eq!(verdicts(&Metrics { error_ratio: sample(0.01), ..good() }), [Fail, Pass, Pass]);
    assert_eq!(verdicts(&Metrics { error_ratio: sample(0.009_9), ..good() }), [Pass, Pass, Pass]);
}

#[test]
fn what_is_no_number_is_inconclusive() {
    let stale = Measurement::Sample { value: 0.1, at: at(939) };
    let future = Measurement::Sample { value: 0.1, at: at(1_061) };
    let none = [
        Measurement::Empty,
        Measurement::Warned,
        Measurement::Unanswered,
        sample(f64::NAN),
        sample(f64::INFINITY),
        sample(f64::NEG_INFINITY),
        sample(-1.0),
        stale,
        future,
    ];
    for measurement in none {
        assert_eq!(verdicts(&Metrics { p95_seconds: measurement, ..good() }), [Pass, Inconclusive, Pass]);
        assert_eq!(verdicts(&Metrics { error_ratio: measurement, ..good() }), [Inconclusive, Pass, Pass]);
        assert_eq!(verdicts(&Metrics { requests: measurement, ..good() })[2], Inconclusive, "{measurement:?}");
    }
}

#[test]
fn too_few_requests_say_nothing_good_or_bad() {
    let few = Metrics { requests: sample(59.0), p95_seconds: sample(9.0), ..good() };
    assert_eq!(verdicts(&few), [Inconclusive, Inconclusive, Inconclusive]);
}

#[test]
fn a_window_that_began_before_the_last_change_says_nothing() {
    assert_eq!(verdicts_after(&good(), Some(at(881))), [Inconclusive, Inconclusive, Inconclusive]);
}

#[test]
fn pods_must_all_be_seen_and_right() {
    let right = Pods { desired: 3, ready: 3, wrong_image: 0, restarts: 0 };
    let verdict = |seen: &[Option<Pods>]| pods(seen, None).verdict;
    assert_eq!(verdict(&[Some(right)]), Pass);
    assert_eq!(verdict(&[Some(right), Some(Pods { ready: 2, ..right })]), Fail);
    assert_eq!(verdict(&[Some(Pods { wrong_image: 1, ..right })]), Fail);
    assert_eq!(verdict(&[Some(Pods { restarts: 1, ..right })]), Fail);
    assert_eq!(verdict(&[]), Inconclusive);
    assert_eq!(verdict(&[Some(right), None]), Inconclusive);
    assert_eq!(verdict(&[Some(Pods::default())]), Inconclusive, "nothing is desired");
}

#[test]
fn the_alert_must_be_quiet() {
    let table = [
        (AlertSight::Quiet, Pass),
        (AlertSight::Firing, Fail),
        (AlertSight::Pending, Inconclusive),
        (AlertSight::Unknown, Inconclusive),
    ];
    for (seen, verdict) in table {
        assert_eq!(alert(seen, None).verdict, verdict);
    }
}

#[test]
fn a_smoke_test_must_be_right_and_clean_up() {
    let check = Check::Mandatory(MandatoryCheck::SmokeUser);
    let table =
        [(Smoke::Right, Pass), (Smoke::Wrong, Fail), (Smoke::Silent, Inconclusive), (Smoke::Littered, Inconclusive)];
    for (seen, verdict) in table {
        assert_eq!(smoke(check.clone(), seen, None).verdict, verdict);
    }
}
