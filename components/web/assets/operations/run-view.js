/** A rollback: what would run, who approves it, its steps, and what a person does where it stops. */

import { badge, code, el, pairs } from "./element.js";
import { action, field, form, reason } from "./form.js";
import { NEXT_STEPS } from "./next-steps.js";
import { acknowledgement, glass, previewView } from "./preview-view.js";
import { RUN_STATES, STEP_STATES, STRATEGIES, moment, step as describe } from "./words.js";

const BEFORE_EXECUTION = ["draft", "previewed", "awaiting_approval", "approved"];

/**
 * @param {object} run
 * @param {{preview, plan}|undefined} opened what this person has opened of it
 * @param {{open: () => Promise<void>, move: (move: string, body: object) => Promise<void>}} acts
 */
export function runView(run, opened, session, acts) {
  const { id, kind, state, requester, runbook, openedAt } = run;
  return el(
    "section.card.run",
    { "aria-labelledby": `run-${id}`, data: { run: id, state } },
    el("h2", { id: `run-${id}` }, STRATEGIES[kind] ?? kind, " ", badge(state, RUN_STATES[state] ?? state)),
    pairs(["Asked for by", `${requester}, ${moment(openedAt)}`], ["Runbook", runbook && `version ${runbook}`], ["Executed by", run.executedBy && `${run.executedBy}, ${moment(run.executedAt)}`]),
    ended(run),
    preview(run, opened, acts),
    approvals(run),
    commands(run, opened, session, acts),
    steps(run, session, acts),
  );
}

/** Why it stopped, and what a person does next. */
function ended({ steps: list, attestation, next, state }) {
  const failed = list.find(({ failure }) => failure);
  const todo = failed && (failed.failure.next ?? next ?? NEXT_STEPS[failed.failure.code]);
  return [
    failed && el("div.failure", { role: "status" }, el("p", {}, el("strong", {}, failed.failure.code), `: ${failed.failure.detail}`), todo && el("p", {}, `What to do: ${todo}.`)),
    !failed && state === "needs_manual" && el("p.failure", {}, "It is not known whether a step happened. Look at the systems themselves, then attest to what you found."),
    attestation && el("p", {}, `Attested by ${attestation.person}, ${moment(attestation.at)}: ${attestation.statement}`),
  ];
}

function preview({ preview: made, state }, opened, { open }) {
  if (opened) return [el("h3", {}, "What would run"), previewView(opened.preview, opened.plan)];
  if (!made && state === "draft") return el("p.quiet", {}, "It is being looked up what would run.");
  return made && action("Open the preview", open, { kind: BEFORE_EXECUTION.includes(state) ? "main" : "" });
}

function approvals({ approvals: list, readings, state }) {
  if (list.length === 0 && !["awaiting_approval", "approved"].includes(state)) return null;
  return [
    el("h3", {}, "Approvals"),
    list.length === 0 && el("p.quiet", {}, "None yet."),
    el(
      "ul.approvals",
      {},
      list.map(({ person, at, acknowledged = [], breakGlass }) => {
        const until = new Date(Date.parse(at) + 1_800_000);
        const old = until < new Date() && BEFORE_EXECUTION.includes(state);
        return el("li", { data: { person } }, el("strong", {}, person), `, ${moment(at)}`, old ? ", does not hold any more" : `, holds until ${moment(until)}`, acknowledged.length > 0 && `; accepted ${acknowledged.join(", ")}`, breakGlass && el("span.warning", {}, ` broke the glass: ${breakGlass}`));
      }),
    ),
    readings.length > 0 && el("p.quiet", {}, `Opened by ${[...new Set(readings.map(({ person }) => person))].join(", ")}.`),
  ];
}

