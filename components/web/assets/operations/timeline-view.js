/** What happened, in its order, and who did it. */

import { el } from "./element.js";
import { event, moment } from "./words.js";

/** Steps move often: only where they end, or become doubtful, is of interest to most. */
const QUIET = ["intent_recorded", "sent", "awaiting"];

export function timelineView({ timeline }) {
  const lines = timeline.filter(({ event: it }) => !(it.type === "step_moved" && QUIET.includes(it.to)));
  return el(
    "section.card",
    { "aria-labelledby": "timeline" },
    el("h2", { id: "timeline" }, "Timeline"),
    el("ol.timeline", {}, lines.map(({ at, actor, event: it }) => el("li", { data: { type: it.type } }, el("time", { datetime: at }, moment(at)), el("span", {}, el("strong", {}, actor ?? "Hubline"), " ", event(it))))),
  );
}
