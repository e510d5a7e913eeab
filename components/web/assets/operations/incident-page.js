/** One incident: everything that is known, and everything that this person could do next. */

import { brokenGlass, movesOf } from "./case-file.js";
import { clocksView } from "./clocks.js";
import { decisionView } from "./decision-view.js";
import { badge, el } from "./element.js";
import { showEvidence } from "./evidence-view.js";
import { haltedNote } from "./halt-view.js";
import { Parts } from "./parts.js";
import { runForm } from "./run-form.js";
import { RunCard } from "./run-card.js";
import { timelineView } from "./timeline-view.js";
import { toldView } from "./told-view.js";
import { triageView } from "./triage-view.js";
import { validationView } from "./validation-view.js";
import { INCIDENT_STATES } from "./words.js";

const STALE = "It was not done: something has changed since you looked. This is how it stands now; look at it, then do it again.";

export class IncidentPage {
  #id;
  #api;
  #session;
  #say;
  #columns = { head: el("div.column"), main: el("div.column"), side: el("div.column") };
  #parts = Object.fromEntries(Object.entries(this.#columns).map(([name, column]) => [name, new Parts(column)]));
  #runs = new Map();
  #opened = new Map();
  #evidence = { seen: new Set(), open: (digest) => this.#openEvidence(digest) };
  #tick = () => {};

  /** @param {(notice: string|null) => void} say tells of what concerns the page as a whole */
  constructor(id, api, session, say) {
    this.#id = id;
    this.#api = api;
    this.#session = session;
    this.#say = say;
    this.root = el("div.incident", {}, Object.values(this.#columns));
  }

  /** Reads the incident again and shows what has changed. */
  async refresh() {
    const [file, { halted }] = await Promise.all([this.#api.incident(this.#id), this.#api.halt()]);
    this.#show(file, halted);
  }

  /** Time goes on. */
  tick() {
    this.#tick();
  }

  #show(file, halted) {
    const { incident, triage, moves, next, runs } = file;
    const session = this.#session;
    const move = (name, body) => this.#do(() => this.#api.incidentMove(incident, name, body));
    this.#parts.head.show([["head", [incident.state, incident.breakGlass, halted], () => head(incident, halted)]]);
    this.#parts.main.show([
      ["decision", [incident.version, moves, next, triage?.recommendation], () => decisionView(file, session, move)],
      ["request", [incident.version, moves, triage?.applications, triage?.applies], () => runForm(file, move)],
      ...runs.toReversed().map((run) => [`run-${run.id}`, run.id, () => this.#card(run).root]),
      ["validation", [incident.validation, this.#seenOf(incident)], () => validationView(incident, this.#evidence)],
    ]);
    this.#parts.side.show([
      ["clocks", [incident.moments, incident.state, file.objectives.rto.allowedSeconds, file.objectives.rpo], () => this.#clocks(file)],
      ["triage", [incident.firing, triage, file.alerts], () => triageView(file)],
      ["timeline", file.timeline.length, () => timelineView(file)],
      ["told", file.messages, () => toldView(file)],
    ]);
    for (const run of runs) this.#card(run).show(run, movesOf(file, run), this.#opened.get(run.id), incident);
  }

  #card({ id }) {
    if (!this.#runs.has(id)) {
      const acts = {
        move: (run, name, body) => this.#do(() => this.#api.runMove(run, name, body)),
        open: (run) => this.#open(run),
      };
      this.#runs.set(id, new RunCard(id, this.#session, this.#evidence, acts));
    }
    return this.#runs.get(id);
  }

  #clocks(file) {
    const { section, tick } = clocksView(file);
    this.#tick = tick;
    return section;
  }

  /** What this person has opened of the last validation. */
  #seenOf({ validation }) {
    return validation?.results.map(({ evidence }) => evidence).filter((digest) => this.#evidence.seen.has(digest));
  }

  /** Commands something. What was meant for an earlier state of things is not done. */
  async #do(command) {
    try {
      await command();
      this.#say(null);
    } catch (problem) {
      if (!problem.isStale) throw problem;
      this.#say(STALE);
      await this.refresh();
      throw problem;
    }
    return () => this.refresh();
  }

  async #open(run) {
    this.#opened.set(run.id, await this.#api.preview(run.id));
    return () => this.refresh();
  }

  async #openEvidence(digest) {
    await showEvidence(digest, await this.#api.evidence(digest));
    this.#evidence.seen.add(digest);
    await this.refresh();
  }
}

function head(incident, halted) {
  const { name, state, target, previous } = incident;
  return el(
    "header.incident-head",
    { data: { state } },
    el("p", {}, el("a", { href: "#" }, "All incidents")),
    el("h2", {}, name, " ", badge(state, INCIDENT_STATES[state]), " ", target.mode === "drill" && badge("drill")),
    el("p.quiet", {}, `in ${target.environment}`, previous && [", after ", el("a", { href: `#${previous}` }, "an earlier incident of the same alert")]),
    halted && haltedNote(),
    brokenGlass(incident).map(({ person, reason }) => el("p.warning.glass", {}, `The glass was broken by ${person}, and no review has named it yet: ${reason}`)),
  );
}
