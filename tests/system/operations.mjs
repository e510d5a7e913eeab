// Hubline with a database of operations: alerts that open incidents, people who may be something, and what is on record.

import { createHash } from "node:crypto";
import { Cluster } from "./cluster.mjs";
import { eventually } from "./eventually.mjs";

const DATABASE = "operations";
export const ALERT_TOKEN = "the token of the receiver";

/** Who works here, but where a test says otherwise: by name the roles, and the scopes. */
export const PEOPLE = {
  olga: { roles: ["operator"] },
  anton: { roles: ["approver"] },
  berta: { roles: ["approver"], scopes: ["infrastructure"] },
  carla: { roles: ["commander"] },
  conrad: { roles: ["commander"] },
  audrey: { roles: ["auditor"] },
};

export class Operations {
  #databaseUrl;
  #alerts = 0;

  /** @param {{variables?: object, people?: object}} [setup] variables of the manifest, and who may be what */
  static async start({ variables = {}, people = PEOPLE } = {}) {
    const operations = new Operations();
    operations.cluster = await Cluster.start({ variables: { alert_token: ALERT_TOKEN, ...variables } });
    try {
      await operations.#open(people);
    } catch (error) {
      await operations.stop();
      throw error;
    }
    return operations;
  }

  async #open(people) {
    this.#databaseUrl = await this.cluster.postgres.createDatabase(DATABASE);
    this.node = await this.cluster.node("main", { operationsDatabaseUrl: this.#databaseUrl });
    for (const [name, { roles, scopes }] of Object.entries(people)) {
      await this.grant(name, roles, scopes);
      this[name] = this.as(name, roles);
    }
  }

  stop() {
    return this.cluster.stop();
  }

  get origin() {
    return this.node.origin;
  }

  /** Says what a person may be, with the command that there is for it. */
  grant(name, roles, scopes = []) {
    return this.command("principal", "grant", name, ...roles.flatMap((role) => ["--role", role]), ...scopes.flatMap((scope) => ["--scope", scope]));
  }

  revoke(name) {
    return this.command("principal", "revoke", name);
  }

  /** Runs a command of `hubline` on the database of operations, and gives what it printed. */
  command(...args) {
    return this.cluster.hubline([...args, "--operations-database-url", this.#databaseUrl]);
  }

  /** Somebody whose token claims these roles. */
  as(name, roles) {
    return new Person(this.node.as(this.cluster.token({ sub: name, role: roles })), name);
  }

  /** Runs statements as the owner of the server, whom nothing stops, and gives the rows of the last. */
  sql(text, values) {
    return this.cluster.postgres.query(text, values, DATABASE);
  }

  /** Lets an alert fire, and gives the incident that it opens. */
  async incident(name = `Alert${(this.#alerts += 1)}`, labels = {}, annotations = {}) {
    this.lastAlert = name;
    const answer = await this.alert(name, { labels, annotations });
    return answer.incidents[0].id;
  }

  /** Tells of an alert as Alertmanager does. */
  async alert(name, { status = "firing", labels = {}, annotations = {} } = {}) {
    const startsAt = (this.startedAt[name] ??= new Date().toISOString());
    const all = { alertname: name, severity: "critical", environment: "production", ...labels };
    const fingerprint = createHash("sha256").update(JSON.stringify(all)).digest("hex").slice(0, 16);
    const endsAt = status === "firing" ? "0001-01-01T00:00:00Z" : new Date().toISOString();
    const body = { version: "4", receiver: "hubline", groupKey: "{}", truncatedAlerts: 0, alerts: [{ status, labels: all, annotations, startsAt, endsAt, fingerprint }] };
    const { status: code, body: answer } = await this.node.as(ALERT_TOKEN).call("POST", "/ops/alerts", { body });
    if (code !== 200) throw new Error(`the alert ${name} was answered with ${code}: ${JSON.stringify(answer)}`);
    return answer;
  }

  startedAt = {};

  /** An incident that somebody has taken up, with a decision. */
  async decided(strategy, { by = this.olga, labels } = {}) {
    const id = await this.incident(undefined, labels);
    await this.olga.does(`/ops/incidents/${id}/acknowledge`);
    await by.does(`/ops/incidents/${id}/decision`, { strategy, reason: "it looks like it" });
    return id;
  }

  /** Waits until a run is in one of these states, and gives it. */
  async reaches(run, ...states) {
    let seen;
    const look = async () => states.includes((seen = await this.olga.sees(`/ops/runs/${run}`)).state);
    await eventually(look, { patience: 30_000, otherwise: () => `the run is ${seen.state}: ${JSON.stringify(seen.steps)}` });
    return seen;
  }

  /** How many records the audit log has, and how many answers are kept for commands that come again. */
  async standing() {
    const [row] = await this.sql("select (select count(*) from operations.audit)::int as records, (select count(*) from operations.idempotency)::int as answers");
    return row;
  }

  /** The events of an incident, as the audit log has them: `{seq, actor, event}`. */
  async timeline(incident) {
    const rows = await this.sql("select seq::int, text from operations.audit where incident = $1 order by seq", [incident]);
    return rows.map(({ seq, text }) => ({ seq, ...JSON.parse(text) }));
  }
}

/** Somebody who uses the API. */
export class Person {
  #api;

  constructor(api, name) {
    this.#api = api;
    this.name = name;
  }

  get(path) {
    return this.#api.call("GET", path);
  }

  /** A command, under a key where one is given: `{status, headers, body}`. */
  post(path, body = {}, { key, ...headers } = {}) {
    return this.#api.call("POST", path, { body, headers: { ...(key && { "idempotency-key": key }), ...headers } });
  }

  call(method, path, options) {
    return this.#api.call(method, path, options);
  }

  /** A command that must be done: what it is answered. */
  async does(path, body) {
    return good("POST", path, await this.post(path, body));
  }

  /** What must be there to see. */
  async sees(path) {
    return good("GET", path, await this.get(path));
  }
}

function good(method, path, { status, body }) {
  if (status >= 300) throw new Error(`${method} ${path} was answered with ${status}: ${JSON.stringify(body)}`);
  return body;
}
