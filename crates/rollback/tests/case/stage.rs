//! The stage of the tests: one case, the people, the clock, and verbs that read as a story.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use rollback::{
    Case, Change, Command, Context, Digest, IncidentId, IncidentState, Kind, Neighbour, NewIncident, Person, Principal,
    Refusal, Report, Run, RunId, RunState, Strategy, Target, ValidationId,
    audit::Event,
    recipe::{Hazard, Recipe},
    step::{Failure, FailureCode, Phase, Step, StepEvent, StepName, StepStatus},
    validation::{Check, CheckResult, MandatoryCheck, Policy, Verdict},
};
use uuid::Uuid;

use crate::{
    people::{actor, table},
    recipes,
};

/// One case, the people, the clock, and everything that has happened.
pub struct Stage {
    pub case: Case,
    pub now: DateTime<Utc>,
    pub table: Vec<Principal>,
    pub neighbours: Vec<Neighbour>,
    pub changed_elsewhere_at: Option<DateTime<Utc>>,
    pub spent_plans: Vec<Digest>,
    pub halted: bool,
    pub log: Vec<Entry>,
    ids: u128,
}

/// What has happened, and where things stood after it.
pub struct Entry {
    pub at: DateTime<Utc>,
    pub actor: Option<Person>,
    pub event: Event,
    pub incident: IncidentState,
    pub run: Option<RunState>,
}

/// A reason.
pub fn why() -> rollback::Reason {
    "because".parse().unwrap()
}

/// A step by its code.
pub fn step(code: &str) -> StepName {
    code.parse().unwrap()
}

/// A step has ended well.
pub fn succeed() -> StepEvent {
    StepEvent::Succeed { evidence: vec![Digest::of(b"evidence")] }
}

/// A step has ended badly.
pub fn fail(code: FailureCode) -> StepEvent {
    StepEvent::Fail { failure: Failure::new(code, "as the test wants it"), evidence: vec![] }
}

/// What all mandatory checks come to.
pub fn results(verdict: Verdict) -> Vec<CheckResult> {
    let check = |check: &MandatoryCheck| CheckResult::new(Check::Mandatory(*check), verdict, "measured", None);
    MandatoryCheck::ALL.iter().map(check).collect()
}

impl Stage {
    /// An alert has fired in this target three minutes ago.
    pub fn open_in(target: Target) -> Self {
        let now: DateTime<Utc> = "2024-05-01T10:00:00Z".parse().unwrap();
        let change = Case::open(
            NewIncident {
                id: IncidentId::new(Uuid::from_u128(1)),
                target,
                fingerprint: "ab12".parse().unwrap(),
                name: "HighAPILatency".parse().unwrap(),
                alerted_at: now,
                firing: true,
                previous: None,
                drill: None,
            },
            None,
            now + TimeDelta::minutes(1),
        );
        let mut stage = Self {
            case: change.case.clone(),
            now: now + TimeDelta::minutes(1),
            table: table(),
            neighbours: vec![],
            changed_elsewhere_at: None,
            spent_plans: vec![],
            halted: false,
            log: vec![],
            ids: 1,
        };
        stage.take(change);
        stage.wait(1);
        stage
    }

    /// An alert has fired in production.
    pub fn open() -> Self {
        Self::open_in(Target::live(rollback::Environment::Production))
    }

    /// Olaf has acknowledged it.
    pub fn acknowledged() -> Self {
        let mut stage = Self::open();
        stage.does("olaf", Command::Acknowledge);
        stage
    }

    /// Olaf has decided for this kind.
    pub fn decided(kind: Kind) -> Self {
        let mut stage = Self::acknowledged();
        stage.does("olaf", Command::Decide { strategy: Strategy::from(kind), reason: why() });
        stage
    }

    /// Olaf has asked for a run of this kind.
    pub fn drafted(kind: Kind) -> Self {
        let mut stage = Self::decided(kind);
        stage.opens_run("olaf", kind);
        stage
    }

    /// It is known what would run.
    pub fn previewed(kind: Kind) -> Self {
        let mut stage = Self::drafted(kind);
        stage.prepares();
        stage
    }

    /// The approvers look at it.
    pub fn submitted(kind: Kind) -> Self {
        let mut stage = Self::previewed(kind);
        stage.does("olaf", stage.submission());
        stage
    }

