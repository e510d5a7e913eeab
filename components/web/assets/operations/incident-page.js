/** One incident: everything that is known, and everything that this person could do next. */

import { caseFile } from "./case-file.js";
import { clocksView } from "./clocks.js";
import { decisionView } from "./decision-view.js";
import { badge, el } from "./element.js";
import { runForm } from "./run-form.js";
import { runView } from "./run-view.js";
import { timelineView } from "./timeline-view.js";
import { triageView } from "./triage-view.js";
import { validationView } from "./validation-view.js";
import { INCIDENT_STATES } from "./words.js";

export class IncidentPage {
  #id;
  #api;
  #session;
  #columns = { head: el("div.column"), main: el("div.column"), side: el("div.column") };
  #root = el("div.incident", {}, Object.values(this.#columns));
  #shown = new Map();
  #opened = new Map();
  #tick = () => {};

  constructor(id, api, session) {
    this.#id = id;
    this.#api = api;
    this.#session = session;
  }

  get root() {
    return this.#root;
  }

  /** Reads the incident again and shows what has changed. */
  async refresh() {
    this.#show(caseFile(await this.#api.incident(this.#id)));
  }

  /** Time goes on. */
  tick() {
    this.#tick();
  }

  #show(file) {
    const { incident, runs } = file;
    const move = async (name, body) => {
      await this.#api.incidentMove(this.#id, name, body);
      await this.refresh();
    };
    const standing = runs.map(({ id, state }) => [id, state]);
    const { session } = this;
    const sections = [
      ["head", "head", [incident.name, incident.state, incident.environment, incident.breakGlass], () => head(incident)],
      ["clocks", "side", [incident.moments, incident.state, incident.loss, standing], () => this.#clocks(file)],
      ["triage", "side", [incident.firing, file.triage, file.alerts], () => triageView(file)],
      ["decision", "main", [incident.state, incident.decision, incident.escalation, incident.dismissal, standing, file.triage?.recommendation], () => decisionView(file, session, move)],
      ["request", "main", [incident.state, incident.decision, standing, file.triage?.applications], () => runForm(file, session, move)],
      ...runs.map((run) => [`run-${run.id}`, "main", [run, this.#opened.get(run.id)?.preview.digest], () => this.#run(run)]),
      ["validation", "main", [incident.validation, file.validations], () => validationView(file)],
      ["timeline", "side", [file.timeline.length], () => timelineView(file)],
    ];
    this.#arrange(sections);
  }

  get session() {
    return this.#session;
  }

  /** Sections whose content is the same are left alone: somebody may be writing in them. */
  #arrange(sections) {
    const kept = new Map();
    for (const [name, column, content, build] of sections) {
      const signature = JSON.stringify(content);
      const known = this.#shown.get(name);
      const element = known?.signature === signature ? known.element : build();
      if (element) kept.set(name, { signature, element, column });
    }
    this.#shown = kept;
    for (const [name, column] of Object.entries(this.#columns)) {
      const elements = [...kept.values()].filter((section) => section.column === name).map(({ element }) => element);
      // One by one: moving what stays would take the focus out of its fields.
      [...column.children].filter((element) => !elements.includes(element)).forEach((element) => element.remove());
      elements.forEach((element, index) => {
        if (column.children[index] !== element) column.insertBefore(element, column.children[index] ?? null);
      });
    }
  }

  #clocks(file) {
    const { section, tick } = clocksView(file);
    this.#tick = tick;
    return section;
  }

  #run(run) {
    const move = async (name, body) => {
      await this.#api.runMove(run.id, name, body);
      await this.refresh();
    };
    const open = async () => {
      const preview = await this.#api.preview(run.id);
      this.#opened.set(run.id, { preview: preview.preview ?? preview, plan: await this.#plan(run, preview) });
      await this.refresh();
    };
    return runView(run, this.#opened.get(run.id), this.#session, { move, open });
  }

  /** The classified changes of a plan: with the preview, or the evidence of the step that fetched it. */
  async #plan(run, preview) {
    if (run.kind !== "infrastructure") return null;
    const beside = preview.changes ?? preview.plan ?? preview.classification;
    if (Array.isArray(beside?.changes)) return beside;
    if (Array.isArray(beside)) return { changes: beside, ...preview };
    const digests = run.steps.filter(({ name }) => name === "I3" || name === "I4").flatMap(({ evidence }) => evidence ?? []);
    for (const digest of digests.reverse()) {
      const found = await this.#api.evidence(digest).catch(() => null);
      if (Array.isArray(found?.changes)) return found;
    }
    return null;
  }
}

function head({ name, state, environment, mode, breakGlass = [], previous }) {
  const broken = breakGlass.filter(({ reviewed }) => !reviewed);
  return el(
    "header.incident-head",
    { data: { state } },
    el("p", {}, el("a", { href: "#" }, "All incidents")),
    el("h2", {}, name, " ", badge(state, INCIDENT_STATES[state] ?? state), mode === "drill" && badge("drill")),
    el("p.quiet", {}, `in ${environment}`, previous && [", after ", el("a", { href: `#${previous}` }, "an earlier incident of the same alert")]),
    broken.map(({ person, reason }) => el("p.warning", {}, `The glass was broken by ${person}, and no review has named it yet: ${reason}`)),
  );
}
