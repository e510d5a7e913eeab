//! Whether enough people have approved a run.
//!
//! An application: one person. A database: two. Infrastructure: two, one of them with the scope
//! [`Scope::Infrastructure`]. Whoever asked for the run never counts. One approval stands alone, so for an application the
//! person who decided on the strategy does not count either; only a commander may, at the end of the time that is left, and
//! that is [`break-glass`](Approval::break_glass).

use std::fmt;

use chrono::{DateTime, Utc};

use crate::{Approval, Digest, Kind, Person, Principal, Role, Scope, principal};

/// What the approvals are counted against.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// The kind of run.
    pub kind: Kind,
    /// The preview.
    pub digest: Digest,
    /// Who asked for the run.
    pub requester: &'a Person,
    /// Who decided on the strategy.
    pub decider: Option<&'a Person>,
    /// What everybody may be, read just now.
    pub principals: &'a [Principal],
    /// Now.
    pub now: DateTime<Utc>,
}

/// Who counts, and what is missing.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Quorum {
    /// Whose approvals count.
    pub counted: Vec<Person>,
    /// What is missing, if anything.
    pub missing: Option<Missing>,
}

/// What is missing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Missing {
    /// So many more people.
    People(usize),
    /// Somebody with the scope for infrastructure.
    InfrastructureScope,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::People(1) => f.write_str("one more approval"),
            Self::People(count) => write!(f, "{count} more approvals"),
            Self::InfrastructureScope => f.write_str("an approval by somebody trusted with infrastructure"),
        }
    }
}

/// How many people must approve a run of this kind.
#[must_use]
pub const fn people(kind: Kind) -> usize {
    match kind {
        Kind::Application => 1,
        Kind::Database | Kind::Infrastructure => 2,
    }
}

/// Counts the approvals.
#[must_use]
pub fn count(approvals: &[Approval], question: &Question<'_>) -> Quorum {
    let mut counted: Vec<Person> = Vec::new();
    for approval in approvals {
        if counts(approval, question) && !counted.contains(&approval.person) {
            counted.push(approval.person.clone());
        }
    }
    let missing = missing(&counted, question);
    Quorum { counted, missing }
}

fn missing(counted: &[Person], question: &Question<'_>) -> Option<Missing> {
    let more = people(question.kind).saturating_sub(counted.len());
    if more > 0 {
        return Some(Missing::People(more));
    }
    let scoped = |person: &Person| {
        principal::find(question.principals, person)
            .is_some_and(|principal| principal.is_trusted_with(Scope::Infrastructure))
    };
    (question.kind == Kind::Infrastructure && !counted.iter().any(scoped)).then_some(Missing::InfrastructureScope)
}

fn counts(approval: &Approval, question: &Question<'_>) -> bool {
    let Some(principal) = principal::find(question.principals, &approval.person) else {
        return false;
    };
    approval.holds(question.digest, question.now)
        && approval.person != *question.requester
        && (principal.may_be(Role::Approver) || principal.may_be(Role::Commander))
        && is_independent(approval, principal, question)
}

