// One incident from its alert to its end, as the people of the lab take it there.

import { eventually } from "../system/eventually.mjs";

/** How long anything may take that ends by itself. */
const PATIENCE = 120_000;

/** How often is looked. */
const PAUSE_MS = 250;

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE_MS));

/** Where a run rests, or is over. */
const RESTING = ["previewed", "awaiting_approval", "approved", "succeeded", "rejected", "expired", "cancelled", "failed", "needs_manual", "attested"];

export class Story {
  /** `{at, text}` in order. */
  lines = [];
  /** What must hold, and whether it did. */
  proofs = [];

  /** What is left to prove after the incident was resolved. */
  afterwards;

  /**
   * @param {{title: string, alert: string, environment: string, recovers?: boolean, people: object, say: Function, opened: Function}} setup
   * where it `recovers`, everything is rolled back in the end: the incident can be validated and resolved
   */
  static begin({ opened = () => {}, ...setup }) {
    const story = new Story(setup);
    opened(story);
    return story;
  }

  constructor({ title, alert, environment, recovers = false, people, say }) {
    Object.assign(this, { title, alert, environment, recovers, people });
    this.#say = say;
  }

  #say;

  tell(text) {
    this.lines.push({ at: new Date(), text });
    this.#say(`${this.environment.padEnd(10)} ${text}`);
  }

  /** Puts on record that something holds; if it does not, the drill fails. */
  proves(text, holds, otherwise = "") {
    this.proofs.push({ text, holds: Boolean(holds) });
    if (!holds) throw new Error(`${this.title}: ${text} does not hold ${typeof otherwise === "string" ? otherwise : JSON.stringify(otherwise)}`);
    this.tell(`✓ ${text}`);
  }

  /** Waits for the incident that the alert opens. */
  async opened(patience = PATIENCE) {
    const { operator } = this.people;
    const mine = (incident) => incident.name === this.alert && incident.target.environment === this.environment;
    let found;
    const look = async () => {
      const { incidents } = await operator.get("/ops/incidents?state=open");
      found = incidents.find(mine);
      if (!found) await pause();
      return found;
    };
    await eventually(look, { patience, otherwise: () => `no incident of ${this.alert} in ${this.environment}` });
    this.id = found.id;
    this.openedAt = found.moments.openedAt;
    this.tell(`the alert ${this.alert} has opened the incident ${this.id}`);
    return found;
  }

  /** Starts a drill. */
  async drills(kind) {
    const { drill, incident } = await this.people.operator.post("/ops/drills", { kind });
    this.id = incident.id;
    this.openedAt = incident.moments.openedAt;
    this.tell(`${this.people.operator.name} starts the drill ${drill.id}, which opens the incident ${this.id}`);
  }

  incident(person = this.people.operator) {
    return person.get(`/ops/incidents/${this.id}`);
  }

  async acknowledge() {
    await this.people.operator.post(`/ops/incidents/${this.id}/acknowledge`);
    this.tell(`${this.people.operator.name} acknowledges it`);
  }

  /** Waits for the recommendation. */
  async recommended() {
    let triage;
    const look = async () => {
      triage = (await this.incident()).triage;
      if (!triage) await pause();
      return triage;
    };
    await eventually(look, { patience: PATIENCE, otherwise: () => "there is no recommendation" });
    const { kind, reason } = triage.recommendation;
    this.tell(`recommended: ${kind ?? "nothing"}, since ${reason}`);
    return triage;
  }

  async escalate(reason) {
    await this.people.operator.post(`/ops/incidents/${this.id}/escalate`, { reason });
    this.tell(`${this.people.operator.name} escalates: ${reason}`);
  }

  async decide(strategy, reason, person = this.people.operator) {
    await person.post(`/ops/incidents/${this.id}/decision`, { strategy, reason });
    this.tell(`${person.name} decides: ${strategy}, since ${reason}`);
  }

  /** Asks for a rollback and waits until its preview is there, or it is over. */
  async ask(request) {
    const opened = await this.people.operator.post(`/ops/incidents/${this.id}/runs`, request);
    this.run = opened.id;
    this.tell(`${this.people.operator.name} asks for the rollback of ${request.kind}: run ${this.run}`);
    return this.rests(["previewed", "rejected", "failed", "needs_manual"]);
  }

