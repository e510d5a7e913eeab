/** Asking for a rollback of the kind that was decided. */

import { el } from "./element.js";
import { field, form } from "./form.js";
import { STRATEGIES } from "./words.js";

const OPENABLE = ["acknowledged", "mitigated_unvalidated", "validated"];

/** The form; null where nobody can ask for one now. */
export function runForm({ incident, triage, moves }, move) {
  if (!moves.includes("open_run")) return moves.includes("decide") && isTaken(incident) ? taken(incident) : null;
  const kind = incident.decision.strategy;
  const note = "Nothing is changed yet: it is looked up what would run, and shown for approval.";
  const box = form({ title: STRATEGIES[kind], submit: "Prepare the rollback", kind: "main", note }, FIELDS[kind](triage), (values) => move("runs", { kind, ...READ[kind](values) }));
  return el("section.card", { "aria-labelledby": "request" }, el("h2", { id: "request" }, "Rollback"), box);
}

/** Whether a rollback was decided that can't be asked for. */
const isTaken = ({ state, decision, run }) => OPENABLE.includes(state) && !run && Boolean(FIELDS[decision?.strategy]);

const taken = ({ target }) => el("p.card.warning", {}, `It can't be asked for now: a rollback of another incident holds ${target.environment}.`);

const names = (triage) => (triage?.applications ?? []).map(({ application }) => application);

const FIELDS = {
  application: (triage) => {
    const known = names(triage);
    const proposed = triage?.recommendation.application ?? known[0];
    const application = known.length > 0 ? field("Application", "application", { options: known.map((name) => [name, name, name === proposed]) }) : field("Application", "application", { required: true, value: proposed });
    return [application, field("Tag", "tag", { placeholder: "the newest stable one that is older than what runs" }, "Only to go back to another one than that.")];
  },
  database: (triage) => [
    field("Server", "server", { required: true }, "By the name that the cloud has for it."),
    field("Point in time", "pointInTime", { placeholder: "a minute before the alert" }, "RFC 3339, such as 2026-05-01T09:59:00Z. Only for another one than that."),
    field("Applications", "applications", { required: true, value: names(triage).join(", ") }, "All that use the database, in the order in which they are redeployed."),
    field("Go on without freezing the writers, because", "waiveFreeze", { placeholder: "leave empty to freeze them" }),
    field("Accept a greater loss, because", "acceptLoss", { placeholder: "leave empty to lose less than 15 minutes" }),
  ],
  infrastructure: () => [
    field("Commit", "commit", { required: true, pattern: "[0-9a-f]{40}", title: "the whole hash of a commit" }, "The whole hash of a commit of the main branch that was applied before."),
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