fn is_independent(approval: &Approval, principal: &Principal, question: &Question<'_>) -> bool {
    let decided = question.decider == Some(&approval.person);
    question.kind != Kind::Application
        || !decided
        || (approval.break_glass.is_some() && principal.may_be(Role::Commander))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chrono::TimeDelta;

    use super::*;

    const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

    fn person(name: &str) -> Person {
        name.parse().unwrap()
    }

    fn principals() -> Vec<Principal> {
        let row = |name: &str, role, scopes: &[Scope]| Principal {
            person: person(name),
            roles: BTreeSet::from([role]),
            scopes: scopes.iter().copied().collect(),
            revoked: false,
        };
        vec![
            row("ada", Role::Approver, &[]),
            row("bob", Role::Approver, &[Scope::Infrastructure]),
            row("cleo", Role::Commander, &[]),
            row("olaf", Role::Operator, &[Scope::Infrastructure]),
        ]
    }

    fn approval(name: &str) -> Approval {
        Approval {
            person: person(name),
            digest: Digest::of(b"preview"),
            acknowledged: BTreeSet::new(),
            at: NOW,
            break_glass: None,
        }
    }

    struct Vote {
        kind: Kind,
        approvals: Vec<Approval>,
        principals: Vec<Principal>,
        decider: &'static str,
        minutes: i64,
    }

    impl Vote {
        fn on(kind: Kind, approvals: &[&str]) -> Self {
            let approvals = approvals.iter().map(|name| approval(name)).collect();
            Self { kind, approvals, principals: principals(), decider: "olaf", minutes: 0 }
        }

        fn missing(&self) -> Option<Missing> {
            let decider = person(self.decider);
            let question = Question {
                kind: self.kind,
                digest: Digest::of(b"preview"),
                requester: &person("olaf"),
                decider: Some(&decider),
                principals: &self.principals,
                now: NOW + TimeDelta::minutes(self.minutes),
            };
            count(&self.approvals, &question).missing
        }
    }

    #[test]
    fn one_for_an_application_two_for_the_rest() {
        assert_eq!(Vote::on(Kind::Application, &[]).missing(), Some(Missing::People(1)));
        assert_eq!(Vote::on(Kind::Application, &["ada"]).missing(), None);
        assert_eq!(Vote::on(Kind::Database, &["ada"]).missing(), Some(Missing::People(1)));
        assert_eq!(Vote::on(Kind::Database, &["ada", "cleo"]).missing(), None);
        assert_eq!(Vote::on(Kind::Infrastructure, &["ada", "bob"]).missing(), None);
    }

    #[test]
    fn one_person_twice_is_one_person() {
        assert_eq!(Vote::on(Kind::Database, &["ada", "ada"]).missing(), Some(Missing::People(1)));
    }

    #[test]
    fn infrastructure_needs_somebody_trusted_with_it() {
        assert_eq!(Vote::on(Kind::Infrastructure, &["ada", "cleo"]).missing(), Some(Missing::InfrastructureScope));
    }

    #[test]
    fn the_requester_a_stranger_and_another_role_do_not_count() {
        let mut vote = Vote::on(Kind::Application, &["olaf", "stranger"]);
        vote.decider = "cleo";
        assert_eq!(vote.missing(), Some(Missing::People(1)));
        // Not even with the role.
        vote.principals[3].roles.insert(Role::Approver);
        assert_eq!(vote.missing(), Some(Missing::People(1)));
    }

    #[test]
    fn an_approval_counts_for_its_own_digest_and_half_an_hour() {
        let mut vote = Vote::on(Kind::Application, &["ada"]);
        vote.minutes = 29;
        assert_eq!(vote.missing(), None);
        vote.minutes = 30;
        assert_eq!(vote.missing(), Some(Missing::People(1)));
        vote.minutes = -1;
        assert_eq!(vote.missing(), Some(Missing::People(1)), "an approval from the future");
        vote.minutes = 0;
        vote.approvals[0].digest = Digest::of(b"another preview");
        assert_eq!(vote.missing(), Some(Missing::People(1)));
    }

    #[test]
    fn a_role_withdrawn_meanwhile_does_not_count() {
        let mut vote = Vote::on(Kind::Application, &["ada"]);
        vote.principals[0].revoked = true;
        assert_eq!(vote.missing(), Some(Missing::People(1)));
        vote.principals[0].revoked = false;
        vote.principals[0].roles = BTreeSet::from([Role::Auditor]);
        assert_eq!(vote.missing(), Some(Missing::People(1)));
    }

    #[test]
    fn who_decided_does_not_count_alone_unless_the_glass_is_broken() {
        let mut vote = Vote::on(Kind::Application, &["cleo"]);
        assert_eq!(vote.missing(), None);
        vote.decider = "cleo";
        assert_eq!(vote.missing(), Some(Missing::People(1)));
        vote.approvals[0].break_glass = Some("nobody else answers".parse().unwrap());
        assert_eq!(vote.missing(), None);
        vote.principals[2].roles = BTreeSet::from([Role::Approver]);
        assert_eq!(vote.missing(), Some(Missing::People(1)), "only a commander breaks the glass");
        // With two people one of them may have decided.
        let mut vote = Vote::on(Kind::Database, &["ada", "cleo"]);
        vote.decider = "cleo";
        assert_eq!(vote.missing(), None);
    }
}