  seen(person = this.people.operator) {
    return person.get(`/ops/runs/${this.run}`);
  }

  /** Waits until the run is in one of these states, and tells of every step on the way. */
  async rests(states = RESTING, patience = PATIENCE) {
    const told = new Set();
    let run;
    const look = async () => {
      run = await this.seen();
      for (const step of run.steps) {
        if (["done", "failed"].includes(step.status) && !told.has(step.name) && !this.#told.has(`${run.id} ${step.name}`)) {
          this.#told.add(`${run.id} ${step.name}`);
          told.add(step.name);
          this.tell(`step ${step.name} is ${step.status}${step.failure ? `: ${step.failure.code}, ${step.failure.detail}` : ""}`);
        }
      }
      if (!states.includes(run.state)) await pause();
      return states.includes(run.state);
    };
    const otherwise = () => `the run is ${run?.state}: ${JSON.stringify(run?.steps?.filter(({ status }) => status !== "pending"))}`;
    await eventually(look, { patience, otherwise });
    this.tell(`the run is ${run.state}`);
    return run;
  }

  #told = new Set();

  /** Everybody who approves opens the preview, acknowledges what it destroys, and approves. */
  async approved(...approvers) {
    const { operator } = this.people;
    const preview = await operator.get(`/ops/runs/${this.run}/preview`);
    const { digest, hazards: acknowledged } = preview;
    await operator.post(`/ops/runs/${this.run}/submit`, { digest, acknowledged });
    this.tell(`${operator.name} submits the preview ${digest.slice(0, 20)}…${acknowledged.length > 0 ? `, which acknowledges ${acknowledged.join(", ")}` : ""}`);
    for (const approver of approvers) {
      await approver.get(`/ops/runs/${this.run}/preview`);
      await approver.post(`/ops/runs/${this.run}/approvals`, { digest, acknowledged });
      this.tell(`${approver.name} opens the preview and approves it`);
    }
    return digest;
  }

  async execute() {
    await this.people.operator.post(`/ops/runs/${this.run}/execute`);
    this.tell(`${this.people.operator.name} lets it begin`);
  }

  /** Lets it begin, and waits until it is over or has stopped. */
  async executed(patience = PATIENCE) {
    await this.execute();
    return this.rests(["succeeded", "failed", "needs_manual", "rejected"], patience);
  }

  /** The run has stopped where it should, and the incident says what a person must do. */
  async stopped(run, step, code) {
    const failed = run.steps.find(({ status }) => status === "failed");
    this.proves(`it stops at ${step} with ${code}`, failed?.name === step && failed.failure.code === code, failed ?? run);
    const rest = run.steps.slice(run.steps.indexOf(failed) + 1);
    this.proves("no step after it has begun", rest.every(({ status }) => status === "pending"), rest);
    const { incident, next } = await this.incident();
    this.tell(`what a person does next: ${next}`);
    this.proves("the incident is blocked and says what a person does next", incident.state === "blocked" && next.includes(step), { incident, next });
  }

  async attested(statement, person = this.people.approver) {
    // What they saw: what the steps have put on record.
    const { steps } = await this.seen(person);
    const evidence = [...new Set(steps.flatMap((step) => step.evidence))];
    await person.post(`/ops/runs/${this.run}/attestations`, { statement, evidence });
    this.tell(`${person.name} attests: ${statement}`);
  }

  async startValidation() {
    await this.people.operator.post(`/ops/incidents/${this.id}/validations`);
    this.tell(`${this.people.operator.name} starts the validation`);
  }

  /** Has the incident validated, and waits for the verdict. */
  async validated(patience = 300_000) {
    await this.startValidation();
    let incident;
    const look = async () => {
      ({ incident } = await this.incident());
      if (incident.state === "validating") await pause();
      return incident.state !== "validating";
    };
    await eventually(look, { patience, otherwise: () => `the validation does not end: ${JSON.stringify(incident)}` });
    return incident;
  }

  async resolved(person = this.people.operator) {
    await person.post(`/ops/incidents/${this.id}/resolve`);
    this.tell(`${person.name} resolves the incident`);
  }
}
