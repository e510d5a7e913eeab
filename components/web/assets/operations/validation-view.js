/** What a validation has found. */

import { badge, el } from "./element.js";
import { evidenceButton } from "./evidence-view.js";
import { check as describe, moment } from "./words.js";

/** The last validation; null before there was one. */
export function validationView({ validation }, evidence) {
  if (!validation) return null;
  const { startedAt, startedBy, finishedAt, verdict, results, required } = validation;
  const checks = results.length > 0 ? results : required.map((check) => ({ check, verdict: "pending", detail: "", evidence: null }));
  return el(
    "section.card",
    { "aria-labelledby": "validation", data: { verdict: verdict ?? "pending" } },
    el("h2", { id: "validation" }, "Validation ", badge(verdict ?? "pending", verdict ?? "under way")),
    el("p.quiet", {}, `Begun ${moment(startedAt)} by ${startedBy}`, finishedAt && `, ended ${moment(finishedAt)}`),
    verdict === "fail" && el("p.warning", {}, "Decide on another rollback, or escalate."),
    verdict === "inconclusive" && el("p.warning", {}, "Nothing is proven. Validate again when there is enough to see."),
    el("ul.checks", {}, checks.map((check) => line(check, evidence))),
  );
}

function line({ check, verdict, detail, evidence: digest }, evidence) {
  return el("li", { data: { check, verdict } }, badge(verdict), el("span", {}, el("strong", {}, describe(check)), ` ${detail} `, digest && evidenceButton(digest, evidence)));
}