function commands(run, opened, session, { move }) {
  const { state, requester } = run;
  const own = requester === session.person;
  const operates = session.may("operator", "commander");
  const approves = session.may("approver", "commander");
  const first = "Open the preview first: who approves must have seen it.";
  return [
    state === "previewed" && operates && (opened ? submit(opened, move) : el("p.quiet", {}, "Open the preview, then submit it for approval.")),
    ["awaiting_approval", "approved"].includes(state) && approves && (own ? el("p.quiet", {}, "You asked for it: somebody else approves.") : opened ? approve(run, opened, session, move) : el("p.quiet", {}, first)),
    state === "approved" && operates && action("Execute", () => move("execute", {}), { kind: "danger" }),
    ["previewed", "awaiting_approval", "approved"].includes(state) && approves && el("details", {}, el("summary", {}, "Reject"), form({ title: "Reject", submit: "Reject" }, [reason()], ({ reason: why }) => move("reject", { reason: why }))),
    [...BEFORE_EXECUTION, "executing"].includes(state) && !run.firstEffectAt && operates && el("details", {}, el("summary", {}, "Cancel"), form({ title: "Cancel", submit: "Cancel the rollback" }, [reason()], ({ reason: why }) => move("cancel", { reason: why }))),
    ["failed", "needs_manual"].includes(state) && run.executedAt && approves && !own && session.person !== run.executedBy && attest(run, move),
    ["failed", "needs_manual"].includes(state) && run.executedAt && (own || session.person === run.executedBy) && el("p.quiet", {}, "Somebody who neither asked for it nor let it begin has to attest to what was found."),
  ];
}

function submit({ preview: shown }, move) {
  const texts = { title: "Submit for approval", submit: "Submit", note: "From now on it must not change: what is approved is this digest." };
  return acknowledgement(shown, texts, ({ digest, acknowledged }) => move("submit", { digest, acknowledged }));
}

function approve({ kind, approvals: list }, { preview: shown }, session, move) {
  const mine = list.some(({ person, digest }) => person === session.person && digest === shown.digest);
  const more = kind === "application" && session.may("commander") ? [glass()] : [];
  const texts = { title: mine ? "Approve again" : "Approve", submit: "Approve", note: "Your approval holds for 30 minutes and for this digest alone.", more };
  const box = acknowledgement(shown, texts, ({ digest, acknowledged, breakGlass }) => move("approvals", { digest, acknowledged, ...(breakGlass?.trim() && { breakGlass: breakGlass.trim() }) }));
  return mine ? el("details", {}, el("summary", {}, "Approve again"), box) : box;
}

function attest({ steps: list }, move) {
  const known = list.flatMap(({ name, evidence = [] }) => evidence.map((digest) => ({ name, digest })));
  const last = known.at(-1);
  const fields = [
    field("What you found, and what you did", "statement", { rows: 4, required: true, maxlength: 2000 }),
    field("Evidence", "evidence", { rows: 2, required: true, value: last?.digest }, "What proves it, by SHA-256, one a line: of a log, a screenshot, the output of a command that you keep."),
  ];
  const box = form({ title: "Attest", submit: "Attest", kind: "main", note: "You say that you have looked, and that the systems are in a known state." }, fields, ({ statement, evidence }) => move("attestations", { statement, evidence: evidence.split(/\s+/).filter(Boolean).map((digest) => (digest.includes(":") ? digest : `sha256:${digest}`)) }));
  if (last) box.querySelector("textarea[name=evidence]").value = last.digest;
  return box;
}

function steps({ steps: list, state }, session, { move }) {
  const repeatable = ({ status, absence }) => status === "unknown" && absence && Date.parse(absence.until) - Date.parse(absence.since) >= 180_000;
  return [
    el("h3", {}, "Steps"),
    el(
      "ol.steps",
      {},
      list.map((step) =>
        el(
          "li",
          { data: { step: step.name, status: step.status } },
          el("span.step-name", {}, el("strong", {}, step.name), ` ${describe(step.name)}`),
          badge(step.status, STEP_STATES[step.status] ?? step.status),
          step.attempt > 1 && el("span.quiet", {}, `attempt ${step.attempt}`),
          el("span.quiet", {}, [step.endedAt ? moment(step.endedAt) : step.intendedAt && `since ${moment(step.intendedAt)}`, step.operation && [", ", code(step.operation, 24)]]),
          step.failure && el("span.failure", {}, `${step.failure.code}: ${step.failure.detail}`),
          repeatable(step) && state === "executing" && session.may("operator", "commander") && action("Send again: it was proven absent", () => move("retry", { step: step.name })),
        ),
      ),
    ),
  ];
}
