/** What is known around the alert, and what it speaks for. */

import { fires } from "./case-file.js";
import { badge, code, el, pairs } from "./element.js";
import { STRATEGIES, moment } from "./words.js";

export function triageView({ incident, triage, alerts }) {
  return el(
    "section.card",
    { "aria-labelledby": "evidence" },
    el("h2", { id: "evidence" }, "Evidence"),
    triage && recommendation(triage.recommendation),
    el("h3", {}, "Alert"),
    alertView(incident, alerts),
    !triage && el("p.quiet", {}, "What happened around the alert is being looked up."),
    triage?.metrics.length > 0 && [el("h3", {}, "Metrics around it"), metrics(triage.metrics)],
    triage?.applications.length > 0 && [el("h3", {}, "What the applications run"), applications(triage.applications, incident)],
    triage && [el("h3", {}, "Infrastructure applied lately"), applies(triage.applies)],
    triage?.unseen.length > 0 && el("p.warning", {}, `Could not be seen: ${triage.unseen.join("; ")}`),
  );
}

function recommendation({ kind, application, reason }) {
  const what = kind ? STRATEGIES[kind] + (application ? `: ${application}` : "") : "Escalate";
  return el("div.recommendation", {}, el("h3", {}, "Recommendation"), el("p", {}, el("strong", {}, what)), el("p", {}, reason));
}

function alertView(incident, alerts) {
  const { name, fingerprint, firing } = incident;
  // A drill has none.
  const { annotations, labels } = alerts.at(-1)?.alert ?? { annotations: {}, labels: {} };
  const standing = fires(incident) ? "fires" : "cleared";
  return [
    annotations.summary && el("p", {}, el("strong", {}, annotations.summary)),
    annotations.description && el("p.lines", {}, annotations.description),
    pairs(
      ["Alert", [name, " ", firing.firedAt && badge(standing)]],
      ["Labels", Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(", ")],
      ["Fired", firing.count > 1 && `${firing.count} times, last ${moment(firing.firedAt)}`],
      ["Cleared", moment(firing.clearedAt)],
      ["Fingerprint", code(fingerprint)],
    ),
  ];
}

function table(head, rows) {
  return el("div.scroll", {}, el("table", {}, el("thead", {}, el("tr", {}, head.map((text) => el("th", { scope: "col" }, text)))), el("tbody", {}, rows)));
}

const row = (...cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell ?? "")));

function metrics(readings) {
  const milliseconds = (seconds) => (seconds === null ? "no answer" : `${Math.round(seconds * 1000)} ms`);
  const percent = (ratio) => (ratio === null ? "no answer" : `${(ratio * 100).toFixed(2)} %`);
  return table(
    ["When", "P95", "Errors", "Requests in 5 min"],
    readings.map(({ at, p95Seconds, errorRatio, requests }) => row(moment(at), milliseconds(p95Seconds), percent(errorRatio), requests === null ? "no answer" : Math.round(requests))),
  );
}

function applications(deployed, { moments }) {
  const before = (at) => {
    const minutes = Math.round((new Date(moments.alertedAt) - new Date(at)) / 60_000);
    return minutes >= 0 && minutes <= 120 ? `, ${minutes} min before the alert` : "";
  };
  return table(
    ["Application", "Deployed", "Image", "Digest"],
    deployed.map(({ application, at, image, digest, seen }) =>
      row(application, seen ? at && moment(at) + before(at) : "could not be seen", image && image.split("@")[0].split("/").at(-1), digest && code(digest)),
    ),
  );
}

function applies(list) {
  if (list.length === 0) return el("p.quiet", {}, "None.");
  return table(["Commit", "Applied"], list.map(({ commit, at }) => row(el("code", {}, commit), moment(at))));
}
