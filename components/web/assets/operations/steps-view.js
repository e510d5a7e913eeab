/** The steps of a rollback, and what proves how they ended. */

import { badge, code, el } from "./element.js";
import { evidenceButton } from "./evidence-view.js";
import { action } from "./form.js";
import { STEP_STATES, moment, step as describe } from "./words.js";

export function stepsView({ steps }, moves, evidence, { move }) {
  // Only the step at which it stands can be sent again.
  const current = moves.includes("retry") ? steps.find(({ status }) => status !== "done") : null;
  return el("div", {}, el("h3", {}, "Steps"), el("ol.steps", {}, steps.map((step) => line(step, evidence, step === current && move))));
}

function line(step, evidence, move) {
  const { name, status, attempt, intendedAt, endedAt, operation, failure } = step;
  return el(
    "li",
    { data: { step: name, status } },
    el("span.step-name", {}, el("strong", {}, name), ` ${describe(name)}`),
    badge(status, STEP_STATES[status]),
    attempt > 1 && el("span.quiet", {}, `attempt ${attempt}`),
    el("span.quiet", {}, [endedAt ? moment(endedAt) : intendedAt && `since ${moment(intendedAt)}`, operation && [", ", code(operation, 24)]]),
    failure && el("span.failure", {}, failure.code),
    step.evidence.length > 0 && el("span.pieces", {}, step.evidence.map((digest) => evidenceButton(digest, evidence))),
    move && action("Send again: it was proven absent", () => move("retry", { step: name })),
  );
}
