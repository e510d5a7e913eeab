//! Every question against every bad answer: what each comes to is written into the documentation, and none repeats a secret.

#![expect(clippy::expect_used, reason = "a test fails by panicking")]

mod documentation;
mod questions;

use clients::{Fault, Request, Retry, Silence};
use rollback::step::FailureCode;

use questions::{Question, all};

/// An answer as it comes from outside: status, headers, body.
type Raw = (u16, Vec<(String, String)>, Vec<u8>);

/// What an answer comes to.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Outcome {
    /// It is a good answer.
    Read,
    /// It is an error.
    Fault { code: &'static str, retry: Retry, failure: FailureCode, text: String },
}

impl Outcome {
    fn of(result: Result<(), Box<dyn Fault>>) -> Self {
        match result {
            Ok(()) => Self::Read,
            Err(error) => Self::Fault {
                code: error.code(),
                retry: error.retry(),
                failure: error.failure_code(),
                text: format!("{error} {error:?} {}", error.failure().detail),
            },
        }
    }
}

fn raw(status: u16, headers: &[(&str, &str)], body: &str) -> Raw {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    (status, headers, body.as_bytes().to_vec())
}

/// The bad answers, each with its name. Their bodies repeat what the request kept secret.
fn bad_answers(secret: &str) -> Vec<(&'static str, Raw)> {
    let body = format!("{{\"message\": \"{secret} is not wanted\", \"error\": \"{secret}\", \"errors\": []}}");
    let plain = |status| raw(status, &[("content-type", "application/json")], &body);
    vec![
        ("401", plain(401)),
        ("403", plain(403)),
        ("404", plain(404)),
        ("409", plain(409)),
        ("422", plain(422)),
        ("429", raw(429, &[("Retry-After", "7")], &body)),
        ("500", plain(500)),
        ("garbage", raw(200, &[("content-type", "text/html")], &format!("<html>{secret}</html>"))),
    ]
}

fn outcome(question: &Question, (status, headers, body): Raw) -> Outcome {
    match question.request.answer(status, headers, body) {
        Ok(response) => Outcome::of((question.read)(&response)),
        Err(silence) => Outcome::of(Err(Box::new(silence))),
    }
}

#[test]
fn a_good_answer_is_read_whatever_came_before() {
    for question in all() {
        for (name, answer) in bad_answers("canary-token") {
            // What only its status tells is good with any body, and what is not there may be an answer.
            let told = matches!((question.name, name), ("webhook: notification", "garbage") | (_, "404"));
            assert!(told || outcome(&question, answer) != Outcome::Read, "{} {name}", question.name);
        }
        assert_eq!(outcome(&question, question.good.clone()), Outcome::Read, "{}", question.name);
    }
}

#[test]
fn the_kinds_of_bad_answers_are_told_apart() {
    for question in all() {
        for (name, answer) in bad_answers("canary-token") {
            let Outcome::Fault { retry, failure, .. } = outcome(&question, answer) else { continue };
            let about = format!("{} {name}", question.name);
            match name {
                "401" => assert_ne!(retry, Retry::Later(None), "{about}"),
                // Whoever keeps the artifacts says so of an address that has grown old.
                "403" if question.name == "github: artifact" => assert_eq!(retry, Retry::Later(None), "{about}"),
                "403" => assert_eq!(failure, FailureCode::InsufficientPermissions, "{about}"),
                "429" => assert_eq!(retry, Retry::Later(Some(chrono::TimeDelta::seconds(7))), "{about}"),
                "500" => assert_eq!((retry, failure), (Retry::Later(None), FailureCode::TimedOut), "{about}"),
                "garbage" => assert_ne!(retry, Retry::Renewed, "{about}"),
                _ => assert_eq!(retry, Retry::Never, "{about}"),
            }
        }
    }
}

#[test]
fn no_error_repeats_a_secret() {
    for question in all() {
        assert!(
            !format!("{:?} {}", question.request, question.request.subject()).contains("canary"),
            "{}",
            question.name
        );
        for (name, answer) in bad_answers("canary-token") {
            if let Outcome::Fault { text, .. } = outcome(&question, answer) {
                assert!(!text.contains("canary"), "{} {name}: {text}", question.name);
            }
        }
        // A good answer may hold a secret that was just made: what is read of it doesn't show it either.
        let (status, headers, body) = question.good.clone();
        let response = question.request.answer(status, headers, body).expect("it is whole");
        assert!(!format!("{response:?}").contains("canary"), "{}", question.name);
    }
}

#[test]
fn a_good_answer_that_is_cut_off_is_never_read() {
    for question in all().iter().filter(|question| !question.good.2.is_empty()) {
        let (status, mut headers, body) = question.good.clone();
        let half = body[..body.len() / 2].to_vec();
        if question.parses {
            let read = outcome(question, (status, headers.clone(), half.clone()));
            assert_ne!(read, Outcome::Read, "{}: half a body, and nobody said how long it is", question.name);
        }
        headers.push(("Content-Length".to_owned(), body.len().to_string()));
        let broken = question.request.answer(status, headers, half);
        assert_eq!(broken, Err(Silence::Broken), "{}", question.name);
    }
}

#[test]
fn no_answer_is_larger_than_its_question_allows() {
    let request: Request = all().remove(0).request.at_most(1_000);
    assert_eq!(request.answer(200, Vec::new(), vec![b' '; 1_001]), Err(Silence::TooLarge));
}

#[test]
fn hostile_answers_are_survived() {
    let deep = format!("{}{}", "[".repeat(5_000), "]".repeat(5_000));
    let wide = format!("{{\"message\": \"{}\"}}", "\u{1f4a3}".repeat(5_000));
    for question in all() {
        for status in [100, 200, 201, 202, 204, 302, 400, 405, 410, 418, 451, 503, 599, 999] {
            for body in
                ["", "null", "0", "\"\"", "[]", "{}", "{\"errors\": 1}", "{\"error\": {}}", &deep, &wide, "\u{0}\u{1}"]
            {
                let answer = raw(status, &[("link", "<<>>;;,,>"), ("location", "\u{0}"), ("retry-after", "-1")], body);
                if let Outcome::Fault { text, .. } = outcome(&question, answer) {
                    assert!(text.len() < 4_000, "{} {status}: an error is short", question.name);
                }
            }
        }
    }
}
