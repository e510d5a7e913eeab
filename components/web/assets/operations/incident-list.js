/** The incidents, those that are not over first. */

import { shape } from "./case-file.js";
import { badge, el } from "./element.js";
import { INCIDENT_STATES, STRATEGIES, moment } from "./words.js";

const OVER = ["resolved", "reviewed", "dismissed"];

export function incidentList(answer) {
  const incidents = (answer.incidents ?? answer).map(shape);
  const live = incidents.filter(({ state }) => !OVER.includes(state));
  const over = incidents.filter(({ state }) => OVER.includes(state));
  return [
    el("section.card", { "aria-labelledby": "live" }, el("h2", { id: "live" }, "Incidents"), live.length > 0 ? list(live) : el("p.quiet", {}, "There is none that is not over.")),
    over.length > 0 && el("section.card", { "aria-labelledby": "over" }, el("h2", { id: "over" }, "Over"), list(over)),
  ];
}

function list(incidents) {
  return el("ul.incidents", {}, incidents.map(line));
}

function line({ id, name, environment, mode, state, moments, decision, firing }) {
  const { openedAt, alertedAt } = moments;
  const fires = firing?.firedAt && (!firing.clearedAt || firing.clearedAt <= firing.firedAt);
  return el(
    "li",
    {},
    el("a", { href: `#${id}` }, el("strong", {}, name), ` in ${environment}`),
    mode === "drill" && badge("drill"),
    badge(state, INCIDENT_STATES[state] ?? state),
    el("span.quiet", {}, [
      moment(openedAt ?? alertedAt),
      decision && `, ${STRATEGIES[decision.strategy] ?? decision.strategy}`,
      fires && !OVER.includes(state) && ", the alert fires",
    ]),
  );
}

const KINDS = ["application", "database", "infrastructure"];

/** What drills are due, and starting one. */
export function drills(answer, start) {
  const listed = answer.kinds ?? answer.drills ?? answer;
  const known = Array.isArray(listed) ? Object.fromEntries(listed.map((drill) => [drill.kind, drill])) : listed;
  return el(
    "section.card",
    { "aria-labelledby": "drills" },
    el("h2", { id: "drills" }, "Drills"),
    el("p.quiet", {}, "Each kind once a quarter, in staging."),
    el(
      "ul.drills",
      {},
      KINDS.map((kind) => {
        const drill = known[kind] ?? {};
        const state = drill.status ?? drill.state ?? drill.standing ?? "due";
        return el("li", {}, el("strong", {}, STRATEGIES[kind]), badge(state), start && start(kind));
      }),
    ),
  );
}
