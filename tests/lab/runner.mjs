// A self-hosted runner: act runs a workflow file's own steps on this machine.

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Program, run } from "../system/program.mjs";
import { PYTHON } from "./python.mjs";
import { HERE, PYTHONPATH, tool } from "./tools.mjs";

/** The local stand-ins of remote actions, a folder each: `actions/checkout` is in `actions-checkout`. */
const ACTIONS = join(HERE, "actions");

/** The longest that a job may take here. */
const LIMIT_MS = 120_000;

export class Runner {
  #folder;
  #environment;

  /**
   * @param {string} folder where workspaces are made
   * @param {(job: object) => object} environment variables that a job sees, as a runner's own settings
   */
  constructor(folder, environment = () => ({})) {
    this.#folder = folder;
    this.#environment = environment;
    mkdirSync(folder, { recursive: true });
    // Without a file of its own Terraform warns on every call.
    writeFileSync(join(folder, ".terraformrc"), "");
  }

  /**
   * Runs a workflow at a commit of a repository to its end.
   *
   * @param {object} job `{id, repository, origin (its git folder), commit, workflow, inputs, secrets, variables, environment}`
   * @returns {{conclusion: string, steps: {name: string, conclusion: string}[], log: string}}
   */
  async run(job, { onStart = () => {}, signal } = {}) {
    const workspace = join(this.#folder, String(job.id), "work");
    mkdirSync(join(workspace, ".."), { recursive: true });
    await run("git", ["clone", "--quiet", job.origin, workspace]);
    await run("git", ["-C", workspace, "checkout", "--quiet", "-B", "main", job.commit]);
    await run("git", ["-C", workspace, "remote", "set-url", "origin", `https://github.com/${job.repository}`]);
    const log = join(this.#folder, String(job.id), "log");
    const command = ["-c", 'exec "$0" "$@" > "$LOG" 2>&1', tool("act"), ...this.#arguments(job, workspace)];
    const program = new Program("sh", command, { cwd: workspace, env: { ...this.#env, LOG: log } });
    const stop = () => program.signal("SIGKILL");
    signal?.addEventListener("abort", stop);
    const timer = setTimeout(stop, LIMIT_MS);
    onStart();
    const { code } = await program.ended();
    clearTimeout(timer);
    signal?.removeEventListener("abort", stop);
    const text = readFileSync(log, "utf8");
    return { conclusion: signal?.aborted ? "cancelled" : code === 0 ? "success" : "failure", steps: report(text), log: text };
  }

  #arguments(job, workspace) {
    const folder = join(workspace, "..");
    const file = (name, entries) => {
      const path = join(folder, name);
      const lines = Object.entries(entries).map(([key, value]) => `${key}=${JSON.stringify(String(value))}`);
      writeFileSync(path, `${lines.join("\n")}\n`, { mode: 0o600 });
      return path;
    };
    const event = join(folder, "event.json");
    const [owner, name] = job.repository.split("/");
    const repository = { name, full_name: job.repository, default_branch: "main", owner: { login: owner } };
    writeFileSync(event, JSON.stringify({ inputs: job.inputs, ref: "refs/heads/main", repository, sender: { login: "hubline[bot]" } }));
    const environment = {
      ...this.#environment(job),
      GITHUB_RUN_ID: job.id,
      LAB_RUN_ID: job.id,
      LAB_ORIGIN: job.origin,
      LAB_ENVIRONMENT: job.environment ?? "",
    };
    const args = ["workflow_dispatch", "--json", "--no-skip-checkout", "--no-cache-server", "--rm=false", "--pull=false"];
    args.push("-W", join(".github/workflows", job.workflow.file), "-e", event, "-a", "hubline[bot]", "--defaultbranch", "main");
    args.push("--action-cache-path", join(folder, "cache"));
    for (const label of ["ubuntu-latest", "ubuntu-24.04", "ubuntu-22.04", "self-hosted"]) args.push("-P", `${label}=-self-hosted`);
    for (const [name_, value] of Object.entries(job.inputs)) args.push("--input", `${name_}=${value}`);
    args.push("--secret-file", file("secrets", job.secrets), "--var-file", file("variables", job.variables));
    args.push("--env-file", file("environment", environment));
    for (const action of job.workflow.actions) args.push("--local-repository", `${withoutFolder(action)}=${this.#local(action)}`);
    return args;
  }

  /** The folder of an action's stand-in, out of the project's own folders: act puts files beside it. */
  #local(uses) {
    const [, owner, name] = uses.match(/^([^/]+)\/([^/@]+)/);
    const source = join(ACTIONS, `${owner}-${name}`);
    if (!existsSync(source)) throw new Error(`the lab has no stand-in for the action ${uses}`);
    const folder = join(this.#folder, "actions", `${owner}-${name}`);
    if (!existsSync(folder)) cpSync(source, folder, { recursive: true });
    return folder;
  }

  get #env() {
    const path = [join(HERE, "bin"), join(PYTHONPATH, "bin"), process.env.PATH].join(":");
    return { ...PYTHON, PATH: path, HOME: this.#folder };
  }
}

const withoutFolder = (uses) => uses.replace(/^([^/]+\/[^/@]+)\/[^@]+@/, "$1@");

/** The steps of a run, from act's log. */
function report(log) {
  const steps = new Map();
  for (const line of log.split("\n")) {
    let entry;
    try {
      entry = JSON.parse(line);
    } catch {
      continue;
    }
    // A step of an action has two numbers: its own comes last.
    if (entry.stage !== "Main" || entry.stepID?.length !== 1) continue;
    const known = steps.get(entry.stepID[0]) ?? { name: entry.step, conclusion: null };
    if (entry.stepResult) known.conclusion = entry.stepResult;
    steps.set(entry.stepID[0], known);
  }
  return [...steps.values()].map(({ name, conclusion }) => ({ name, conclusion: conclusion ?? "skipped" }));
}

