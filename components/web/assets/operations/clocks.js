/** How long everything takes, and how much of the time for recovery is left. */

import { el } from "./element.js";
import { isOver } from "./case-file.js";
import { duration } from "./words.js";

const NAMES = {
  detect: "Detect",
  acknowledge: "Acknowledge",
  decide: "Decide",
  approve: "Approve",
  execute: "Execute",
  validate: "Validate",
  recovery: "Recovery (RTO)",
  restore: "Restore (MTTR)",
};

/** The clocks as they were read, and how to let them go on. */
export function clocksView({ incident, clocks, objectives: { rto, rpo } }) {
  const over = isOver(incident);
  const read = Date.now();
  const lines = Object.entries(NAMES).filter(([name]) => clocks[name] && !(over && clocks[name].running));
  const values = lines.map(() => el("dd"));
  const bar = el("progress", { max: rto.allowedSeconds, "aria-label": "Time for recovery" });
  const left = el("p.left");
  const tick = () => {
    const since = (Date.now() - read) / 1000;
    lines.forEach(([name], index) => {
      const { seconds, running } = clocks[name];
      write(values[index], running ? `${duration(seconds + since)} so far` : duration(seconds));
    });
    const used = rto.takenSeconds + (rto.running ? since : 0);
    bar.value = Math.min(used, rto.allowedSeconds);
    left.dataset.state = used >= rto.allowedSeconds ? "late" : used >= rto.allowedSeconds * 0.8 ? "most" : used >= rto.allowedSeconds / 2 ? "half" : "well";
    write(left, remaining(used, rto, incident));
  };
  tick();
  const section = el(
    "section.card",
    { "aria-labelledby": "clocks" },
    el("h2", { id: "clocks" }, "Clocks"),
    left,
    bar,
    el("dl.pairs.clocks", {}, lines.map(([, name], index) => el("div", {}, el("dt", {}, name), values[index]))),
    rpo.askedSeconds !== null && el("p", {}, `Loss asked for: ${duration(rpo.askedSeconds)}, without a word of its own at most ${duration(rpo.allowedSeconds)}.`),
    rpo.measuredSeconds !== null && el("p", {}, `Loss measured: ${duration(rpo.measuredSeconds)}.`),
  );
  return { section, tick };
}

function remaining(used, { allowedSeconds, running }, { moments }) {
  if (moments.validatedAt) return `Recovered in ${duration(used)} of ${duration(allowedSeconds)}.`;
  if (!running) return "";
  const late = used >= allowedSeconds;
  return late ? `${duration(used - allowedSeconds)} over the ${duration(allowedSeconds)} that recovery may take.` : `${duration(allowedSeconds - used)} left of ${duration(allowedSeconds)} for recovery.`;
}

/** Screen readers are told of what differs, and of nothing else. */
function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
