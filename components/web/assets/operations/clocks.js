/** How long everything takes, and how much of the time for recovery is left. */

import { el } from "./element.js";
import { duration } from "./words.js";

/** Half an hour for an application and while nothing is decided, four hours for the rest. */
const RECOVERY = { application: 1_800, database: 14_400, infrastructure: 14_400 };

const CLOCKS = [
  ["Detect", "alertedAt", "openedAt"],
  ["Acknowledge", "openedAt", "acknowledgedAt"],
  ["Decide", "alertedAt", "decidedAt"],
  ["Approve", "decidedAt", "approvedAt"],
  ["Execute", "firstChangeAt", "lastChangeAt"],
  ["Validate", "lastChangeAt", "validatedAt"],
  ["Recovery (RTO)", "openedAt", "validatedAt"],
  ["Restore (MTTR)", "alertedAt", "validatedAt"],
];

const OVER = ["resolved", "reviewed", "dismissed"];

export function clocksView({ incident, runs }) {
  const { moments, state, executed, decision, loss = {} } = incident;
  const kind = executed?.kind ?? runs[0]?.kind ?? decision?.strategy;
  const allowed = RECOVERY[kind] ?? 1_800;
  const over = OVER.includes(state);
  const lines = CLOCKS.map(([name, from, to]) => ({ name, from: moments[from], to: moments[to] })).filter(({ from }) => from);
  const values = lines.map(() => el("dd"));
  const list = el("dl.pairs.clocks", {}, lines.map(({ name }, index) => el("div", {}, el("dt", {}, name), values[index])));
  const bar = el("progress", { max: allowed, "aria-label": "Time for recovery" });
  const left = el("p", { class: "left" });
  const tick = () => {
    const now = Date.now();
    lines.forEach(({ from, to, name }, index) => {
      // What changes again after a proof sets the clock of recovery going again.
      const began = Date.parse(from);
      const running = !to || Date.parse(to) < began;
      const text = running && (over || name === "Execute") ? "" : duration(((running ? now : Date.parse(to)) - began) / 1000) + (running ? " so far" : "");
      if (values[index].textContent !== text) values[index].textContent = text;
    });
    const end = moments.validatedAt ?? (over ? moments.resolvedAt : null);
    const used = ((end ? Date.parse(end) : now) - Date.parse(moments.openedAt)) / 1000;
    bar.value = Math.min(used, allowed);
    const late = used >= allowed;
    left.dataset.state = late ? "late" : used >= allowed * 0.8 ? "most" : used >= allowed / 2 ? "half" : "well";
    const text = end ? `Recovered in ${duration(used)} of ${duration(allowed)}.` : over ? "" : late ? `${duration(used - allowed)} over the ${duration(allowed)} that recovery may take.` : `${duration(allowed - used)} left of ${duration(allowed)} for recovery.`;
    if (left.textContent !== text) left.textContent = text;
  };
  tick();
  const section = el(
    "section.card",
    { "aria-labelledby": "clocks" },
    el("h2", { id: "clocks" }, "Clocks"),
    left,
    bar,
    list,
    (loss.askedSeconds ?? null) !== null && el("p", {}, `Loss asked for: ${duration(loss.askedSeconds)}. `, (loss.measuredSeconds ?? null) !== null && `Measured: ${duration(loss.measuredSeconds)}.`),
  );
  return { section, tick };
}
