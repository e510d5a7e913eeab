// GitHub: Apps, dispatches that run the repository's own workflow files, artifacts, secrets, variables, webhooks.
//
// Every request and answer is held against GitHub's description of its API; what does not fit is in `faults`.

import { createHash, createHmac, createVerify, randomBytes, randomUUID } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { run } from "../system/program.mjs";
import { Fake, Refusal, bearer, json } from "./fake.mjs";
import { contract } from "./github-contract.mjs";
import { python } from "./python.mjs";
import { Workflow } from "./workflow.mjs";

const REPOSITORY = "/repos/{owner}/{repo}";
const ACTIONS = `${REPOSITORY}/actions`;

/** How long a token of an App holds, and the longest that its key's signature may. */
const TOKEN_LIFE = 3_600_000;
const JWT_LIFE = 600;

export class GitHub extends Fake {
  #origin;
  #runner;
  #folder;
  #app;
  #tokens = new Map();
  #runs = new Map();
  #artifacts = new Map();
  #vault = new Map();
  #keys = new Map();
  #queues = new Map();
  #working = new Set();
  #hook = null;
  #next = 1_000;
  faults = [];
  delivered = [];

  /**
   * @param {{repository: string, origin: string, runner: object, folder: string, app?: {id: string, installation: number,
   * publicKey: string}, token?: string}} setup the repository and its git folder, what runs workflows, where artifacts
   * go, and who may log in
   */
  constructor({ repository, origin, runner, folder, app, token }) {
    super();
    this.repository = repository;
    this.#origin = origin;
    this.#runner = runner;
    this.#folder = folder;
    this.#app = app;
    if (token) this.#tokens.set(token, { until: Infinity, permissions: null });
    this.artifactStore = new ArtifactStore();
    mkdirSync(join(folder, "archives"), { recursive: true });
    this.#routes();
  }

  static async start(setup, port = 0) {
    const github = await new GitHub(setup).listen(port);
    await github.artifactStore.listen();
    return github;
  }

