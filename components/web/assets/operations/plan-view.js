/** What a plan of Terraform would change, redacted: everything that approvers must have seen. */

import { badge, el } from "./element.js";

const ACTIONS = {
  "no-op": "nothing",
  read: "read",
  create: "create",
  update: "change",
  replace: "destroy and make anew",
  delete: "destroy",
  forget: "forget",
  unknown: "something unknown",
};

const CAUSES = {
  unexpected_loss: "would be lost, and nobody named it",
  data_loss: "holds data, and would be lost",
  protected: "is protected, and nobody named it",
  protected_drift: "is protected, and was changed outside of the code",
  unknown_action: "something unknown would be done",
  invocation: "actions would be invoked, whose effects the plan does not show",
  deferred: "some changes are put off",
  unapplyable: "the plan was not finished, or can't be applied",
  failed_check: "one of the plan's own checks fails",
};

export function planView({ changes, drift, outputs, blocks }) {
  return el(
    "div.plan",
    {},
    blocks.length > 0 && el("ul.blocks", { "aria-label": "Why it must not be applied" }, blocks.map(({ address, cause }) => el("li", {}, address && el("code", {}, address), ` ${CAUSES[cause] ?? cause}`))),
    el("h4", {}, `Changes: ${changes.length}`),
    changes.length > 0 ? changes.map(change) : el("p.quiet", {}, "It changes no resource."),
    outputs.length > 0 && [el("h4", {}, "Outputs"), outputs.map((output) => change({ ...output, address: `output.${output.name}` }))],
    drift.length > 0 && [el("h4", {}, "Changed outside of the code"), drift.map(change)],
  );
}

function change({ address, previousAddress, resourceType, action, reason, protected: isProtected, before, after }) {
  const lines = differences(before, after);
  return el(
    "details.change",
    { open: ["replace", "delete", "forget"].includes(action), data: { action, address } },
    el("summary", {}, el("code", {}, address), badge(`plan-${action}`, ACTIONS[action] ?? action), isProtected && badge("protected", "protected")),
    (previousAddress || reason || resourceType) && el("p.quiet", {}, [resourceType, previousAddress && `, was ${previousAddress}`, reason && `, ${reason.replaceAll("_", " ")}`]),
    el("div.scroll", {}, el("table.differences", {}, el("tbody", {}, lines.map(([name, was, is]) => el("tr", {}, el("th", { scope: "row" }, name), el("td.was", {}, was), el("td.is", {}, is)))))),
  );
}

/** What differs between two values: `[path, before, after]`. */
function differences(before, after, path = "") {
  if (same(before, after)) return [];
  const branches = (value) => value !== null && typeof value === "object";
  if (branches(before) && branches(after) && Array.isArray(before) === Array.isArray(after)) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
    return names.flatMap((name) => differences(before[name], after[name], path ? `${path}.${name}` : name));
  }
  if (branches(before) !== branches(after) && (before ?? after) !== null && (before === null || before === undefined || after === null || after === undefined)) {
    const [whole, gone] = branches(before) ? [before, true] : [after, false];
    const leaves = Object.keys(whole).flatMap((name) => (gone ? differences(whole[name], undefined, path ? `${path}.${name}` : name) : differences(undefined, whole[name], path ? `${path}.${name}` : name)));
    if (leaves.length > 0) return leaves;
  }
  return [[path || "value", written(before), written(after)]];
}

const same = (a, b) => (a ?? null) === (b ?? null) || JSON.stringify(a ?? null) === JSON.stringify(b ?? null);

function written(value) {
  if (value === undefined || value === null) return "";
  return typeof value === "string" ? value : JSON.stringify(value);
}
