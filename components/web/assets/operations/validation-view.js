/** What a validation has found. */

import { badge, code, el } from "./element.js";
import { CHECKS, moment } from "./words.js";

export function validationView({ incident, validations }) {
  const last = incident.validation ?? validations.at(-1);
  if (!last) return null;
  const { startedAt, startedBy, finishedAt, verdict, results = [], required = [] } = last;
  const checks = results.length > 0 ? results : required.map((check) => ({ check, verdict: "pending", detail: "" }));
  return el(
    "section.card",
    { "aria-labelledby": "validation", data: { verdict: verdict ?? "pending" } },
    el("h2", { id: "validation" }, "Validation ", badge(verdict ?? "pending", verdict ?? "under way")),
    el("p.quiet", {}, `Begun ${moment(startedAt)} by ${startedBy}`, finishedAt && `, ended ${moment(finishedAt)}`),
    verdict === "fail" && el("p.warning", {}, "Decide on another rollback, or escalate."),
    verdict === "inconclusive" && el("p.warning", {}, "Nothing is proven. Validate again when there is enough to see."),
    el("ul.checks", {}, checks.map(({ check, verdict: found, detail, evidence }) => el("li", { data: { check, verdict: found } }, badge(found), el("strong", {}, CHECKS[check] ?? check), ` ${detail}`, evidence && [" ", code(evidence)]))),
  );
}
