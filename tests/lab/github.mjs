// GitHub: Apps, dispatches that run the repository's own workflow files, artifacts, secrets, variables, webhooks.
//
// Every request and answer is held against GitHub's description of its API; what does not fit is in `faults`.

import { createHash, createHmac, randomUUID } from "node:crypto";
import { basename } from "node:path";
import { Fake, Refusal, json } from "./fake.mjs";
import { Artifacts } from "./github/artifacts.mjs";
import { Commits } from "./github/commits.mjs";
import { contract } from "./github/contract.mjs";
import { Logins, notFound } from "./github/logins.mjs";
import { Vault } from "./github/vault.mjs";
import { Workflow } from "./workflow.mjs";

const REPOSITORY = "/repos/{owner}/{repo}";
const ACTIONS = `${REPOSITORY}/actions`;

export class GitHub extends Fake {
  #origin;
  #runner;
  #gated;
  #commits;
  #logins;
  #runs = new Map();
  #queues = new Map();
  #working = new Set();
  #hook = null;
  #next = 1_000;
  faults = [];
  delivered = [];

  /**
   * @param {{repository: string, origin: string, runner: object, folder: string, app: {id: string, installation: number,
   * publicKey: string}, gated?: string[]}} setup the repository and its git folder, what runs workflows, where artifacts go,
   * who may log in, and which environments the App guards
   */
  constructor({ repository, origin, runner, folder, app, gated = [] }) {
    super();
    this.repository = repository;
    this.#origin = origin;
    this.#runner = runner;
    this.#gated = gated;
    this.#commits = new Commits(origin, repository);
    this.#logins = new Logins(app, repository);
    this.artifacts = new Artifacts(folder);
    this.vault = new Vault();
    this.#routes();
  }

  static async start(setup, port = 0) {
    const github = await new GitHub(setup).listen(port);
    await github.artifacts.store.listen();
    return github;
  }

