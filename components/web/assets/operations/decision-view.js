/** The moves of an incident itself: acknowledge, decide, escalate, dismiss, validate, resolve, review. */

import { el, pairs } from "./element.js";
import { action, field, form, reason, tick } from "./form.js";
import { CAUSES, STRATEGIES, moment } from "./words.js";

const DECIDABLE = ["acknowledged", "rolling_back", "mitigated_unvalidated", "validated"];
const VALIDATABLE = ["acknowledged", "mitigated_unvalidated", "validated"];
const ESCALATABLE = ["open", "acknowledged", "rolling_back", "blocked", "mitigated_unvalidated", "validating", "validated"];

/** What this person could do next with the incident, and what was decided so far. */
export function decisionView({ incident, runs, triage }, session, move) {
  const { state, decision, escalation, dismissal } = incident;
  const operates = session.may("operator", "commander");
  const decides = operates && DECIDABLE.includes(state) && (!escalation || session.may("commander"));
  const idle = !runs.some(({ state: run }) => ["draft", "previewed", "awaiting_approval", "approved", "executing", "verifying"].includes(run));
  return el(
    "section.card",
    { "aria-labelledby": "decision" },
    el("h2", { id: "decision" }, "Decision"),
    pairs(
      ["Decided", decision && `${STRATEGIES[decision.strategy]}: ${decision.reason} (${decision.decider}, ${moment(decision.at)})`],
      ["Escalated", escalation && `${escalation.reason} (${escalation.person}, ${moment(escalation.at)})`],
      ["Dismissal", dismissal && `${dismissal.reason} (${dismissal.person}, ${moment(dismissal.at)})`],
    ),
    escalation && !session.may("commander") && DECIDABLE.includes(state) && el("p.warning", {}, "It is escalated: a commander decides now."),
    state === "open" && operates && action("Acknowledge", () => move("acknowledge", {}), { kind: "main" }),
    state === "open" && !operates && el("p.quiet", {}, "An operator has to acknowledge it."),
    decides && decide(triage, decision, move),
    operates && idle && VALIDATABLE.includes(state) && action("Validate now", () => move("validations", {}), { kind: state === "mitigated_unvalidated" ? "main" : "" }),
    operates && state === "validated" && action("Resolve", () => move("resolve", {}), { kind: "main" }),
    operates && ESCALATABLE.includes(state) && el("details", {}, el("summary", {}, "Escalate to the incident commander"), escalate(move)),
    session.may("commander") && ["open", "acknowledged"].includes(state) && el("details", {}, el("summary", {}, "Dismiss"), dismiss(move)),
    session.may("commander") && state === "resolved" && review(incident, move),
  );
}

function decide(triage, decision, move) {
  const recommended = triage?.recommendation?.kind ?? "";
  const chosen = decision?.strategy ?? recommended;
  const options = Object.entries(STRATEGIES).map(([value, text]) => [value, value === recommended ? `${text} (recommended)` : text, value === chosen]);
  const fields = [field("Strategy", "strategy", { options, required: true }), reason()];
  const box = form({ title: decision ? "Decide anew" : "Decide", submit: "Decide", kind: decision ? "" : "main" }, fields, ({ strategy, reason: why }) => move("decision", { strategy, reason: why }));
  return decision ? el("details", {}, el("summary", {}, "Decide anew"), box) : box;
}

function escalate(move) {
  const note = "Pages the commander, who takes the decisions from then on.";
  return form({ title: "Escalate", submit: "Escalate", note }, [reason()], ({ reason: why }) => move("escalate", { reason: why }));
}

function dismiss(move) {
  const fields = [field("Cause", "cause", { options: Object.entries(CAUSES) }), reason()];
  const note = "While the alert fires only as a false positive, and by two commanders.";
  return form({ title: "Dismiss", submit: "Dismiss", note }, fields, ({ cause, reason: why }) => move("dismiss", { cause, reason: why }));
}

function review({ breakGlass = [] }, move) {
  const broken = breakGlass.filter(({ reviewed }) => !reviewed);
  const fields = [
    field("What was learnt", "review", { rows: 4, required: true, maxlength: 2000 }),
    broken.map(({ run, person, reason: why }) => tick(`The glass was broken by ${person}: ${why}`, "glass", run, { required: true })),
  ];
  return form({ title: "Review", submit: "Close the review", kind: "main" }, fields, ({ review: text }) => move("review", { review: text, brokenGlass: broken.map(({ run }) => run) }));
}