    /// Ada and, where two are needed, Bob have approved it.
    pub fn approved(kind: Kind) -> Self {
        let mut stage = Self::submitted(kind);
        stage.approves("ada");
        if kind != Kind::Application {
            stage.approves("bob");
        }
        stage
    }

    /// Olaf has let it begin.
    pub fn executing(kind: Kind) -> Self {
        let mut stage = Self::approved(kind);
        stage.does("olaf", stage.execution());
        stage
    }

    /// Every step is done.
    pub fn mitigated(kind: Kind) -> Self {
        let mut stage = Self::executing(kind);
        stage.finishes_run();
        stage
    }

    /// A validation has passed.
    pub fn validated(kind: Kind) -> Self {
        let mut stage = Self::mitigated(kind);
        stage.wait(1);
        stage.validates(Verdict::Pass);
        stage
    }

    fn context(&self) -> Context<'_> {
        Context {
            now: self.now,
            principals: &self.table,
            neighbours: &self.neighbours,
            changed_elsewhere_at: self.changed_elsewhere_at,
            spent_plans: &self.spent_plans,
            halted: self.halted,
        }
    }

    fn take(&mut self, change: Change) {
        self.case = change.case;
        self.spent_plans.extend(change.spent_plan);
        let (at, actor) = (self.now, change.actor);
        let (incident, run) = (self.incident(), self.case.run().map(Run::state));
        let entry = |event| Entry { at, actor: actor.clone(), event, incident, run };
        self.log.extend(change.events.into_iter().map(entry));
    }

    /// A fresh number for an identifier.
    pub fn number(&mut self) -> Uuid {
        self.ids += 1;
        Uuid::from_u128(self.ids)
    }

    /// Time passes.
    pub fn wait(&mut self, minutes: i64) {
        self.now += TimeDelta::minutes(minutes);
    }

    /// Somebody commands something, and it is done.
    pub fn does(&mut self, name: &str, command: Command) {
        let change = self
            .case
            .command(command.clone(), &actor(name), None, &self.context())
            .unwrap_or_else(|refusal| panic!("{name} is refused {command:?}: {refusal}"));
        self.take(change);
    }

    /// Somebody commands something, and it is refused with this code.
    #[track_caller]
    pub fn refuses(&self, name: &str, command: Command, code: &str) {
        assert_eq!(self.refuses_code(name, command), code);
    }

    /// The code with which something that somebody commands is refused.
    pub fn refuses_code(&self, name: &str, command: Command) -> &'static str {
        self.case.command(command, &actor(name), None, &self.context()).expect_err("it is refused").code()
    }

    /// Something is reported, and it is taken in.
    pub fn reports(&mut self, report: Report) {
        let change = self.reported(report.clone()).unwrap_or_else(|refusal| panic!("{report:?}: {refusal}"));
        self.take(change);
    }

    /// What comes of a report.
    pub fn reported(&self, report: Report) -> Result<Change, Refusal> {
        self.case.report(report, &self.context())
    }

    /// Something is reported, and it is refused with this code.
    #[track_caller]
    pub fn refuses_report(&self, report: Report, code: &str) {
        let refusal = self.reported(report).expect_err("it is refused");
        assert_eq!(refusal.code(), code, "{refusal}");
    }

    /// Somebody commands with a token that claims only these roles, having seen this version.
    pub fn attempts(
        &self,
        name: &str,
        claimed: &[rollback::Role],
        expected: Option<rollback::Version>,
        command: Command,
    ) -> Result<Change, Refusal> {
        let mut actor = actor(name);
        actor.claimed = claimed.iter().copied().collect();
        self.case.command(command, &actor, expected, &self.context())
    }

    /// The clock is looked at. Says whether anything came of it.
    pub fn ticks(&mut self) -> bool {
        let change = self.case.tick(&self.context()).expect("time passes");
        change.map(|change| self.take(change)).is_some()
    }

    /// Where the incident stands.
    pub fn incident(&self) -> IncidentState {
        self.case.incident().state()
    }

    /// The run.
    pub fn run(&self) -> &Run {
        self.case.run().expect("there is a run")
    }

    /// Where the run stands.
    pub fn state(&self) -> RunState {
        self.run().state()
    }

    /// Where one of its steps stands.
    pub fn status(&self, code: &str) -> StepStatus {
        self.run().steps().iter().find(|found| *found.name() == step(code)).expect("the run has the step").status()
    }

    /// The digest of its preview.
    pub fn digest(&self) -> Digest {
        self.run().preview().expect("there is a preview").digest()
    }

    /// The hazards of its preview.
    pub fn hazards(&self) -> BTreeSet<Hazard> {
        self.run().preview().expect("there is a preview").hazards()
    }

    /// Somebody asks for a run of this kind.
    pub fn opens_run(&mut self, name: &str, kind: Kind) {
        let command = self.opening(kind);
        self.does(name, command);
    }

    /// The command that asks for a run of this kind.
    pub fn opening(&mut self, kind: Kind) -> Command {
        let id = RunId::new(self.number());
        Command::OpenRun { id, request: recipes::request(kind), runbook: "2024-04".parse().unwrap() }
    }

    /// What would run.
    pub fn recipe(&self) -> Recipe {
        recipes::recipe(self.run().kind(), self.case.incident().moments().alerted_at)
    }

    /// The steps of the preparation are taken and the preview is made.
    pub fn prepares(&mut self) {
        self.prepares_steps();
        let recipe = self.recipe();
        self.reports(Report::Preview { recipe, policy: recipes::policy() });
    }

    /// The steps of the preparation are taken.
    pub fn prepares_steps(&mut self) {
        let names: Vec<StepName> = self.run().steps().iter().map(Step::name).cloned().collect();
        for name in names.into_iter().filter(|name| name.character().phase == Phase::Preparation) {
            self.takes(&name.to_string());
        }
    }

    /// The command that puts the preview before the approvers.
    pub fn submission(&self) -> Command {
        Command::Submit { digest: self.digest(), acknowledged: self.hazards() }
    }

    /// The command that approves it.
    pub fn approval(&self) -> Command {
        Command::Approve { digest: self.digest(), acknowledged: self.hazards(), break_glass: None }
    }

    /// The command that lets it begin.
    pub fn execution(&self) -> Command {
        Command::Execute { digest: self.digest() }
    }

    /// Somebody opens the preview and approves it.
    pub fn approves(&mut self, name: &str) {
        self.does(name, Command::OpenPreview);
        self.does(name, self.approval());
    }

    /// Something happens to a step.
    pub fn happens(&mut self, code: &str, event: StepEvent) {
        self.reports(Report::Step { step: step(code), event });
    }

    /// Something can't happen to a step.
    #[track_caller]
    pub fn cannot_happen(&self, step_code: &str, event: StepEvent, code: &str) {
        self.refuses_report(Report::Step { step: step(step_code), event }, code);
    }

    /// The event that puts on record that a step leaves, when what would run now is what was approved.
    pub fn leaving(&self) -> StepEvent {
        StepEvent::Send { observed: self.run().preview().map(rollback::Preview::digest) }
    }

    /// A step leaves.
    pub fn sends(&mut self, code: &str) {
        self.happens(code, StepEvent::Intend);
        self.happens(code, self.leaving());
    }

    /// A step is taken from its intent to its good end.
    pub fn takes(&mut self, code: &str) {
        self.sends(code);
        if code == "D5" {
            self.reports(Report::Loss { seconds: 65 });
        }
        self.happens(code, succeed());
    }

    /// All that is left of the run is taken.
    pub fn finishes_run(&mut self) {
        while let Some(name) = self.run().current_step().map(|step| step.name().to_string()) {
            self.takes(&name);
        }
    }

    /// The alert clears.
    pub fn clears(&mut self) {
        self.wait(1);
        self.reports(Report::Clear);
    }

    /// The command that begins a validation.
    pub fn validation(&mut self) -> Command {
        Command::Validate { id: ValidationId::new(self.number()), policy: Policy::default() }
    }

    /// The validation that is under way ends like this.
    pub fn ends_validation(&mut self, verdict: Verdict) {
        let id = self.case.incident().validation().expect("there is a validation").id();
        self.reports(Report::Validated { id, results: results(verdict) });
    }

    /// A validation begins, takes three minutes, and ends like this.
    pub fn validates(&mut self, verdict: Verdict) {
        let command = self.validation();
        self.does("olaf", command);
        self.wait(3);
        self.ends_validation(verdict);
    }

    /// How often something like this has happened.
    pub fn count(&self, matches: impl Fn(&Event) -> bool) -> usize {
        self.log.iter().filter(|entry| matches(&entry.event)).count()
    }
}
