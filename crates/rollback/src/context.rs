//! What a move is judged against, beside the incident and the run themselves.

use chrono::{DateTime, Utc};

use crate::{Actor, Digest, Kind, Principal, Refusal, Role, RunId, Standing, permission::Move, principal};

/// A run of another incident that holds the environment ([`Run::holds_environment`](crate::Run::holds_environment)).
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Neighbour {
    /// Which.
    pub run: RunId,
    /// Of which kind.
    pub kind: Kind,
    /// How far it has come.
    pub standing: Standing,
}

/// What is the case now, read in the transaction that the change will be committed in.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Now, by the clock of the database: there is only one.
    pub now: DateTime<Utc>,
    /// The rows of the people that are concerned: whoever commands, and whoever has approved.
    pub principals: &'a [Principal],
    /// The runs of other incidents that hold the same environment.
    pub neighbours: &'a [Neighbour],
    /// When runs of other incidents last changed the same environment.
    pub changed_elsewhere_at: Option<DateTime<Utc>>,
    /// Which of the plans concerned were sent to be applied before.
    pub spent_plans: &'a [Digest],
    /// Whether rollbacks are halted.
    pub halted: bool,
}

impl Context<'_> {
    /// Whether somebody holds a role: their token claims it, and the table grants it.
    #[must_use]
    pub fn holds(&self, actor: &Actor, role: Role) -> bool {
        actor.claimed.contains(&role)
            && principal::find(self.principals, &actor.person).is_some_and(|row| row.may_be(role))
    }

    /// Lets a move through if one of the roles that may make it is held.
    ///
    /// # Errors
    /// Returns [`Refusal::Forbidden`] with the move.
    pub fn authorise(&self, actor: &Actor, movement: Move) -> Result<(), Refusal> {
        if movement.roles().iter().any(|role| self.holds(actor, *role)) {
            Ok(())
        } else {
            Err(Refusal::Forbidden(movement))
        }
    }

    pub(crate) fn guard_neighbours(&self, kind: Kind) -> Result<(), Refusal> {
        match self.neighbours.iter().find(|neighbour| !kind.may_run_beside(neighbour.kind)) {
            Some(neighbour) => Err(Refusal::Busy { run: neighbour.run, kind: neighbour.kind }),
            None => Ok(()),
        }
    }

    /// Guards that no run of another incident is changing the environment, or has stopped half-way.
    pub(crate) fn guard_still(&self) -> Result<(), Refusal> {
        match self.neighbours.iter().find(|neighbour| neighbour.standing != Standing::Preparing) {
            Some(neighbour) => Err(Refusal::Busy { run: neighbour.run, kind: neighbour.kind }),
            None => Ok(()),
        }
    }

    pub(crate) fn guard_running(&self) -> Result<(), Refusal> {
        if self.halted { Err(Refusal::Halted) } else { Ok(()) }
    }

    pub(crate) fn guard_unspent(&self, plan: Option<Digest>) -> Result<(), Refusal> {
        match plan.filter(|plan| self.spent_plans.contains(plan)) {
            Some(plan) => Err(Refusal::PlanSpent { plan }),
            None => Ok(()),
        }
    }
}
