/** A rollback: what would run, who approves it, its steps, and what a person does where it stops. */

import { evidenceOf } from "./case-file.js";
import { badge, el, pairs } from "./element.js";
import { action } from "./form.js";
import { Parts } from "./parts.js";
import { previewView } from "./preview-view.js";
import { runCommands } from "./run-commands.js";
import { stepsView } from "./steps-view.js";
import { RUN_STATES, STRATEGIES, moment } from "./words.js";

const BEFORE_EXECUTION = ["draft", "previewed", "awaiting_approval", "approved"];

export class RunCard {
  #session;
  #evidence;
  #acts;
  #parts;

  /**
   * @param {{seen: Set<string>, open: (digest: string) => Promise<void>}} evidence
   * @param {{open: (run: object) => Promise<unknown>, move: (run: object, move: string, body: object) => Promise<unknown>}} acts
   */
  constructor(id, session, evidence, acts) {
    this.root = el("section.card.run", { "aria-labelledby": `run-${id}`, data: { run: id } });
    this.#session = session;
    this.#evidence = evidence;
    this.#acts = acts;
    this.#parts = new Parts(this.root);
  }

  /**
   * @param {object} run
   * @param {string[]} moves that this person may make with it
   * @param {object|undefined} opened its preview, once this person has opened it
   * @param {object} incident
   */
  show(run, moves, opened, incident) {
    this.root.dataset.state = run.state;
    const { state, steps, approvals, readings, preview, attestation } = run;
    const seen = evidenceOf(run).map(({ digest }) => digest).filter((digest) => this.#evidence.seen.has(digest));
    const mine = approvals.some(({ person }) => person === this.#session.person);
    // What is behind a button may be of another version by now: the buttons take the run as it was shown last.
    this.run = run;
    const acts = { open: () => this.#acts.open(this.run), move: (name, body) => this.#acts.move(this.run, name, body) };
    this.#parts.show([
      ["head", [state, run.executedAt, attestation], () => head(run)],
      ["stopped", [state, steps.map(({ failure }) => failure)], () => stopped(run)],
      ["preview", [state, preview?.digest, opened?.digest], () => previewPart(run, opened, acts)],
      ["approvals", [state, approvals, readings], () => approvalsPart(run)],
      ["commands", [state, moves, opened?.digest, mine, incident.decision, seen], () => runCommands({ run, moves, opened, incident, evidence: this.#evidence }, this.#session, acts)],
      ["steps", [steps, moves, seen], () => stepsView(run, moves, this.#evidence, acts)],
    ]);
  }
}

function head({ id, request, state, requester, runbook, openedAt, executedBy, executedAt, attestation }) {
  return el(
    "header",
    {},
    el("h2", { id: `run-${id}` }, STRATEGIES[request.kind], " ", badge(state, RUN_STATES[state])),
    pairs(
      ["Asked for by", `${requester}, ${moment(openedAt)}`],
      ["Runbook", `version ${runbook}`],
      ["Executed by", executedBy && `${executedBy}, ${moment(executedAt)}`],
      ["Attested by", attestation && `${attestation.person}, ${moment(attestation.at)}: ${attestation.statement}`],
    ),
  );
}

/** Why it stopped. What is to be done about it is said where the incident says what comes next. */
function stopped({ steps, state }) {
  const failed = steps.find(({ failure }) => failure);
  if (failed) return el("div.failure", { role: "status" }, el("p", {}, `${failed.name}: `, el("strong", {}, failed.failure.code)), el("p", {}, failed.failure.detail));
  return state === "needs_manual" && el("p.failure", { role: "status" }, "It is not known whether a step happened.");
}

function previewPart({ preview, state }, opened, { open }) {
  if (opened) return el("div", {}, el("h3", {}, "What would run"), previewView(opened));
  if (preview) return action("Open the preview", open, { kind: BEFORE_EXECUTION.includes(state) ? "main" : "" });
  return state === "draft" && el("p.quiet", {}, "It is being looked up what would run.");
}

function approvalsPart({ approvals, readings, state }) {
  if (approvals.length === 0 && !["awaiting_approval", "approved"].includes(state)) return null;
  return el(
    "div",
    {},
    el("h3", {}, "Approvals"),
    approvals.length === 0 && el("p.quiet", {}, "None yet."),
    el("ul.approvals", {}, approvals.map((approval) => approvalLine(approval, state))),
    readings.length > 0 && el("p.quiet.readings", {}, `Opened by ${readings.map(({ person }) => person).join(", ")}.`),
  );
}

function approvalLine({ person, at, acknowledged, breakGlass }, state) {
  const until = new Date(Date.parse(at) + 1_800_000);
  return el(
    "li",
    { data: { person } },
    el("strong", {}, person),
    `, ${moment(at)}`,
    BEFORE_EXECUTION.includes(state) && `, holds until ${moment(until)}`,
    acknowledged.length > 0 && `; accepted ${acknowledged.join(", ")}`,
    breakGlass && el("span.warning", {}, ` broke the glass: ${breakGlass}`),
  );
}