  async stop() {
    await Promise.allSettled([...this.#working]);
    await Promise.all([super.stop(), this.artifacts.store.stop()]);
  }

  /** From now on events are sent to this address, signed with the secret. */
  hook(url, secret) {
    this.#hook = { url, secret };
  }

  witness(asked, answer) {
    const url = asked.url;
    this.faults.push(...contract().faults({ ...asked, url }, answer));
  }

  unknown() {
    return notFound().answer;
  }

  #routes() {
    this.on("POST", "/app/installations/{installation}/access_tokens", (asked) => this.#logins.token(asked));
    const on = (method, path, permission, handler) =>
      this.on(method, path, (asked) => handler(this.#logins.admitted(asked, permission, method === "GET" ? "read" : "write")));
    const place = () => `${this.origin}/repos/${this.repository}/actions/artifacts`;
    on("POST", `${ACTIONS}/workflows/{workflow}/dispatches`, "actions", (asked) => this.#dispatch(asked));
    on("GET", `${ACTIONS}/workflows/{workflow}/runs`, "actions", (asked) => this.#list(asked));
    on("GET", `${ACTIONS}/runs`, "actions", (asked) => this.#list(asked));
    on("GET", `${ACTIONS}/runs/{run}`, "actions", (asked) => ({ body: this.#describe(this.#run(asked)) }));
    on("GET", `${ACTIONS}/runs/{run}/attempts/{attempt}`, "actions", (asked) => ({ body: this.#describe(this.#run(asked)) }));
    for (const suffix of ["jobs", "attempts/{attempt}/jobs"]) on("GET", `${ACTIONS}/runs/{run}/${suffix}`, "actions", (asked) => this.#jobs(asked));
    on("POST", `${ACTIONS}/runs/{run}/cancel`, "actions", (asked) => this.#cancel(asked));
    on("POST", `${ACTIONS}/runs/{run}/deployment_protection_rule`, "deployments", (asked) => this.#pass(asked));
    on("GET", `${ACTIONS}/runs/{run}/artifacts`, "actions", (asked) => this.artifacts.list(asked, this.#run(asked), place()));
    on("GET", `${ACTIONS}/artifacts/{artifact}`, "actions", (asked) => this.artifacts.one(asked, place()));
    on("GET", `${ACTIONS}/artifacts/{artifact}/zip`, "actions", (asked) => this.artifacts.archive(asked));
    for (const [root, area] of [[ACTIONS, "secrets"], [`${REPOSITORY}/environments/{environment}`, "environments"]]) {
      on("GET", `${root}/secrets/public-key`, area, (asked) => this.vault.publicKey(asked));
      on("GET", `${root}/secrets/{name}`, area, (asked) => this.vault.secret(asked));
      on("PUT", `${root}/secrets/{name}`, area, (asked) => this.vault.putSecret(asked));
      const variables = area === "secrets" ? "actions_variables" : "environments";
      on("GET", `${root}/variables/{name}`, variables, (asked) => ({ body: this.vault.variable(asked) }));
      on("PATCH", `${root}/variables/{name}`, variables, (asked) => this.vault.patchVariable(asked));
      on("POST", `${root}/variables`, variables, (asked) => this.vault.createVariable(asked));
    }
    on("GET", `${REPOSITORY}/commits/{ref*}`, "contents", (asked) => this.#commits.commit(asked));
    on("GET", `${REPOSITORY}/compare/{range}`, "contents", (asked) => this.#commits.compare(asked));
  }

  // Runs

  async #dispatch(asked) {
    const { ref, inputs = {}, return_run_details: details = false } = json(asked);
    const refuse = (status, message) => new Refusal(status, { message, documentation_url: "https://docs.github.com/rest", status: String(status) });
    if (/^[0-9a-f]{40}$/.test(ref)) throw refuse(422, `No ref found for: ${ref}`);
    const commit = await this.#commits.git("rev-parse", "--verify", "--quiet", `refs/heads/${ref.replace(/^refs\/heads\//, "")}`).catch(() => null);
    if (!commit) throw refuse(422, `No ref found for: ${ref}`);
    const workflow = await this.workflow(basename(asked.params.workflow), commit);
    if (!workflow) throw refuse(404, "Not Found");
    const refusal = workflow.refusal(inputs);
    if (refusal) throw refuse(422, refusal);
    const found = this.begin(workflow, commit, workflow.completed(inputs));
    if (!details) return { status: 204 };
    const place = `${this.origin}/repos/${this.repository}/actions/runs/${found.id}`;
    return { status: 200, body: { workflow_run_id: found.id, run_url: place, html_url: `https://github.com/${this.repository}/actions/runs/${found.id}` } };
  }

  /** A workflow file as it is at a commit, or null. */
  async workflow(file, commit) {
    const text = await this.#commits.git("show", `${commit}:.github/workflows/${file}`).catch(() => null);
    return text === null ? null : new Workflow(file, text);
  }

  /**
   * Begins a run of a workflow; runs of one group are taken one after the other. Who begins one by hand also lets it
   * through the gate.
   */
  begin(workflow, commit, inputs, { byHand = false } = {}) {
    const id = (this.#next += 1);
    const now = new Date();
    const entry = { id, workflow, commit, inputs, attempt: 1, status: "queued", conclusion: null, createdAt: now, updatedAt: now, startedAt: now, steps: [], abort: new AbortController() };
    this.#runs.set(id, entry);
    entry.passed = byHand ? Promise.resolve(true) : this.#gate(entry);
    this.#tell("requested", entry);
    const group = workflow.group(inputs) ?? `run-${id}`;
    const before = this.#queues.get(group) ?? Promise.resolve();
    const work = before.then(() => this.#execute(entry));
    entry.done = work;
    this.#queues.set(group, work);
    this.#working.add(work);
    work.finally(() => this.#working.delete(work));
    return entry;
  }

  /** A run of a guarded environment waits for the App's word: whether it may go on. */
  #gate(entry) {
    const environment = entry.workflow.environment(entry.inputs);
    if (!this.#gated.includes(environment)) return Promise.resolve(true);
    entry.status = "waiting";
    const { repository, sender } = this.#shown();
    const place = `${this.origin}/repos/${this.repository}/actions/runs/${entry.id}`;
    const payload = { action: "requested", environment, event: "workflow_dispatch", deployment_callback_url: `${place}/deployment_protection_rule`, repository, sender };
    this.faults.push(...contract().faultsOfWebhook("deployment_protection_rule", payload));
    if (this.#hook) this.deliver("deployment_protection_rule", payload);
    return new Promise((resolve) => {
      entry.let = (passes) => resolve(passes);
      entry.abort.signal.addEventListener("abort", () => resolve(false));
    });
  }

  #pass(asked) {
    const entry = this.#run(asked);
    const { environment_name: environment, state } = json(asked);
    const asks = entry.status === "waiting" && environment === entry.workflow.environment(entry.inputs);
    if (!asks) throw new Refusal(422, { message: `No deployment of ${environment} waits`, documentation_url: "https://docs.github.com/rest" });
    entry.status = "queued";
    entry.let(state === "approved");
    return { status: 204 };
  }

  async #execute(entry) {
    const passed = await entry.passed;
    if (entry.abort.signal.aborted) return this.#end(entry, { conclusion: "cancelled", steps: [] });
    if (!passed) return this.#end(entry, { conclusion: "failure", steps: [] });
    const environment = entry.workflow.environment(entry.inputs) ?? entry.inputs.environment ?? null;
    const job = {
      id: entry.id,
      repository: this.repository,
      origin: this.#origin,
      commit: entry.commit,
      workflow: entry.workflow,
      inputs: entry.inputs,
      environment,
      secrets: { GITHUB_TOKEN: "ghs_of_the_job", ...this.vault.held("secret", ""), ...this.vault.held("secret", environment) },
      variables: { ...this.vault.held("variable", ""), ...this.vault.held("variable", environment) },
    };
    const begins = () => {
      Object.assign(entry, { status: "in_progress", startedAt: new Date(), updatedAt: new Date() });
      this.#tell("in_progress", entry);
    };
    try {
      const outcome = await this.#runner.run(job, { onStart: begins, signal: entry.abort.signal });
      await this.artifacts.keep(entry);
      await this.#end(entry, outcome);
    } catch (error) {
      await this.#end(entry, { conclusion: "startup_failure", steps: [], log: String(error.stack ?? error) });
    }
  }

  #end(entry, { conclusion, steps, log = "" }) {
    Object.assign(entry, { status: "completed", conclusion, steps, log, updatedAt: new Date() });
    return this.#tell("completed", entry);
  }

  /** Lets every run so far have been some hours earlier than it was. */
  age(hours) {
    const earlier = (at) => new Date(at.getTime() - hours * 3_600_000);
    for (const entry of this.#runs.values()) {
      for (const moment of ["createdAt", "startedAt", "updatedAt"]) entry[moment] = earlier(entry[moment]);
    }
  }

  /** Every run so far, the newest first. */
  get runs() {
    return [...this.#runs.values()].reverse();
  }

  #run(asked) {
    const found = this.#runs.get(Number(asked.params.run));
    if (!found) throw notFound();
    return found;
  }

  #list(asked) {
    const { query, params } = asked;
    const file = params.workflow && basename(params.workflow);
    const [from, until] = range(query.get("created"));
    const status = query.get("status");
    const matches = this.runs.filter(
      (entry) =>
        (!file || entry.workflow.file === file) &&
        (!query.get("event") || query.get("event") === "workflow_dispatch") &&
        (!query.get("branch") || query.get("branch") === "main") &&
        (!query.get("head_sha") || query.get("head_sha") === entry.commit) &&
        (!status || entry.status === status || entry.conclusion === status) &&
        entry.createdAt >= from &&
        entry.createdAt <= until,
    );
    const size = Number(query.get("per_page") ?? 30);
    const page = Number(query.get("page") ?? 1);
    const shown = matches.slice((page - 1) * size, page * size);
    return { body: { total_count: matches.length, workflow_runs: shown.map((entry) => this.#describe(entry)) } };
  }

  #describe(entry) {
    const { id, workflow, commit, inputs, attempt, status, conclusion } = entry;
    const place = `${this.origin}/repos/${this.repository}/actions/runs/${id}`;
    return {
      ...contract().sample("workflow-run"),
      id,
      name: workflow.name,
      display_title: workflow.title(inputs),
      path: `.github/workflows/${workflow.file}`,
      head_branch: "main",
      head_sha: commit,
      event: "workflow_dispatch",
      run_number: id - 1_000,
      run_attempt: attempt,
      status,
      conclusion,
      workflow_id: number(workflow.file),
      url: place,
      html_url: `https://github.com/${this.repository}/actions/runs/${id}`,
      jobs_url: `${place}/jobs`,
      artifacts_url: `${place}/artifacts`,
      pull_requests: [],
      created_at: entry.createdAt.toISOString(),
      updated_at: entry.updatedAt.toISOString(),
      run_started_at: entry.startedAt.toISOString(),
    };
  }

  #jobs(asked) {
    const entry = this.#run(asked);
    const example = contract().sample("job-paginated").jobs[0];
    const times = { started_at: entry.startedAt.toISOString(), completed_at: entry.status === "completed" ? entry.updatedAt.toISOString() : null };
    const steps = entry.steps.map(({ name, conclusion }, index) => ({ name, status: "completed", conclusion, number: index + 1, ...times }));
    const job = {
      ...example,
      id: entry.id * 10,
      run_id: entry.id,
      run_attempt: entry.attempt,
      head_sha: entry.commit,
      name: Object.keys(entry.workflow.document.jobs)[0],
      status: entry.status,
      conclusion: entry.conclusion === "startup_failure" ? "failure" : entry.conclusion,
      created_at: entry.createdAt.toISOString(),
      ...times,
      steps,
    };
    return { body: { total_count: 1, jobs: [job] } };
  }

  #cancel(asked) {
    const entry = this.#run(asked);
    if (entry.status === "completed") throw new Refusal(409, { message: "Cannot cancel a workflow run that is completed." });
    entry.abort.abort();
    return { status: 202, body: {} };
  }

  // Webhooks

  async #tell(action, entry) {
    if (!this.#hook) return;
    const run_ = this.#describe(entry);
    const example = contract().sample("workflow-run");
    const { repository, sender } = this.#shown();
    const payload = {
      action,
      workflow_run: { ...run_, repository: example.repository, head_repository: example.head_repository },
      workflow: {
        id: run_.workflow_id,
        node_id: "V",
        name: run_.name,
        path: run_.path,
        state: "active",
        created_at: run_.created_at,
        updated_at: run_.updated_at,
        url: run_.url,
        html_url: run_.html_url,
        badge_url: run_.html_url,
      },
      repository,
      sender,
    };
    this.faults.push(...contract().faultsOfWebhook("workflow_run", payload));
    await this.deliver("workflow_run", payload);
  }

  /** The repository and who did it, as events show them. */
  #shown() {
    const repository = { ...contract().example("/repos/{owner}/{repo}", "get"), full_name: this.repository };
    const [owner, name] = this.repository.split("/");
    delete repository.template_repository;
    Object.assign(repository, { name, language: null, owner: { ...repository.owner, login: owner } });
    return { repository, sender: { ...repository.owner, login: "hubline[bot]", type: "Bot" } };
  }

  /** Sends an event once, as GitHub does: what is not heard is not sent again. */
  async deliver(event, payload, guid = randomUUID()) {
    const { url, secret } = this.#hook;
    const body = JSON.stringify(payload);
    const signature = createHmac("sha256", secret).update(body).digest("hex");
    const headers = {
      "content-type": "application/json",
      "user-agent": "GitHub-Hookshot/lab",
      "x-github-event": event,
      "x-github-delivery": guid,
      "x-github-hook-id": "1",
      "x-hub-signature-256": `sha256=${signature}`,
    };
    const status = await fetch(url, { method: "POST", headers, body }).then((answer) => answer.status, () => null);
    this.delivered.push({ event, action: payload.action, guid, status });
    return status;
  }
}

/** A number that stands for a name. */
const number = (name) => createHash("sha256").update(name).digest().readUInt32BE() + 1;

/** What a search by time means: `>=2026-01-01T00:00:00Z`, `a..b`. */
function range(text) {
  const always = [new Date(0), new Date(8.64e15)];
  if (!text) return always;
  const bounds = text.match(/^(.+)\.\.(.+)$/);
  const time = (it, otherwise) => (it === "*" ? otherwise : new Date(it));
  if (bounds) return [time(bounds[1], always[0]), time(bounds[2], always[1])];
  const [, sign, moment] = text.match(/^(>=|>|<=|<)?(.+)$/);
  const at = new Date(moment);
  if (sign?.startsWith(">")) return [at, always[1]];
  return sign?.startsWith("<") ? [always[0], at] : [at, new Date(at.getTime() + 86_400_000)];
}
