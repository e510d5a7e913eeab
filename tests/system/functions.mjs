// The functions without sockets, `hubline functions`, as Spin would run them; and a relay in front, `hubline relay`.

import { Api } from "./api.mjs";
import { dataFolder, HUBLINE, metric, ROOT } from "./node.mjs";
import { freePort } from "./port.mjs";
import { Program } from "./program.mjs";

/** A process that listens, and can be ended and started again. */
class Process {
  #args;
  #env;
  #health;
  #program = null;

  constructor({ port, args, variables, health }) {
    this.port = port;
    this.#args = args;
    this.#health = health;
    this.#env = { ...process.env, NO_COLOR: "1" };
    for (const [name, value] of Object.entries({ drain_wait: "0", ...variables })) this.#env[`SPIN_VARIABLE_${name.toUpperCase()}`] = value;
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  get output() {
    return this.#program?.output ?? "";
  }

  as(token) {
    return new Api(this.origin, token);
  }

  async answers() {
    try {
      return (await fetch(this.origin + this.#health)).ok;
    } catch {
      return false;
    }
  }

  async start() {
    this.#program = new Program(HUBLINE, this.#args, { cwd: ROOT, env: this.#env });
    await this.#program.ready(() => this.answers());
    return this;
  }

  kill() {
    return this.stop("SIGKILL");
  }

  async stop(signal = "SIGTERM") {
    const end = await this.#program?.stop(signal);
    this.#program = null;
    return end;
  }
}

/**
 * The functions and their triggers. They know all about themselves from variables.
 *
 * They are entered by standard interfaces alone: what `hubline up` does beside those, the tests of nodes see.
 */
export class Functions extends Process {
  static async start({ folder, variables }) {
    const port = await freePort();
    const args = ["functions", "--listen", `127.0.0.1:${port}`, "--data-dir", dataFolder(folder), "--standard-interfaces"];
    return new Functions({ port, args, variables, health: "/readyz" }).start();
  }
}

/** The relay of a node, in front of functions. */
export class Relay extends Process {
  static async start({ folder, node, upstream, internalPort, variables }) {
    const port = await freePort();
    const args = ["relay", "--upstream", upstream, "--node", node, "--listen", `127.0.0.1:${port}`];
    args.push("--internal-listen", `127.0.0.1:${internalPort}`, "--data-dir", dataFolder(folder));
    return new Relay({ port, args, variables, health: "/healthz" }).start();
  }

  get hubUrl() {
    return `${this.origin}/hubs/chat`;
  }

  /** The value of a counter in `/metrics`: the sum of the samples whose labels contain `labels`. */
  metric(name, labels = "") {
    return metric(this.origin, name, labels);
  }
}
