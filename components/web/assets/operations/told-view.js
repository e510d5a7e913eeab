/** Whom Hubline has told of the incident. */

import { badge, el } from "./element.js";
import { AUDIENCES, CHANNELS, event, moment } from "./words.js";

export function toldView({ messages, timeline }) {
  if (messages.length === 0) return null;
  const records = new Map(timeline.map((entry) => [entry.seq, entry.event]));
  return el(
    "section.card",
    { "aria-labelledby": "told" },
    el("h2", { id: "told" }, "Who was told"),
    el("ul.told", {}, messages.map((message) => line(message, records.get(message.seq)))),
  );
}

function line({ audience, at, sentAt, outcome }, record) {
  const channels = Object.entries(outcome ?? {}).filter(([, told]) => told.outcome);
  return el(
    "li",
    {},
    el("span", {}, el("strong", {}, AUDIENCES[audience] ?? audience), record && ` ${event(record)}`),
    el("span.quiet", {}, [sentAt ? moment(sentAt) : `waiting since ${moment(at)}`, sentAt && channels.length === 0 && `, by no channel${outcome?.left ? `: ${outcome.left}` : ": none is configured"}`]),
    channels.map(([channel, { outcome: came, why }]) => badge(came === "sent" ? "pass" : "fail", `${CHANNELS[channel] ?? channel}${why ? `: ${why}` : ""}`)),
  );
}
