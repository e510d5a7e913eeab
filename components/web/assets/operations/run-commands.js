/** What this person may do with a rollback: submit, approve, reject, execute, cancel, attest. */

import { evidenceOf } from "./case-file.js";
import { el } from "./element.js";
import { evidenceButton } from "./evidence-view.js";
import { action, field, folded, form, reason } from "./form.js";
import { acknowledgement } from "./preview-view.js";

/** Null where there is nothing to be done. */
export function runCommands(shown, session, { move }) {
  const { run, moves, opened } = shown;
  const may = (name) => moves.includes(name);
  const parts = [
    hint(run, moves, opened, session),
    may("submit") && opened && submit(opened, move),
    may("approve") && opened && approve(shown, session, move),
    may("execute") && action("Execute", () => move("execute", { digest: run.preview.digest }), { kind: "danger" }),
    may("reject") && folded("Reject", form({ title: "Reject", submit: "Reject" }, [reason()], ({ reason: why }) => move("reject", { reason: why }))),
    may("cancel") && folded("Cancel", form({ title: "Cancel", submit: "Cancel the rollback" }, [reason()], ({ reason: why }) => move("cancel", { reason: why }))),
    may("attest") && attest(shown, move),
  ].filter(Boolean);
  return parts.length > 0 && el("div", {}, parts);
}

/** Why something that is to be done is not offered. */
function hint({ state, requester, executedBy, executedAt }, moves, opened, session) {
  const own = requester === session.person;
  const approves = session.may("approver", "commander");
  if (moves.includes("submit") && !opened) return el("p.quiet", {}, "Open the preview, then submit it for approval.");
  if (moves.includes("approve") && !opened) return el("p.quiet", {}, "Open the preview first: who approves must have seen it.");
  if (own && state === "awaiting_approval") return el("p.quiet", {}, "You asked for it: somebody else approves.");
  const stopped = ["failed", "needs_manual"].includes(state) && executedAt;
  if (stopped && approves && !moves.includes("attest")) return el("p.quiet", {}, "Somebody who neither asked for it nor let it begin has to attest to what was found.");
  if (stopped && (own || executedBy === session.person)) return el("p.quiet", {}, "Somebody else, who approves, has to attest to what was found.");
  return null;
}

function submit(preview, move) {
  const texts = { title: "Submit for approval", submit: "Submit", note: "From now on it must not change: what is approved is this digest." };
  return acknowledgement(preview, texts, ({ digest, acknowledged }) => move("submit", { digest, acknowledged }));
}

function approve({ run, opened: preview, incident }, session, move) {
  const again = run.approvals.some(({ person }) => person === session.person);
  // Who decided on the rollback of an application approves it alone only by breaking the glass.
  const breaks = run.request.kind === "application" && incident.decision?.decider === session.person;
  const more = breaks ? [field("Break the glass, because", "breakGlass", { required: true, rows: 2 }, "You decided on this rollback. That you approve it as well is recorded, and shown until a review names it.")] : [];
  const texts = { title: again ? "Approve again" : "Approve", submit: again ? "Approve again" : "Approve", note: "Your approval holds for 30 minutes and for this digest alone.", more };
  const box = acknowledgement(preview, texts, ({ digest, acknowledged, breakGlass }) => move("approvals", { digest, acknowledged, ...(breakGlass && { breakGlass }) }));
  return again ? folded("Approve again", box) : box;
}

function attest({ run, evidence }, move) {
  // What proves two steps is named once.
  const pieces = [...new Map(evidenceOf(run).map((piece) => [piece.digest, piece])).values()];
  const seen = pieces.map(({ digest }) => digest).filter((digest) => evidence.seen.has(digest));
  const fields = [
    field("What you found, and what you did", "statement", { rows: 4, required: true, maxlength: 2000 }),
    el("div.field", { role: "group", "aria-label": "Evidence of the steps" }, el("p", {}, "What Hubline has seen. Open what you rely on: what you have opened goes on record with your words."), el("p.pieces", {}, pieces.map(({ step, digest }) => el("span", {}, `${step} `, evidenceButton(digest, evidence))))),
    field("More evidence", "more", { rows: 2 }, "Of your own, by SHA-256, one a line: of a log, a screenshot, the output of a command that you keep."),
  ];
  const note = "You say that you have looked, and that the systems are in a known state.";
  return form({ title: "Attest", submit: "Attest", kind: "main", note }, fields, ({ statement, more }) => {
    const own = more.split(/\s+/).filter(Boolean).map((digest) => (digest.includes(":") ? digest : `sha256:${digest}`));
    if (seen.length + own.length === 0) throw new Error("Open a piece of evidence first, or name one of your own.");
    return move("attestations", { statement, evidence: [...new Set([...seen, ...own])] });
  });
}
