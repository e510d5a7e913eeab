/** What comes next, and the moves of the incident itself: acknowledge, decide, escalate, dismiss, validate, resolve, review. */

import { brokenGlass, isOver } from "./case-file.js";
import { el, pairs } from "./element.js";
import { action, field, folded, form, reason, tick } from "./form.js";
import { CAUSES, STRATEGIES, moment } from "./words.js";

/** What comes next, what was decided so far, and what this person may do. */
export function decisionView({ incident, triage, moves, next }, session, move) {
  const { state, decision, escalation, dismissal } = incident;
  const may = (name) => moves.includes(name);
  const taken = escalation && !isOver(incident) && !session.may("commander");
  return el(
    "section.card",
    { "aria-labelledby": "decision" },
    el("h2", { id: "decision" }, "What to do"),
    el("p.next", {}, el("strong", {}, "Next: "), `${next}.`),
    moves.length === 0 && !isOver(incident) && el("p.quiet", {}, "There is nothing of it that you could do now."),
    pairs(
      ["Decided", decision && `${STRATEGIES[decision.strategy]}: ${decision.reason} (${decision.decider}, ${moment(decision.at)})`],
      ["Escalated", escalation && `${escalation.reason} (${escalation.person}, ${moment(escalation.at)})`],
      ["Dismissal", dismissal && `${dismissal.reason} (${dismissal.person}, ${moment(dismissal.at)})`],
    ),
    taken && el("p.warning", {}, "It is escalated: a commander decides now."),
    may("acknowledge") && action("Acknowledge", () => move("acknowledge", {}), { kind: "main" }),
    may("decide") && decide(triage?.recommendation, decision, move),
    may("validate") && action("Validate now", () => move("validations", {}), { kind: state === "mitigated_unvalidated" ? "main" : "" }),
    may("resolve") && action("Resolve", () => move("resolve", {}), { kind: "main" }),
    may("escalate") && folded("Escalate to the incident commander", escalate(move)),
    may("dismiss") && folded("Dismiss", dismiss(move)),
    may("review") && review(incident, move),
  );
}

function decide(recommendation, decision, move) {
  const recommended = recommendation?.kind;
  const chosen = decision?.strategy ?? recommended;
  const options = Object.entries(STRATEGIES).map(([value, text]) => [value, value === recommended ? `${text} (recommended)` : text, value === chosen]);
  const fields = [field("Strategy", "strategy", { options, required: true }), reason()];
  const texts = decision ? { title: "Decide anew", submit: "Decide anew" } : { title: "Decide", submit: "Decide", kind: "main" };
  const box = form(texts, fields, ({ strategy, reason: why }) => move("decision", { strategy, reason: why }));
  return decision ? folded("Decide anew", box) : box;
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

function review(incident, move) {
  const broken = brokenGlass(incident);
  const fields = [
    field("What was learnt", "review", { rows: 4, required: true, maxlength: 2000 }),
    broken.map(({ run, person, reason: why }) => tick(`The glass was broken by ${person}: ${why}`, "glass", run, { required: true })),
  ];
  const brokenGlassRuns = broken.map(({ run }) => run);
  return form({ title: "Review", submit: "Close the review", kind: "main" }, fields, ({ review: text }) => move("review", { review: text, brokenGlass: brokenGlassRuns }));
}
