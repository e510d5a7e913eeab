//! Why a move is not made.

use crate::{
    Digest, Kind, RunId, Version, canonical::CanonicalError, permission::Move, quorum::Missing, recipe::Hazard,
    step::StepName,
};

/// An event that can't happen to something as it stands.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error("illegal transition: the {machine} is {from} and cannot take the event {event}")]
pub struct IllegalTransition {
    /// Of which of the three state machines: incident, run, step.
    pub machine: &'static str,
    /// Where it stands.
    pub from: &'static str,
    /// What can't happen to it there.
    pub event: &'static str,
}

impl IllegalTransition {
    pub(crate) const fn new(machine: &'static str, from: &'static str, event: &'static str) -> Self {
        Self { machine, from, event }
    }
}

/// What sort of refusal it is: what whoever asked can do about it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum RefusalClass {
    /// Nothing: somebody else must.
    Forbidden,
    /// Say it differently.
    Invalid,
    /// Look at what is the case now.
    Conflict,
}

/// Why a move is not made. Nothing has changed.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// The event can't happen now.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// Somebody else was quicker.
    #[error("version {expected} was expected and {actual} is the case")]
    Stale {
        /// The version that whoever asked had seen.
        expected: Version,
        /// The version that is the case.
        actual: Version,
    },
    /// No role that the person holds now allows the move.
    #[error("{0} is not allowed to this person")]
    Forbidden(Move),
    /// Who asked for a run never approves it.
    #[error("who asked for a run never approves it")]
    SelfApproval,
    /// Who decided on the strategy does not approve alone.
    #[error("who decided on the strategy cannot be the one who approves")]
    DeciderApproval,
    /// Who started a run never attests to it.
    #[error("who asked for a run or let it begin never attests to it")]
    SelfAttestation,
    /// The incident was escalated.
    #[error("the incident is escalated: a commander decides")]
    CommanderDecides,
    /// The glass may not be broken.
    #[error("the glass may be broken {0}")]
    GlassHolds(&'static str),
    /// There is no run to move.
    #[error("the incident has no such run")]
    NoRun,
    /// The incident has a run that is not over.
    #[error("the incident has the run {run}, which is not over")]
    RunNotOver {
        /// Which.
        run: RunId,
    },
    /// Another run holds the environment.
    #[error("the run {run} of the kind {kind} holds the environment")]
    Busy {
        /// Which.
        run: RunId,
        /// Of which kind.
        kind: Kind,
    },
    /// Nobody has decided for this kind of rollback.
    #[error("it is not decided to roll back: {0}")]
    Undecided(Kind),
    /// It is not known yet what would run.
    #[error("there is no preview yet")]
    NotPreviewed,
    /// What would run is not what was asked for.
    #[error("the preview is not of what was asked for")]
    WrongRecipe,
    /// The digest is not the preview's: something has changed, or another preview was meant.
    #[error("the digest is not that of the preview")]
    AnotherDigest,
    /// The preview is too old.
    #[error("the preview has expired")]
    PreviewExpired,
    /// Who approves must have opened the preview.
    #[error("this preview was not opened by who approves it")]
    NotOpened,
    /// Each hazard must be acknowledged by name.
    #[error("not acknowledged: {}", list(.0))]
    Unacknowledged(Vec<Hazard>),
    /// Too few approvals hold.
    #[error("not approved: {0}")]
    NotApproved(Missing),
    /// Rollbacks are halted.
    #[error("rollbacks are halted")]
    Halted,
    /// The plan was applied before, or may have been.
    #[error("the plan {plan} is spent: a plan is applied once")]
    PlanSpent {
        /// Which.
        plan: Digest,
    },
    /// Something has been changed already.
    #[error("the run has changed something already")]
    HasEffects,
    /// The run has nothing that a person could attest to.
    #[error("there is nothing to attest to")]
    NothingToAttest,
    /// Who attests must show something.
    #[error("an attestation needs evidence")]
    NoEvidence,
    /// The run has no such step.
    #[error("the run has no step {step}")]
    NoSuchStep {
        /// Which.
        step: StepName,
    },
    /// Another step comes first, or the phase is another.
    #[error("the step {step} is not the one that may move")]
    OutOfOrder {
        /// Which.
        step: StepName,
    },
    /// The incident is not rolling back: another step or run has stopped it.
    #[error("the incident is {0}: no step that changes something may go on")]
    Stopped(&'static str),
    /// Only a decision is done without being sent.
    #[error("the step {step} was never sent")]
    NeverSent {
        /// Which.
        step: StepName,
    },
    /// The step may have happened.
    #[error("the step {step} may have happened: it is sent again only by a person and when provably absent")]
    NotProvenAbsent {
        /// Which.
        step: StepName,
    },
    /// The step may never be sent again.
    #[error("the step {step} is never sent again")]
    NeverRepeated {
        /// Which.
        step: StepName,
    },
    /// The step's deadline has not passed.
    #[error("the step {step} is not late")]
    NotLate {
        /// Which.
        step: StepName,
    },
    /// The loss of data must be measured before anything connects to a restored database.
    #[error("the loss of data is not measured")]
    LossNotMeasured,
    /// More data was lost than is allowed, and nobody has taken that upon them.
    #[error("{seconds} s of data were lost, which nobody has accepted")]
    LossNotAccepted {
        /// How much.
        seconds: i64,
    },
    /// The validation is not the one that is under way.
    #[error("the validation is not the one that is under way")]
    AnotherValidation,
    /// Nothing proves that the system is stable now.
    #[error("no validation proves that the system is stable now")]
    NotProven,
    /// The alert fires.
    #[error("the alert fires")]
    AlertFires,
    /// A run was executed, so that the incident must be validated and resolved.
    #[error("a run was executed: the incident can only be validated and resolved")]
    WasExecuted,
    /// A second person must say so too.
    #[error("another commander must dismiss it too")]
    SecondCommander,
    /// Every broken rule must be named by the review.
    #[error("the review does not name the broken rule of run {run}")]
    GlassNotReviewed {
        /// In which run.
        run: RunId,
    },
    /// Something has no canonical form.
    #[error(transparent)]
    NotCanonical(#[from] CanonicalError),
}

fn list(hazards: &[Hazard]) -> String {
    hazards.iter().map(Hazard::as_str).collect::<Vec<_>>().join(", ")
}

impl Refusal {
    /// The refusal in a word that callers decide by.
    #[must_use]
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Illegal(_) => "illegal_transition",
            Self::Stale { .. } => "version_mismatch",
            Self::Forbidden(_) => "forbidden",
            Self::SelfApproval => "self_approval",
            Self::DeciderApproval => "decider_approval",
            Self::SelfAttestation => "self_attestation",
            Self::CommanderDecides => "commander_decides",
            Self::GlassHolds(_) => "break_glass_refused",
            Self::NoRun => "no_run",
            Self::RunNotOver { .. } => "run_not_over",
            Self::Busy { .. } => "environment_busy",
            Self::Undecided(_) => "undecided",
            Self::NotPreviewed => "not_previewed",
            Self::WrongRecipe => "wrong_recipe",
            Self::AnotherDigest => "digest_mismatch",
            Self::PreviewExpired => "preview_expired",
            Self::NotOpened => "preview_not_opened",
            Self::Unacknowledged(_) => "unacknowledged",
            Self::NotApproved(_) => "not_approved",
            Self::Halted => "halted",
            Self::PlanSpent { .. } => "plan_spent",
            Self::HasEffects => "has_effects",
            Self::NothingToAttest => "nothing_to_attest",
            Self::NoEvidence => "no_evidence",
            Self::NoSuchStep { .. } => "no_such_step",
            Self::OutOfOrder { .. } => "out_of_order",
            Self::Stopped(_) => "stopped",
            Self::NeverSent { .. } => "never_sent",
            Self::NotProvenAbsent { .. } => "not_proven_absent",
            Self::NeverRepeated { .. } => "never_repeated",
            Self::NotLate { .. } => "not_late",
            Self::LossNotMeasured => "loss_not_measured",
            Self::LossNotAccepted { .. } => "loss_not_accepted",
            Self::AnotherValidation => "validation_mismatch",
            Self::NotProven => "not_proven",
            Self::AlertFires => "alert_fires",
            Self::WasExecuted => "was_executed",
            Self::SecondCommander => "second_commander",
            Self::GlassNotReviewed { .. } => "break_glass_not_reviewed",
            Self::NotCanonical(_) => "not_canonical",
        }
    }

    /// What sort of refusal it is.
    #[must_use]
    pub const fn class(&self) -> RefusalClass {
        match self {
            Self::Forbidden(_)
            | Self::SelfApproval
            | Self::DeciderApproval
            | Self::SelfAttestation
            | Self::CommanderDecides
            | Self::GlassHolds(_)
            | Self::NotOpened
            | Self::SecondCommander => RefusalClass::Forbidden,
            Self::Unacknowledged(_)
            | Self::NoEvidence
            | Self::NoSuchStep { .. }
            | Self::GlassNotReviewed { .. }
            | Self::NotCanonical(_)
            | Self::WrongRecipe => RefusalClass::Invalid,
            _ => RefusalClass::Conflict,
        }
    }
}
