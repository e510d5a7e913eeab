// A Hubline node: one `hubline up`.

import { existsSync, mkdirSync, symlinkSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Api } from "./api.mjs";
import { freePort } from "./port.mjs";
import { Program } from "./program.mjs";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));
export const HUBLINE = process.env.HUBLINE ?? join(ROOT, "target/release/hubline");

/**
 * A data directory whose compiled components are those of all tests on this machine: compiling takes longer than most
 * tests. Their files are named by what is in them and appear whole.
 */
export function dataFolder(folder) {
  const compiled = join(tmpdir(), `hubline-tests-compiled-${userInfo().uid}`);
  mkdirSync(compiled, { recursive: true, mode: 0o700 });
  mkdirSync(folder, { recursive: true });
  if (!existsSync(join(folder, "cache"))) symlinkSync(compiled, join(folder, "cache"));
  return folder;
}

/** The value of a counter in a process's `/metrics`: the sum of the samples whose labels contain `labels`. */
export async function metric(origin, name, labels = "") {
  const text = await (await fetch(`${origin}/metrics`)).text();
  const samples = text.split("\n").filter((line) => line.startsWith(name) && /^[{ ]/.test(line.slice(name.length)));
  return samples
    .filter((line) => line.includes(labels))
    .reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" "))), 0);
}

export class Node {
  #args;
  #variables;
  #environment;
  #until;
  #program = null;

  /**
   * `address` is the one to listen at, which has to take in loopback too; `environment` is what is set besides variables;
   * `options` are more of the command line. It is started until it is ready, or merely alive.
   * @param {{name: string, folder: string, port: number, address?: string, until?: "ready" | "alive", databaseUrl?: string, operationsDatabaseUrl?: string, redisUrl?: string, variables: object, environment?: object, options?: string[]}} setup
   */
  constructor({ name, folder, port, address = "127.0.0.1", until = "ready", databaseUrl, operationsDatabaseUrl, redisUrl, variables, environment = {}, options = [] }) {
    this.name = name;
    this.port = port;
    // Nobody balances here, so nobody has to notice that a node goes.
    this.#variables = { drain_wait: "0", ...variables };
    this.#until = until;
    this.#environment = environment;
    this.#args = ["up", "--listen", `${address}:${port}`, "--node", name, "--data-dir", dataFolder(folder)];
    if (databaseUrl) this.#args.push("--database-url", databaseUrl);
    if (operationsDatabaseUrl) this.#args.push("--operations-database-url", operationsDatabaseUrl);
    if (redisUrl) this.#args.push("--redis-url", redisUrl);
    this.#args.push(...options);
  }

  static async start(setup) {
    const node = new Node({ port: await freePort(), ...setup });
    await node.start();
    return node;
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  get hubUrl() {
    return `${this.origin}/hubs/chat`;
  }

  get pid() {
    return this.#program?.pid;
  }

  get output() {
    return this.#program?.output ?? "";
  }

  /** Speaks HTTP with this node, as the holder of a token. */
  as(token) {
    return new Api(this.origin, token);
  }

  async start() {
    const env = { ...process.env, NO_COLOR: "1", ...this.#environment };
    for (const [name, value] of Object.entries(this.#variables)) env[`SPIN_VARIABLE_${name.toUpperCase()}`] = value;
    this.#program = new Program(HUBLINE, this.#args, { cwd: ROOT, env });
    await this.#program.ready(() => (this.#until === "ready" ? this.isReady() : this.isAlive()));
    return this;
  }

  isReady() {
    return this.#answers("/readyz");
  }

  isAlive() {
    return this.#answers("/healthz");
  }

  async #answers(path) {
    try {
      return (await fetch(this.origin + path)).ok;
    } catch {
      return false;
    }
  }

  /** Asks it to end and waits until it has. */
  async stop(signal = "SIGTERM") {
    const end = await this.#program?.stop(signal);
    this.#program = null;
    return end;
  }

  /** Signals it, and waits for nothing. */
  signal(name) {
    this.#program?.signal(name);
  }

  /** Ends it in the middle of whatever it does. */
  async kill() {
    await this.#program?.stop("SIGKILL");
    this.#program = null;
  }

  /** The value of a counter in `/metrics`: the sum of the samples whose labels contain `labels`. */
  metric(name, labels = "") {
    return metric(this.origin, name, labels);
  }
}
