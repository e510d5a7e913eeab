/** The drills: each kind of rollback once a quarter, in staging. */

import { badge, el } from "./element.js";
import { action } from "./form.js";
import { day, duration, moment } from "./words.js";

/** How the drills stand, those of the past, and starting one. */
export function drillsView({ drills, history }, start) {
  return el(
    "section.card",
    { "aria-labelledby": "drills" },
    el("h2", { id: "drills" }, "Drills"),
    el("p.quiet", {}, "Each kind of rollback once a quarter, in staging, all the way to a resolved incident."),
    el("ul.drills", {}, drills.map((drill) => line(drill, start))),
    history.length > 0 && el("details", {}, el("summary", {}, `Drills of the last two years: ${history.length}`), el("ul.past", {}, history.map(past))),
  );
}

function line(drill, start) {
  const { kind, standing } = drill;
  return el("li", { data: { kind, standing } }, el("strong", {}, kind), badge(standing), el("span.quiet", {}, TOLD[standing](drill)), action(`Start: ${kind}`, () => start(kind)));
}

const TOLD = {
  due: ({ by }) => `by ${day(by)}`,
  overdue: ({ since }) => `since ${day(since)}`,
  done: ({ recoverySeconds }) => `recovered in ${duration(recoverySeconds)}`,
};

function past({ kind, incident, startedAt, doneAt, recoverySeconds }) {
  const outcome = doneAt ? `done, recovered in ${duration(recoverySeconds)}` : "not done";
  return el("li", {}, el("a", { href: `#${incident}` }, kind), ` ${moment(startedAt)}: ${outcome}`);
}
