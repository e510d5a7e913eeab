// The functions in Spin, started as docs/deploying.md says: a process for each kind of trigger.
//
// Spin is not installed by the tests. Whoever has it sets the environment variable SPIN to its program, and then what is
// tested with `hubline functions` is tested with Spin.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { Api } from "./api.mjs";
import { ROOT } from "./node.mjs";
import { freePort } from "./port.mjs";
import { Program } from "./program.mjs";

export const SPIN = process.env.SPIN;

/** What stands on the page after `spin up` where it starts chosen components, in lists of words. */
function documented() {
  const page = readFileSync(join(ROOT, "docs/deploying.md"), "utf8").replaceAll(/\\\n */g, "");
  return [...page.matchAll(/^spin up (.* -c .*|-c .*)$/gm)].map(([, line]) => line.split(" "));
}

export class Spin {
  #folder;
  #env;
  #programs = [];

  static async start({ folder, variables }) {
    return new Spin({ folder, variables, port: await freePort() }).start();
  }

  constructor({ folder, variables, port }) {
    this.port = port;
    this.#folder = folder;
    this.#env = { ...process.env, NO_COLOR: "1" };
    for (const [name, value] of Object.entries(variables)) this.#env[`SPIN_VARIABLE_${name.toUpperCase()}`] = value;
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  get output() {
    return this.#programs.map(({ output }) => output).join("\n");
  }

  as(token) {
    return new Api(this.origin, token);
  }

  async start() {
    const [http, ...ringing] = documented().filter((args) => !args.includes("message-purge"));
    const own = ["--from", ROOT, "--state-dir", this.#folder, "--log-dir", join(this.#folder, "logs")];
    // Spin's own children are its triggers: all of them end with it, whatever the signal.
    const options = { cwd: this.#folder, env: this.#env, detached: true };
    const start = (args) => new Program(SPIN, ["up", ...own, ...args], options);
    const listening = http.map((word, index) => (http[index - 1] === "--listen" ? `127.0.0.1:${this.port}` : word));
    this.#programs = [start(listening), ...ringing.map(start)];
    const [first, ...others] = this.#programs;
    await first.ready(() => this.#answers(), 120_000);
    for (const each of others) await each.ready(() => /Active Channels[^]*: \[/.test(each.output), 120_000);
    return this;
  }

  async #answers() {
    try {
      return (await fetch(`${this.origin}/.well-known/spin/health`)).ok;
    } catch {
      return false;
    }
  }

  async stop(signal = "SIGTERM") {
    await Promise.all(this.#programs.map((program) => program.stop(signal)));
    this.#programs = [];
  }

  kill() {
    return this.stop("SIGKILL");
  }
}
