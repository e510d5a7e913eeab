//! The world of the model: two incidents of one environment, the people, the clock, and what a database would keep.

use std::{collections::BTreeMap, fmt::Write as _};

use chrono::{DateTime, TimeDelta, Utc};
use rollback::{
    Case, Change, Context, Digest, Environment, IncidentId, Neighbour, NewIncident, Principal, Refusal, Target,
};
use uuid::Uuid;

use crate::{
    chance::Chance,
    forgery::Forgery,
    input::Input,
    observer::{Observer, Surroundings},
    people::{actor, person, table},
};

/// What was put in, and what came of it: a refusal's code, or where the incident and its run stand.
struct Line {
    at: DateTime<Utc>,
    input: Option<Input>,
    outcome: [&'static str; 2],
}

pub struct World {
    pub cases: Vec<Case>,
    pub now: DateTime<Utc>,
    pub table: Vec<Principal>,
    pub halted: bool,
    spent_plans: Vec<Digest>,
    observer: Observer,
    history: Vec<Line>,
    ids: u128,
}

impl World {
    pub fn new(chance: &mut Chance) -> Self {
        let now: DateTime<Utc> = "2024-05-01T10:00:00Z".parse().unwrap();
        let open = |number: u128| {
            let new = NewIncident {
                id: IncidentId::new(Uuid::from_u128(number)),
                target: Target::live(Environment::Production),
                fingerprint: format!("f{number}").parse().unwrap(),
                name: "HighAPILatency".parse().unwrap(),
                alerted_at: now,
                firing: true,
                previous: None,
                drill: None,
            };
            Case::open(new, None, now).case
        };
        Self {
            cases: vec![open(1), open(2)],
            now,
            table: table(chance),
            halted: false,
            spent_plans: Vec::new(),
            observer: Observer::new(2),
            history: Vec::new(),
            ids: 2,
        }
    }

    /// A fresh identifier.
    pub fn id(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    /// Puts something in, and lets the observer see what was put in and whether it was taken.
    pub fn put_in(&mut self, input: Input) -> Result<(), String> {
        let (case, taken) = match &input {
            Input::Wait { seconds } => {
                self.now += TimeDelta::seconds(*seconds);
                self.note(input, ["", ""]);
                return Ok(());
            }
            Input::Revoke { person: name, revoked } => {
                let row = self.table.iter_mut().find(|row| row.person == person(name)).unwrap();
                row.revoked = *revoked;
                self.note(input, ["", ""]);
                return Ok(());
            }
            Input::Halt { halted } => {
                self.halted = *halted;
                self.note(input, ["", ""]);
                return Ok(());
            }
            Input::Command { case, by, command } => (*case, self.command(*case, by, command)),
            Input::Report { case, report } => {
                (*case, self.in_context(*case, |case, context| case.report(report.clone(), context)))
            }
            Input::Tick { case } => match self.in_context(*case, |case, context| case.tick(context)) {
                Ok(Some(change)) => (*case, Ok(change)),
                Ok(None) => return Ok(()),
                // Time passes whatever is the case.
                Err(refusal) => return Err(format!("the clock is refused: {refusal}")),
            },
        };
        match taken {
            Err(refusal) => {
                self.observer.refused(&input, refusal.code());
                self.note(input, ["refused", refusal.code()]);
                Ok(())
            }
            Ok(change) => {
                let around = Surroundings { now: self.now, table: &self.table, halted: self.halted };
                let watched = self.observer.taken(&input, &self.cases[case], &change, &around);
                let run = change.case.run().map_or("", |run| run.state().as_str());
                self.note(input, [change.case.incident().state().as_str(), run]);
                self.spent_plans.extend(change.spent_plan);
                self.cases[case] = change.case;
                watched?;
                self.observer.look_at(&self.cases)
            }
        }
    }

    fn command(&self, case: usize, by: &str, command: &rollback::Command) -> Result<Change, Refusal> {
        self.in_context(case, |case, context| case.command(command.clone(), &actor(by), None, context))
    }

    fn in_context<T>(&self, case: usize, then: impl Fn(&Case, &Context<'_>) -> T) -> T {
        let other = &self.cases[1 - case];
        let neighbours: Vec<Neighbour> = other
            .incident()
            .run()
            .map(|run| Neighbour { run: run.id, kind: run.kind, standing: run.standing })
            .into_iter()
            .collect();
        let context = Context {
            now: self.now,
            principals: &self.table,
            neighbours: &neighbours,
            changed_elsewhere_at: other.incident().moments().last_change_at,
            spent_plans: &self.spent_plans,
            halted: self.halted,
        };
        then(&self.cases[case], &context)
    }

    /// Forges the state as if a guard were missing.
    pub fn forge(&mut self, forgery: Forgery) {
        if forgery == Forgery::ForgetsSpentPlans {
            self.spent_plans.clear();
        }
        for case in &mut self.cases {
            if let Some(forged) = forgery.of(case, self.now) {
                self.history.push(Line { at: self.now, input: None, outcome: ["forged", forgery.rule()] });
                *case = forged;
            }
        }
    }

    fn note(&mut self, input: Input, outcome: [&'static str; 2]) {
        self.history.push(Line { at: self.now, input: Some(input), outcome });
    }

    /// The way here.
    pub fn history(&self) -> String {
        self.history.iter().fold(String::new(), |mut text, Line { at, input, outcome: [first, second] }| {
            let mut input = input.as_ref().map_or(String::new(), |input| format!("{input:?}"));
            input.truncate(220);
            writeln!(text, "  {} {input} -> {first} {second}", at.format("%H:%M:%S")).unwrap();
            text
        })
    }

    /// What has been seen, and how often.
    pub fn seen(&self) -> &BTreeMap<&'static str, u64> {
        self.observer.seen()
    }
}
