//! What the approvers say.

use std::collections::BTreeSet;

use super::turn::Turn;
use crate::{
    Actor, Approval, Digest, Kind, Mark, Reason, Refusal, Role, RunEvent, audit::Event, clock::may_break_glass,
    incident::BreakGlass, recipe::Hazard,
};

impl Turn<'_> {
    /// Approves. Guards: who asked never approves; the preview is this one and not too old; who approves has opened it and
    /// acknowledges each hazard; who decided does not approve alone, unless the glass may be broken.
    pub(super) fn approve(
        &mut self,
        by: &Actor,
        digest: Digest,
        acknowledged: BTreeSet<Hazard>,
        break_glass: Option<Reason>,
    ) -> Result<(), Refusal> {
        let at = self.now();
        // Whether it is enough is known below; that an approval can be given at all is known here.
        self.run()?.state().next(RunEvent::Approve { enough: false })?;
        if *self.run()?.requester() == by.person {
            return Err(Refusal::SelfApproval);
        }
        self.guard_preview(digest, &acknowledged)?;
        if !self.run()?.has_read(&by.person, digest) {
            return Err(Refusal::NotOpened);
        }
        let break_glass = self.broken_glass(by, break_glass)?;
        if let Some(reason) = &break_glass {
            let run = self.run()?.id();
            let mark = Mark { person: by.person.clone(), reason: reason.clone(), at };
            self.incident.break_glass.push(BreakGlass { run, mark, reviewed: false });
            self.happened(Event::GlassBroken { digest, reason: reason.clone() });
        }
        let approval =
            Approval { person: by.person.clone(), digest, acknowledged: acknowledged.clone(), at, break_glass };
        let expires_at = approval.expires_at();
        let run = self.run_mut()?;
        run.approvals.retain(|other| other.person != by.person);
        run.approvals.push(approval);

        let enough = self.quorum()?.missing.is_none();
        self.move_run(RunEvent::Approve { enough })?;
        if enough {
            self.incident.moments.approved_at.get_or_insert(at);
        }
        self.happened(Event::Approved { digest, acknowledged, expires_at, enough });
        Ok(())
    }

    /// Refuses the run, which then has changed nothing.
    pub(super) fn reject(&mut self, reason: Reason) -> Result<(), Refusal> {
        self.move_run(RunEvent::Reject)?;
        self.happened(Event::Rejected { reason });
        self.close_run()
    }

    /// Why the glass is broken, when it has to be and may be: one approval of an application by the commander who decided,
    /// at the end of the recovery time.
    fn broken_glass(&self, by: &Actor, reason: Option<Reason>) -> Result<Option<Reason>, Refusal> {
        let decided = self.incident.decision().is_some_and(|decision| decision.decider == by.person);
        if !decided || self.run()?.kind() != Kind::Application {
            return Ok(None);
        }
        let reason = reason.ok_or(Refusal::DeciderApproval)?;
        if !self.context.holds(by, Role::Commander) {
            return Err(Refusal::GlassHolds("by a commander only"));
        }
        if !may_break_glass(self.incident.moments(), self.now()) {
            return Err(Refusal::GlassHolds("only in the last ten minutes of the recovery time"));
        }
        Ok(Some(reason))
    }
}
