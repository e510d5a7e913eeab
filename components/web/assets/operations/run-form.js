/** Asking for a rollback of the kind that was decided. */

import { el } from "./element.js";
import { field, form } from "./form.js";
import { STRATEGIES } from "./words.js";

const OPENABLE = ["acknowledged", "mitigated_unvalidated", "validated"];
const UNDER_WAY = ["draft", "previewed", "awaiting_approval", "approved", "executing", "verifying"];

/** The form, or null where none can be asked for. */
export function runForm({ incident, runs, triage }, session, move) {
  const { decision, state } = incident;
  const kind = decision?.strategy;
  const free = OPENABLE.includes(state) && !runs.some((run) => UNDER_WAY.includes(run.state));
  if (!free || !FIELDS[kind] || !session.may("operator", "commander")) return null;
  const note = "Nothing is changed yet: it is looked up what would run, and shown for approval.";
  const box = form({ title: STRATEGIES[kind], submit: "Prepare the rollback", kind: "main", note }, FIELDS[kind](triage ?? {}, incident), async (values) => {
    await move("runs", { kind, ...READ[kind](values) });
  });
  return el("section.card", { "aria-labelledby": "request" }, el("h2", { id: "request" }, "Rollback"), box);
}

const names = (triage) => (triage.applications ?? []).map(({ application }) => application);

const FIELDS = {
  application: (triage, { labels = {} }) => {
    const known = names(triage);
    const proposed = triage.recommendation?.application ?? labels.application ?? known[0] ?? "";
    const application = known.length > 0 ? field("Application", "application", { options: known.map((name) => [name, name, name === proposed]) }) : field("Application", "application", { required: true, value: proposed });
    return [application, field("Tag", "tag", { placeholder: "the newest stable one that is older than what runs" }, "Only to go back to another one than that.")];
  },
  database: (triage) => [
    field("Server", "server", { required: true, value: triage.database?.server ?? triage.server ?? "" }, "By the name that the cloud has for it."),
    field("Point in time", "pointInTime", { placeholder: "a minute before the alert" }, "RFC 3339, such as 2026-05-01T09:59:00Z. Only for another one than that."),
    field("Applications", "applications", { required: true, value: names(triage).join(", ") }, "All that use the database, in the order in which they are redeployed."),
    field("Go on without freezing the writers, because", "waiveFreeze", { placeholder: "leave empty to freeze them" }),
    field("Accept a greater loss, because", "acceptLoss", { placeholder: "leave empty to lose less than 15 minutes" }),
  ],
  infrastructure: (triage) => [
    field("Commit", "commit", { required: true, pattern: "[0-9a-f]{40}", title: "the whole hash of a commit" }, `The whole hash of a commit that was applied before.${triage.applies?.length ? ` Applied lately: ${triage.applies.map(({ commit }) => commit.slice(0, 12)).join(", ")}.` : ""}`),
    field("May be destroyed, replaced or forgotten", "exceptions", { rows: 3, placeholder: "no address" }, "One address a line, exactly as in the plan. What holds data never may."),
  ],
};

const filled = (object) => Object.fromEntries(Object.entries(object).filter(([, value]) => value !== "" && value !== undefined));

const READ = {
  application: ({ application, tag }) => filled({ application, tag: tag.trim() }),
  database: ({ server, pointInTime, applications, waiveFreeze, acceptLoss }) => ({
    ...filled({ server: server.trim(), pointInTime: pointInTime.trim(), waiveFreeze: waiveFreeze.trim(), acceptLoss: acceptLoss.trim() }),
    applications: applications.split(/[\s,]+/).filter(Boolean),
  }),
  infrastructure: ({ commit, exceptions }) => ({ commit: commit.trim(), exceptions: exceptions.split("\n").map((line) => line.trim()).filter(Boolean) }),
};
