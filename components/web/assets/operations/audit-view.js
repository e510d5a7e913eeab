/** Whether the audit log holds. */

import { el, pairs } from "./element.js";
import { action } from "./form.js";
import { moment } from "./words.js";

/**
 * @param {{at: string, intact: boolean, length: number, head: string, broken: string|null}|null} found what the last check found
 * @param {import("./form.js").Act} check
 */
export function auditView(found, check) {
  return el(
    "section.card",
    { "aria-labelledby": "audit", data: { intact: found ? found.intact : null } },
    el("h2", { id: "audit" }, "Audit log"),
    el("p.quiet", {}, "Each record names the one before by its hash: the whole chain is followed from the first."),
    found && el(found.intact ? "p.holds" : "p.warning", { role: "status" }, found.intact ? "The log is whole: nothing was altered, left out or put in." : `The log is broken: ${found.broken}`),
    found && pairs(["Checked", moment(found.at)], ["Records", String(found.length)], ["Last hash", el("code", {}, found.head)]),
    action("Check the audit log", check),
  );
}
