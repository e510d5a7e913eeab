/** Stopping every rollback from going on, and letting them go on again. */

import { el } from "./element.js";
import { folded, form, reason } from "./form.js";

/** That rollbacks are halted. */
export const haltedNote = () => el("p.warning.halted", { role: "status" }, "Rollbacks are halted: no step that changes an environment leaves, until a commander releases them.");

/** What is to be seen and done of it; null where there is nothing. */
export function haltView(halted, maySet, set) {
  if (!halted && !maySet) return null;
  const texts = halted
    ? { title: "Release rollbacks", submit: "Release", kind: "main", note: "What was under way goes on where it stopped." }
    : { title: "Halt all rollbacks", submit: "Halt", kind: "danger", note: "For every environment. What has left already is not called back." };
  const box = maySet && form(texts, [reason()], ({ reason: why }) => set(!halted, why));
  return el(
    "section.card",
    { "aria-labelledby": "halt", data: { halted } },
    el("h2", { id: "halt" }, halted ? "Rollbacks are halted" : "Halting rollbacks"),
    halted && haltedNote(),
    halted ? box : folded(texts.title, box),
  );
}
