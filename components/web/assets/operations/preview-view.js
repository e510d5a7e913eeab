/** Exactly what would run, and the boxes by which each hazard is acknowledged. */

import { hazardsOf } from "./case-file.js";
import { code, el, pairs } from "./element.js";
import { field, form, tick } from "./form.js";
import { planView } from "./plan-view.js";
import { duration, hazard, moment, step } from "./words.js";

export function previewView(preview, plan) {
  const { recipe = {}, digest, expiresAt, madeAt, steps = [], runbook } = preview;
  return el(
    "div.preview",
    {},
    pairs(
      ["Digest", el("code", {}, digest)],
      ["Made", moment(madeAt)],
      ["Holds until", moment(expiresAt ?? (madeAt && new Date(Date.parse(madeAt) + 3_600_000)))],
      ["Runbook", runbook && `version ${runbook}`],
      ...(RECIPES[recipe.kind]?.(recipe) ?? []),
    ),
    steps.length > 0 && el("details", {}, el("summary", {}, `${steps.length} steps`), el("ol", {}, steps.map((name) => el("li", {}, `${name}: ${step(name)}`)))),
    recipe.kind === "infrastructure" && (plan ? planView(plan) : el("p.warning", {}, "The changes can't be shown. Do not approve what you can't see.")),
  );
}

const RECIPES = {
  application: ({ application, image, running, pipeline }) => [
    ["Application", application],
    ["Goes back to", image && [`${image.repository}:${image.tag} `, code(image.digest)]],
    ["Runs now", code(running)],
    ["Pipeline", pipeline && `${pipeline.repository}, ${pipeline.workflow}, ${pipeline.gitRef}`],
  ],
  database: ({ source, restored, pointInTime, incidentAt, waiveFreeze, acceptLoss, secret, redeployments = [] }) => [
    ["Restores", source],
    ["To the new server", restored],
    ["As of", moment(pointInTime)],
    ["Gives up at least", incidentAt && duration((Date.parse(incidentAt) - Date.parse(pointInTime)) / 1000)],
    ["Writers", waiveFreeze ? `go on: ${waiveFreeze}` : "are kept away until every application runs with the new connection"],
    ["Greater loss", acceptLoss && `accepted: ${acceptLoss}`],
    ["Secret", secret],
    ["Redeploys", el("ul", {}, redeployments.map(({ application, image }) => el("li", {}, `${application} ${image.tag} `, code(image.digest))))],
  ],
  infrastructure: ({ commit, terraform, plan, artifact, plannedBy, exceptions = [], pipeline }) => [
    ["Commit", el("code", {}, commit)],
    ["Plan", code(plan)],
    ["Planned by", `run ${plannedBy}, artifact ${String(artifact ?? "").split("@")[0]}, Terraform ${terraform}`],
    ["Exceptions", exceptions.length > 0 && exceptions.join(", ")],
    ["Pipeline", pipeline && `${pipeline.repository}, ${pipeline.workflow}, ${pipeline.gitRef}`],
  ],
};

/** A form that is bound to this preview: each hazard has a box of its own, and no box acknowledges two. */
export function acknowledgement(preview, { title, submit, note, more = [] }, act) {
  const boxes = hazardsOf(preview).map((name) => tick([el("code", {}, name), ` ${hazard(name)}`], "acknowledged", name, { required: true }));
  const fields = [boxes.length > 0 && el("fieldset", {}, el("legend", {}, "I have seen, and accept, that"), boxes), more];
  return form({ title, submit, kind: "main", note }, fields.filter(Boolean), (values, element) => {
    const acknowledged = [...element.querySelectorAll("input[name=acknowledged]:checked")].map(({ value }) => value);
    return act({ ...values, digest: preview.digest, acknowledged });
  });
}

/** The field by which a commander breaks the glass. */
export const glass = () => field("Break the glass, because", "breakGlass", { placeholder: "leave empty unless no second person is there in time" }, "Recorded, and shown until a review names it. For an application, with 10 minutes or less of recovery time left.");
