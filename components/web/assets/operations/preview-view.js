/** Exactly what would run, and the boxes by which each hazard is acknowledged. */

import { code, el, pairs } from "./element.js";
import { form, tick } from "./form.js";
import { planView } from "./plan-view.js";
import { duration, hazard, moment, step } from "./words.js";

export function previewView(preview) {
  const { recipe, digest, expiresAt, madeAt, steps, runbook, plan } = preview;
  return el(
    "div.preview",
    {},
    pairs(
      ["Digest", el("code", {}, digest)],
      ["Made", moment(madeAt)],
      ["Holds until", moment(expiresAt)],
      ["Runbook", `version ${runbook}`],
      ...RECIPES[recipe.kind](recipe),
    ),
    el("details", {}, el("summary", {}, `${steps.length} steps`), el("ol", {}, steps.map((name) => el("li", {}, `${name}: ${step(name)}`)))),
    plan && planView(plan),
  );
}

const RECIPES = {
  application: ({ application, image, running, pipeline }) => [
    ["Application", application],
    ["Goes back to", [`${image.repository}:${image.tag} `, code(image.digest)]],
    ["Runs now", code(running)],
    ["Pipeline", `${pipeline.repository}, ${pipeline.workflow}, ${pipeline.gitRef}`],
  ],
  database: ({ source, restored, pointInTime, incidentAt, waiveFreeze, acceptLoss, secret, redeployments }) => [
    ["Restores", source],
    ["To the new server", restored],
    ["As of", moment(pointInTime)],
    ["Gives up at least", duration((Date.parse(incidentAt) - Date.parse(pointInTime)) / 1000)],
    ["Writers", waiveFreeze ? `go on: ${waiveFreeze}` : "are kept away until every application runs with the new connection"],
    ["Greater loss", acceptLoss && `accepted: ${acceptLoss}`],
    ["Secret", secret],
    ["Redeploys", el("ul", {}, redeployments.map(({ application, image }) => el("li", {}, `${application} ${image.tag} `, code(image.digest))))],
  ],
  infrastructure: ({ commit, terraform, plan, artifact, plannedBy, exceptions, pipeline }) => [
    ["Commit", el("code", {}, commit)],
    ["Plan", code(plan)],
    ["Planned by", `run ${plannedBy}, artifact ${artifact.split("@")[0]}, Terraform ${terraform}`],
    ["Exceptions", exceptions.length > 0 && exceptions.join(", ")],
    ["Pipeline", `${pipeline.repository}, ${pipeline.workflow}, ${pipeline.gitRef}`],
  ],
};

/** A form that is bound to this preview: each hazard has a box of its own, and no box acknowledges two. */
export function acknowledgement(preview, { title, submit, note, more = [] }, act) {
  const boxes = preview.hazards.map((name) => tick([el("code", {}, name), ` ${hazard(name)}`], "acknowledged", name, { required: true }));
  const fields = [boxes.length > 0 && el("fieldset", {}, el("legend", {}, "I have seen, and accept, that"), boxes), more];
  return form({ title, submit, kind: "main", note }, fields.filter(Boolean), (values, element) => {
    const acknowledged = [...element.querySelectorAll("input[name=acknowledged]:checked")].map(({ value }) => value);
    return act({ ...values, digest: preview.digest, acknowledged });
  });
}
