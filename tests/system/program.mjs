// A child process that never outlives the test that started it.

import { spawn } from "node:child_process";
import { once } from "node:events";

const running = new Set();

/** Signals a child, and its own children where it has a group of its own. */
function signal(child, name) {
  if (!child.ownsGroup) return child.kill(name);
  try {
    process.kill(-child.pid, name);
  } catch {
    // Nobody of the group is left.
  }
}

process.on("exit", () => running.forEach((child) => signal(child, "SIGKILL")));
for (const name of ["SIGINT", "SIGTERM", "SIGHUP"]) process.on(name, () => process.exit(1));

/** How much of a program's output is kept for a failure's message. */
const KEPT = 20_000;

export class Program {
  #child;
  #ended;
  /** The end of what it printed. */
  output = "";

  /** @param options those of `spawn`; with `detached` the child's own children are signalled too */
  constructor(command, args, options = {}) {
    this.name = command.split("/").at(-1);
    this.#child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
    this.#child.ownsGroup = options.detached === true;
    running.add(this.#child);
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream.setEncoding("utf8").on("data", (text) => (this.output = (this.output + text).slice(-KEPT)));
    }
    this.#ended = new Promise((resolve) => {
      this.#child.on("error", (error) => resolve({ error }));
      this.#child.on("close", (code, signal) => resolve({ code, signal }));
    }).finally(() => running.delete(this.#child));
  }

  get pid() {
    return this.#child.pid;
  }

  /** Waits for its end: `{code, signal}`. */
  ended() {
    return this.#ended;
  }

  signal(name) {
    signal(this.#child, name);
  }

  /** Asks it to end, and makes it when it takes longer than a test can wait. */
  async stop(name = "SIGTERM", patience = 20_000) {
    signal(this.#child, name);
    const timer = setTimeout(() => signal(this.#child, "SIGKILL"), patience);
    const end = await this.#ended;
    clearTimeout(timer);
    return end;
  }

  /** Waits until `check` answers truthily; a program that has ended never will. */
  async ready(check, patience = 60_000) {
    const deadline = Date.now() + patience;
    let end = null;
    this.#ended.then((ended) => (end = ended));
    for (;;) {
      if (end) throw new Error(`${this.name} ended (${JSON.stringify(end)}):\n${this.output}`);
      if (await check()) return this;
      if (Date.now() > deadline) throw new Error(`${this.name} is not ready:\n${this.output}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }
}

/** Runs a program to its end and returns what it printed; a failure is an error that shows it. */
export async function run(command, args, options = {}) {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], ...options });
  running.add(child);
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text) => (stderr += text));
  const [code, signal] = await once(child, "close").finally(() => running.delete(child));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code ?? signal}:\n${stdout}${stderr}`);
  return stdout;
}
