// The worker as a program of its own (components/rollback-worker/examples/office.rs), and the people of one environment.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../system/node.mjs";
import { variables } from "./settings.mjs";

const OFFICE = process.env.OFFICE ?? join(ROOT, "target/debug/examples/office");

const PEOPLE = `insert into operations.principal (person, roles, scopes, revoked) values
  ('olga', '{operator}', '{}', false), ('anton', '{approver}', '{}', false), ('berta', '{approver}', '{infrastructure}', false)`;

export class Office {
  #child;
  #waiting = [];
  #log = "";
  #closed = false;

  /** @param {object} postgres a server for the state; `name` is the environment, whose runs this office works for */
  static async open(stage, postgres, name) {
    const database = `office_${name}`;
    const url = await postgres.createDatabase(database);
    const migrations = join(ROOT, "migrations/operations");
    for (const file of readdirSync(migrations).sort()) {
      await postgres.query(`begin; ${readFileSync(join(migrations, file), "utf8")}; commit`, undefined, database);
    }
    await postgres.query(PEOPLE, undefined, database);
    const file = join(stage.folder("office"), `${name}.json`);
    writeFileSync(file, JSON.stringify({ ...variables(stage, "http://127.0.0.1:1"), operations_database_url: url }));
    return new Office(name, spawn(OFFICE, [url, file]));
  }

  constructor(environment, child) {
    this.environment = environment;
    this.#child = child;
    child.stderr.setEncoding("utf8").on("data", (text) => (this.#log = (this.#log + text).slice(-8_000)));
    createInterface({ input: child.stdout }).on("line", (line) => this.#waiting.shift()?.resolve(JSON.parse(line)));
    child.stdin.on("error", () => {});
    child.on("close", () => {
      this.#closed = true;
      this.#waiting.forEach(({ reject }) => reject(this.#end));
    });
  }

  get #end() {
    return new Error(`the office is closed:\n${this.#log}`);
  }

  #say(command) {
    if (this.#closed) return Promise.reject(this.#end);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#child.stdin.write(`${JSON.stringify(command)}\n`);
    });
  }

  /** Asks for a rollback, on an incident of its own, and answers the run when it rests. */
  ask(alert, request) {
    return this.#say({ do: "ask", environment: this.environment, alert, request });
  }

  /** Two people approve the run, and it is executed: the run when it rests. */
  execute() {
    return this.#say({ do: "execute" });
  }

  /** Somebody else vouches for the state in which the run has stopped. */
  attest() {
    return this.#say({ do: "attest" });
  }

  async stop() {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const ended = new Promise((resolve) => this.#child.on("close", resolve));
    this.#child.kill("SIGKILL");
    await ended;
  }
}
