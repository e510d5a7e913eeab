/** The incidents, those that are not over first. */

import { brokenGlass, fires, isOver } from "./case-file.js";
import { badge, el } from "./element.js";
import { INCIDENT_STATES, STRATEGIES, moment } from "./words.js";

export function liveView(incidents) {
  return el("section.card", { "aria-labelledby": "live" }, el("h2", { id: "live" }, "Incidents"), incidents.length > 0 ? list(incidents) : el("p.quiet", {}, "There is none that is not over."));
}

export function overView(incidents) {
  return incidents.length > 0 && el("section.card", { "aria-labelledby": "over" }, el("h2", { id: "over" }, "Over"), list(incidents));
}

function list(incidents) {
  return el("ul.incidents", {}, incidents.map(line));
}

function line(incident) {
  const { id, name, target, state, moments, decision } = incident;
  return el(
    "li",
    { data: { incident: id } },
    el("a", { href: `#${id}` }, el("strong", {}, name), ` in ${target.environment}`),
    target.mode === "drill" && badge("drill"),
    badge(state, INCIDENT_STATES[state]),
    brokenGlass(incident).length > 0 && badge("glass", "glass broken, not reviewed"),
    el("span.quiet", {}, [moment(moments.openedAt), decision && `, ${STRATEGIES[decision.strategy]}`, !isOver(incident) && fires(incident) && ", the alert fires"]),
  );
}