  async stop() {
    await Promise.allSettled([...this.#working]);
    await Promise.all([super.stop(), this.artifactStore.stop()]);
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
    return { status: 404, body: { message: "Not Found", documentation_url: "https://docs.github.com/rest", status: "404" } };
  }

  #routes() {
    this.on("POST", "/app/installations/{installation}/access_tokens", (asked) => this.#token(asked));
    const on = (method, path, permission, handler) =>
      this.on(method, path, (asked) => handler(this.#admitted(asked, permission, method === "GET" ? "read" : "write")));
    on("POST", `${ACTIONS}/workflows/{workflow}/dispatches`, "actions", (asked) => this.#dispatch(asked));
    on("GET", `${ACTIONS}/workflows/{workflow}/runs`, "actions", (asked) => this.#list(asked));
    on("GET", `${ACTIONS}/runs`, "actions", (asked) => this.#list(asked));
    on("GET", `${ACTIONS}/runs/{run}`, "actions", (asked) => ({ body: this.#describe(this.#run(asked)) }));
    on("GET", `${ACTIONS}/runs/{run}/attempts/{attempt}`, "actions", (asked) => ({ body: this.#describe(this.#run(asked)) }));
    for (const suffix of ["jobs", "attempts/{attempt}/jobs"]) on("GET", `${ACTIONS}/runs/{run}/${suffix}`, "actions", (asked) => this.#jobs(asked));
    on("POST", `${ACTIONS}/runs/{run}/cancel`, "actions", (asked) => this.#cancel(asked));
    on("GET", `${ACTIONS}/runs/{run}/artifacts`, "actions", (asked) => this.#artifactsOf(asked));
    on("GET", `${ACTIONS}/artifacts/{artifact}`, "actions", (asked) => ({ body: this.#describeArtifact(this.#artifact(asked)) }));
    on("GET", `${ACTIONS}/artifacts/{artifact}/zip`, "actions", (asked) => this.#archive(asked));
    for (const [root, area] of [[ACTIONS, "secrets"], [`${REPOSITORY}/environments/{environment}`, "environments"]]) {
      on("GET", `${root}/secrets/public-key`, area, (asked) => this.#publicKey(asked));
      on("GET", `${root}/secrets/{name}`, area, (asked) => this.#secret(asked));
      on("PUT", `${root}/secrets/{name}`, area, (asked) => this.#putSecret(asked));
      const variables = area === "secrets" ? "actions_variables" : "environments";
      on("GET", `${root}/variables/{name}`, variables, (asked) => ({ body: this.#variable(asked) }));
      on("PATCH", `${root}/variables/{name}`, variables, (asked) => this.#patchVariable(asked));
      on("POST", `${root}/variables`, variables, (asked) => this.#createVariable(asked));
    }
    on("GET", `${REPOSITORY}/commits/{ref*}`, "contents", (asked) => this.#commit(asked));
    on("GET", `${REPOSITORY}/compare/{range}`, "contents", (asked) => this.#compare(asked));
  }

  // Who may

  /** A token for an installation, for what its App's key has signed. */
  #token(asked) {
    const app = this.#app;
    const [head, claims, signature] = (bearer(asked) ?? "").split(".");
    const bad = (message) => new Refusal(401, { message, documentation_url: "https://docs.github.com/rest", status: "401" });
    if (!signature || !app) throw bad("A JSON web token could not be decoded");
    const holds = createVerify("RSA-SHA256").update(`${head}.${claims}`).verify(app.publicKey, signature, "base64url");
    if (!holds) throw bad("A JSON web token could not be decoded");
    const { iss, iat, exp } = JSON.parse(Buffer.from(claims, "base64url"));
    const now = Date.now() / 1000;
    if (String(iss) !== String(app.id)) throw bad("Integration not found");
    if (iat > now + 5) throw bad("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
    if (exp < now || exp > now + JWT_LIFE + 5) throw bad("'Expiration time' claim ('exp') is too far in the future");
    if (Number(asked.params.installation) !== app.installation) throw new Refusal(404, this.unknown().body);
    const { permissions = ALL, repositories } = asked.raw.length > 0 ? json(asked) : {};
    if (repositories && !repositories.includes(this.repository.split("/")[1])) {
      throw new Refusal(422, { message: "There is at least one repository that does not exist or is not accessible to the parent installation.", errors: [] });
    }
    // The long, stateless form that tokens are changing to.
    const token = `ghs_${app.id}_${randomBytes(150).toString("base64url")}`;
    const until = Date.now() + TOKEN_LIFE;
    this.#tokens.set(token, { until, permissions });
    const expires = new Date(until).toISOString().replace(/\.\d+Z$/, "Z");
    return { status: 201, body: { token, expires_at: expires, permissions, repository_selection: repositories ? "selected" : "all" } };
  }

  #admitted(asked, permission, verb) {
    const known = this.#tokens.get(bearer(asked));
    const say = (status, message) => new Refusal(status, { message, documentation_url: "https://docs.github.com/rest", status: String(status) });
    if (!known || known.until < Date.now()) throw say(401, "Bad credentials");
    if (!asked.headers["user-agent"]) throw say(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.");
    const { owner, repo } = asked.params;
    if (`${owner}/${repo}` !== this.repository) throw say(404, "Not Found");
    const right = known.permissions === null ? "write" : known.permissions[permission];
    if (right !== "write" && right !== verb) throw say(403, "Resource not accessible by integration");
    return asked;
  }

  // Runs

  async #dispatch(asked) {
    const { ref, inputs = {}, return_run_details: details = false } = json(asked);
    const refuse = (status, message) => new Refusal(status, { message, documentation_url: "https://docs.github.com/rest", status: String(status) });
    if (/^[0-9a-f]{40}$/.test(ref)) throw refuse(422, `No ref found for: ${ref}`);
    const commit = await this.#git("rev-parse", "--verify", "--quiet", `refs/heads/${ref.replace(/^refs\/heads\//, "")}`).catch(() => null);
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
    const text = await this.#git("show", `${commit}:.github/workflows/${file}`).catch(() => null);
    return text === null ? null : new Workflow(file, text);
  }

  /** Begins a run of a workflow; runs of one group are taken one after the other. */
  begin(workflow, commit, inputs) {
    const id = (this.#next += 1);
    const now = new Date();
    const entry = { id, workflow, commit, inputs, attempt: 1, status: "queued", conclusion: null, createdAt: now, updatedAt: now, startedAt: now, steps: [], abort: new AbortController() };
    this.#runs.set(id, entry);
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

  async #execute(entry) {
    if (entry.abort.signal.aborted) return this.#end(entry, { conclusion: "cancelled", steps: [] });
    const environment = entry.workflow.environment(entry.inputs) ?? entry.inputs.environment ?? null;
    const job = {
      id: entry.id,
      repository: this.repository,
      origin: this.#origin,
      commit: entry.commit,
      workflow: entry.workflow,
      inputs: entry.inputs,
      environment,
      secrets: { GITHUB_TOKEN: "ghs_of_the_job", ...this.#held("secret", ""), ...this.#held("secret", environment) },
      variables: { ...this.#held("variable", ""), ...this.#held("variable", environment) },
    };
    const begins = () => {
      Object.assign(entry, { status: "in_progress", startedAt: new Date(), updatedAt: new Date() });
      this.#tell("in_progress", entry);
    };
    try {
      const outcome = await this.#runner.run(job, { onStart: begins, signal: entry.abort.signal });
      await this.#keep(entry);
      await this.#end(entry, outcome);
    } catch (error) {
      await this.#end(entry, { conclusion: "startup_failure", steps: [], log: String(error.stack ?? error) });
    }
  }

  #end(entry, { conclusion, steps, log = "" }) {
    Object.assign(entry, { status: "completed", conclusion, steps, log, updatedAt: new Date() });
    return this.#tell("completed", entry);
  }

  /** Every run so far, the newest first. */
  get runs() {
    return [...this.#runs.values()].reverse();
  }

  #run(asked) {
    const found = this.#runs.get(Number(asked.params.run));
    if (!found) throw new Refusal(404, this.unknown().body);
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

  // Artifacts

  /** Makes an archive of everything that a run has uploaded. */
  async #keep(entry) {
    const folder = join(this.#folder, String(entry.id));
    if (!existsSync(folder)) return;
    for (const name of readdirSync(folder)) {
      const id = (this.#next += 1) * 100;
      const file = join(this.#folder, "archives", `${id}.zip`);
      const members = readdirSync(join(folder, name));
      await run("python3", ["-m", "zipfile", "-c", file, ...members], { cwd: join(folder, name) });
      writeFileSync(file.replace(/zip$/, "json"), JSON.stringify({ id, name, run: entry.id }));
      this.#artifacts.set(id, { id, name, run: entry, file, createdAt: new Date(), expired: false, read: (member) => readFileSync(join(folder, name, member)) });
    }
  }

  /** What a run has left: each with its number, its name, and a way to read its files. */
  artifactsOf(run) {
    return [...this.#artifacts.values()].filter((it) => it.run === run);
  }

  #artifact(asked) {
    const found = this.#artifacts.get(Number(asked.params.artifact));
    if (!found) throw new Refusal(404, this.unknown().body);
    return found;
  }

  #artifactsOf(asked) {
    const entry = this.#run(asked);
    const name = asked.query.get("name");
    const found = [...this.#artifacts.values()].filter((it) => it.run === entry && (!name || it.name === name));
    return { body: { total_count: found.length, artifacts: found.map((it) => this.#describeArtifact(it)) } };
  }

  #describeArtifact({ id, name, run: entry, file, createdAt, expired }) {
    const bytes = readFileSync(file);
    const place = `${this.origin}/repos/${this.repository}/actions/artifacts/${id}`;
    return {
      id,
      node_id: Buffer.from(`artifact ${id}`).toString("base64"),
      name,
      size_in_bytes: bytes.length,
      url: place,
      archive_download_url: `${place}/zip`,
      expired,
      created_at: createdAt.toISOString(),
      updated_at: createdAt.toISOString(),
      expires_at: new Date(createdAt.getTime() + 90 * 86_400_000).toISOString(),
      digest: `sha256:${createHash("sha256").update(bytes).digest("hex")}`,
      workflow_run: { id: entry.id, repository_id: 1, head_repository_id: 1, head_branch: "main", head_sha: entry.commit },
    };
  }

  #archive(asked) {
    const { file, expired } = this.#artifact(asked);
    if (expired) throw new Refusal(410, { message: "Artifact has expired", documentation_url: "https://docs.github.com/rest" });
    return { status: 302, headers: { location: this.artifactStore.offer(file) } };
  }

  /** Puts other bytes in the place of an artifact, as somebody with too many rights could. */
  replaceArtifact(id, bytes) {
    writeFileSync(this.#artifacts.get(id).file, bytes);
  }

  // Secrets and variables

  #place(asked, kind) {
    return `${kind}/${asked.params.environment ?? ""}/${(asked.params.name ?? "").toUpperCase()}`;
  }

  #held(kind, environment) {
    const prefix = `${kind}/${environment ?? ""}/`;
    if (environment === null) return {};
    const own = [...this.#vault].filter(([name]) => name.startsWith(prefix));
    return Object.fromEntries(own.map(([name, { value }]) => [name.slice(prefix.length), value]));
  }

  /** Sets a secret or variable, as the repository's administrator would. */
  set(kind, environment, name, value) {
    this.#vault.set(`${kind}/${environment}/${name.toUpperCase()}`, { value, createdAt: new Date(), updatedAt: new Date() });
  }

  /** The value of a secret or variable: jobs see it, and nobody who asks the API does. */
  value(kind, environment, name) {
    return this.#vault.get(`${kind}/${environment}/${name.toUpperCase()}`)?.value;
  }

  async #publicKey(asked) {
    const owner = asked.params.environment ?? "";
    if (!this.#keys.has(owner)) this.#keys.set(owner, { id: String(Date.now()), ...(await python("sealed.py", "keys")) });
    const { id, public: key } = this.#keys.get(owner);
    return { body: { key_id: id, key } };
  }

  #secret(asked) {
    const found = this.#vault.get(this.#place(asked, "secret"));
    if (!found) throw new Refusal(404, this.unknown().body);
    return { body: { name: asked.params.name.toUpperCase(), created_at: found.createdAt.toISOString(), updated_at: found.updatedAt.toISOString() } };
  }

  async #putSecret(asked) {
    const { encrypted_value: sealed, key_id: id } = json(asked);
    const key = this.#keys.get(asked.params.environment ?? "");
    if (!key || key.id !== id) throw new Refusal(422, { message: "Bad request - public key identifier is not valid.", documentation_url: "https://docs.github.com/rest" });
    const value = await python("sealed.py", "open", key.private, sealed).catch(() => null);
    if (value === null) throw new Refusal(422, { message: "Improperly encrypted secret", documentation_url: "https://docs.github.com/rest" });
    const place = this.#place(asked, "secret");
    const known = this.#vault.get(place);
    this.#vault.set(place, { value, createdAt: known?.createdAt ?? new Date(), updatedAt: new Date() });
    return known ? { status: 204 } : { status: 201, body: {} };
  }

  #variable(asked) {
    const found = this.#vault.get(this.#place(asked, "variable"));
    if (!found) throw new Refusal(404, this.unknown().body);
    const times = { created_at: found.createdAt.toISOString(), updated_at: found.updatedAt.toISOString() };
    return { name: asked.params.name.toUpperCase(), value: found.value, ...times };
  }

  #patchVariable(asked) {
    this.#variable(asked);
    const { value } = json(asked);
    Object.assign(this.#vault.get(this.#place(asked, "variable")), { ...(value !== undefined && { value }), updatedAt: new Date() });
    return { status: 204 };
  }

  #createVariable(asked) {
    const { name, value } = json(asked);
    this.set("variable", asked.params.environment ?? "", name, value);
    return { status: 201, body: {} };
  }

  // Commits

  #git(...args) {
    return run("git", ["-C", this.#origin, ...args]).then((text) => text.replace(/\n$/, ""));
  }

  async #describeCommit(ref) {
    const format = "%H%x00%T%x00%P%x00%an%x00%ae%x00%aI%x00%s";
    const text = await this.#git("log", "-1", `--format=${format}`, ref, "--").catch(() => null);
    if (!text) return null;
    const [sha, tree, parents, name, email, date, message] = text.split("\0");
    const example = contract().sample("commit");
    const person = { name, email, date };
    const place = `${this.origin}/repos/${this.repository}/commits/${sha}`;
    return {
      ...example,
      files: [],
      sha,
      url: place,
      html_url: `https://github.com/${this.repository}/commit/${sha}`,
      commit: { ...example.commit, message, author: person, committer: person, tree: { ...example.commit.tree, sha: tree } },
      parents: parents.split(" ").filter(Boolean).map((parent) => ({ sha: parent, url: `${this.origin}/repos/${this.repository}/commits/${parent}` })),
    };
  }

  async #commit(asked) {
    const { ref } = asked.params;
    const body = await this.#describeCommit(ref);
    if (!body) throw new Refusal(422, { message: `No commit found for SHA: ${ref}`, documentation_url: "https://docs.github.com/rest" });
    return { body };
  }

  async #compare(asked) {
    const [base, head] = asked.params.range.split("...");
    const [from, to] = await Promise.all([this.#describeCommit(base), this.#describeCommit(head)]);
    if (!from || !to) throw new Refusal(404, this.unknown().body);
    const [behind, ahead] = (await this.#git("rev-list", "--left-right", "--count", `${from.sha}...${to.sha}`)).split("\t").map(Number);
    const common = await this.#describeCommit(await this.#git("merge-base", from.sha, to.sha));
    const status = behind > 0 && ahead > 0 ? "diverged" : ahead > 0 ? "ahead" : behind > 0 ? "behind" : "identical";
    const example = contract().sample("commit-comparison");
    return { body: { ...example, base_commit: from, merge_base_commit: common, status, ahead_by: ahead, behind_by: behind, total_commits: ahead, commits: [], files: [] } };
  }

  // Webhooks

  async #tell(action, entry) {
    if (!this.#hook) return;
    const run_ = this.#describe(entry);
    const example = contract().sample("workflow-run");
    const repository = { ...contract().example("/repos/{owner}/{repo}", "get"), full_name: this.repository };
    const [owner, name] = this.repository.split("/");
    delete repository.template_repository;
    Object.assign(repository, { name, language: null, owner: { ...repository.owner, login: owner } });
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
      sender: { ...repository.owner, login: "hubline[bot]", type: "Bot" },
    };
    this.faults.push(...contract().faultsOfWebhook("workflow_run", payload));
    await this.deliver("workflow_run", payload);
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

/** Where artifacts are downloaded from: each address holds for a minute, and nobody's token is wanted. */
class ArtifactStore extends Fake {
  #offers = new Map();

  constructor() {
    super();
    this.on("GET", "/artifacts/{id}", (asked) => this.#download(asked));
  }

  offer(file) {
    const id = randomUUID();
    this.#offers.set(id, { file, until: Date.now() + 60_000 });
    return `${this.origin}/artifacts/${id}?sig=${randomBytes(16).toString("hex")}`;
  }

  #download(asked) {
    if (asked.headers.authorization) throw new Refusal(400, "InvalidAuthenticationInfo: the address is the authorisation");
    const found = this.#offers.get(asked.params.id);
    if (!found || found.until < Date.now()) throw new Refusal(403, "AuthenticationFailed");
    return { headers: { "content-type": "application/zip" }, body: readFileSync(found.file) };
  }
}

/** What an App may do when it does not say for how little a token is. */
const ALL = { actions: "write", contents: "read", secrets: "write", environments: "write", actions_variables: "write", metadata: "read" };

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
