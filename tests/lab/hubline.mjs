// Hubline itself, with databases of its own, and the people who work with it.

import { Cluster } from "../system/cluster.mjs";
import { freePort } from "../system/port.mjs";
import { Person } from "./operations.mjs";
import { variables } from "./settings.mjs";

/** Who works here: by part the name, the roles, and the scopes. */
export const PEOPLE = {
  operator: { name: "olga", roles: ["operator"], scopes: [] },
  approver: { name: "anton", roles: ["approver"], scopes: [] },
  second: { name: "berta", roles: ["approver"], scopes: ["infrastructure"] },
  commander: { name: "carla", roles: ["commander"], scopes: [] },
  auditor: { name: "audrey", roles: ["auditor"], scopes: [] },
};

export class Hubline {
  #cluster;
  #node;

  /** @param {object} stage its pipeline, clusters and so on; its monitoring is started here, since each needs the other's place */
  static async start(stage) {
    const hubline = new Hubline();
    const port = await freePort();
    hubline.origin = `http://127.0.0.1:${port}`;
    await stage.watch(hubline.origin);
    hubline.#cluster = await Cluster.start({ variables: variables(stage, hubline.origin) });
    await hubline.#start(port);
    stage.github.hook(`${hubline.origin}/ops/github`, stage.credentials.githubSecret);
    return hubline;
  }

  async #start(port) {
    const cluster = this.#cluster;
    this.operationsUrl = await cluster.postgres.createDatabase("operations");
    this.#node = await cluster.node("lab", { port, operationsDatabaseUrl: this.operationsUrl });
    this.people = {};
    for (const [part, { name, roles, scopes }] of Object.entries(PEOPLE)) {
      await this.#grant(name, roles, scopes);
      const token = cluster.token({ sub: name, role: roles });
      this.people[part] = new Person(this.origin, { name, token });
    }
  }

  #grant(name, roles, scopes) {
    const args = ["principal", "grant", name, ...roles.flatMap((role) => ["--role", role]), ...scopes.flatMap((scope) => ["--scope", scope])];
    return this.command([...args, "--operations-database-url", this.operationsUrl]);
  }

  /** Runs another command of `hubline` and gives what it printed. */
  command(args) {
    return this.#cluster.hubline(args);
  }

  /** The whole audit log. */
  async audit() {
    const links = [];
    for (;;) {
      const page = await this.people.auditor.get(`/ops/audit?after=${links.length}&limit=1000`);
      links.push(...page.links);
      if (page.links.length === 0) return links;
    }
  }

  /** What it printed so far. */
  get output() {
    return this.#node?.output ?? "";
  }

  async stop() {
    await this.#cluster?.stop();
  }
}
