// The outside systems of a rollback, as few as a run meets around its approvals: a registry, a cluster with one application,
// database servers to look at, GitHub, metrics, users. No pipeline runs here: what it would leave behind is put there, and how
// it ends is said.

import { createHash, generateKeyPairSync } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "../system/node.mjs";
import { Acr } from "./acr.mjs";
import { ClusterApi } from "./cluster-api.mjs";
import { Entra } from "./entra.mjs";
import { Fake, Refusal, json } from "./fake.mjs";
import { Repository } from "./git.mjs";
import { GitHub } from "./github.mjs";
import { Registry } from "./registry.mjs";

const LOGIN = { tenant: "contoso", clientId: "hubline", clientSecret: "a secret" };
const APP = { id: "Iv23hubline", installation: 4711 };
const REPOSITORY = "warranty/platform";
const IMAGE = "warranty/api";
const WEBHOOK_KEY = "the key of the webhook";
const ENVIRONMENTS = ["production", "staging"];

/** The database server of each environment. That of staging is where the tests have the database of operations. */
const SERVERS = { production: { name: "shop-db", host: "shop-db.example" }, staging: { name: "operations-db", host: "127.0.0.1" } };

/** What is in the registry: how many hours ago it was pushed. The newest runs. */
const RELEASES = [["v1.0.0-stable", 48], ["v1.1.0-stable", 24], ["v1.2.0-stable", 1]];

/** A value that no plan shows to anybody. */
export const CANARY = "canary-of-a-sensitive-value";

export class Outside {
  #folder = mkdtempSync(join(tmpdir(), "hubline-outside-"));
  #artifacts = join(this.#folder, "artifacts");
  /** How workflows end here. */
  conclusion = "failure";
  /** What the next plans change: by address the actions. */
  changes = { "terraform_data.ingress": ["delete", "create"], "terraform_data.budget": ["update"] };

  static async open() {
    const outside = new Outside();
    try {
      await outside.#open();
    } catch (error) {
      await outside.close();
      throw error;
    }
    return outside;
  }

  async #open() {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    this.appKey = privateKey.export({ type: "pkcs1", format: "pem" });
    for (const folder of ["registry", "artifacts"]) mkdirSync(join(this.#folder, folder));
    [this.registry, this.entra, this.servers, this.metrics, this.users] = await Promise.all([
      Registry.start(join(this.#folder, "registry")),
      Entra.start(LOGIN),
      new Servers().listen(),
      new Metrics().listen(),
      new Users().listen(),
    ]);
    [this.acr, this.cluster] = await Promise.all([
      Acr.start(this.registry, this.entra),
      ClusterApi.start(this.registry, { namespace: "shop", tokens: { hubline: "read" } }),
    ]);
    await this.#openGithub(publicKey.export({ type: "spki", format: "pem" }));
    await this.#deploy();
  }

  async #openGithub(key) {
    const repository = await Repository.create(join(this.#folder, "repository"));
    repository.copy(join(ROOT, "deploy/github"), ".github/workflows");
    this.commit = await repository.commit("Begin", { "README.md": "The platform.\n" });
    this.github = await GitHub.start({ repository: REPOSITORY, origin: repository.folder, runner: this, folder: this.#artifacts, app: { ...APP, publicKey: key } });
    // The commit was applied before, in both places, and ended well.
    this.conclusion = "success";
    const apply = await this.github.workflow("terraform-apply.yml", this.commit);
    for (const environment of ENVIRONMENTS) await this.github.begin(apply, this.commit, apply.completed({ environment, commit: this.commit }), { byHand: true }).done;
    this.conclusion = "failure";
  }

  async #deploy() {
    let digest;
    for (const [tag, hours] of RELEASES) digest = await this.push(tag, { version: tag }, hours);
    const labels = { app: "api" };
    const containers = [{ name: "api", image: `${new URL(this.registry.origin).host}/${IMAGE}@${digest}` }];
    this.cluster.apply("deployments", {
      metadata: { name: "api", labels },
      spec: { replicas: 1, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers } } },
    });
    await this.cluster.rolledOut("api");
  }

  /** Pushes a release under a tag, whatever the tag has pointed to before. No image says on which schema it runs. */
  push(tag, release, hours = 24) {
    return this.registry.push(IMAGE, tag, release, { at: new Date(Date.now() - hours * 3_600_000) });
  }

  /** In the place of a runner: a plan is made of what is said here, and everything else only ends. */
  async run({ id, workflow, inputs }, { onStart }) {
    onStart();
    if (workflow.file !== "terraform-plan.yml") return { conclusion: this.conclusion, steps: [{ name: "Wait for the rollout", conclusion: this.conclusion }] };
    const folder = join(this.#artifacts, String(id), "plan");
    mkdirSync(folder, { recursive: true });
    for (const [name, content] of Object.entries(this.#plan(inputs))) writeFileSync(join(folder, name), content);
    return { conclusion: "success", steps: [{ name: "Plan", conclusion: "success" }] };
  }

  /** The files of a plan: of the same changes they are the same. */
  #plan({ commit, environment }) {
    const resource_changes = Object.entries(this.changes).map(([address, actions]) => ({
      address,
      mode: "managed",
      type: "terraform_data",
      name: address.split(".")[1],
      provider_name: "terraform.io/builtin/terraform",
      change: { actions, before: { input: CANARY }, after: { input: `${CANARY} again` }, after_unknown: { id: true }, before_sensitive: { input: true }, after_sensitive: { input: true } },
    }));
    const plan = JSON.stringify({ format_version: "1.2", terraform_version: "1.15.5", applyable: true, complete: true, errored: false, resource_changes });
    const tfplan = `a saved plan of ${commit}: ${JSON.stringify(this.changes)}`;
    const metadata = { environment, commit, terraformVersion: "1.15.5", lockSha256: sha256("lock"), variablesSha256: sha256("variables"), tfplanSha256: sha256(tfplan) };
    return { tfplan, "plan.json": plan, "metadata.json": JSON.stringify(metadata) };
  }

  /** The runs of a workflow that were dispatched, the newest first. */
  dispatched(file) {
    return this.github.runs.filter(({ workflow, inputs }) => workflow.file === file && inputs.correlation);
  }

  /** From now on GitHub tells this Hubline what its workflows do. */
  tells(origin) {
    this.github.hook(`${origin}/ops/github`, WEBHOOK_KEY);
  }

  /** The variables of the manifest: both environments are here. */
  get variables() {
    const { github, acr, cluster, metrics, users, entra, servers, appKey } = this;
    const all = {
      github_origin: github.origin,
      github_artifact_origin: github.artifacts.store.origin,
      github_webhook_secret: WEBHOOK_KEY,
      entra_origin: entra.origin,
      azure_origin: servers.origin,
    };
    for (const environment of ENVIRONMENTS) {
      all[environment] = JSON.stringify(this.#targets(environment));
      const azure = { clientId: LOGIN.clientId, clientSecret: LOGIN.clientSecret };
      all[`${environment}_credentials`] = JSON.stringify({ environment, github: { appKey }, azure, kubernetes: "hubline", databasePassword: "a password" });
      const places = { registry: acr, kubernetes: cluster, prometheus: metrics, smoke: users };
      for (const [name, { origin }] of Object.entries(places)) all[`${environment}_${name}_origin`] = origin;
    }
    return all;
  }

  #targets(environment) {
    const { github, acr, cluster, metrics, users, entra, servers } = this;
    const test = (path, cleanup) => ({ method: "POST", path, body: { id: "{key}" }, expect: { status: [201], body: { id: "{key}" } }, cleanup: { path: cleanup } });
    return {
      environment,
      github: { api: github.origin, artifacts: github.artifacts.store.origin, app: APP, repository: REPOSITORY },
      registry: { server: acr.origin },
      azure: { management: servers.origin, entra: entra.origin, tenant: LOGIN.tenant, subscription: "warranty", resourceGroup: "platform" },
      database: { server: SERVERS[environment].name, connection: "postgres://app:{password}@{host}/app" },
      kubernetes: { api: cluster.origin, namespace: "shop" },
      prometheus: { api: metrics.origin, queries: { p95: "p95", errorRatio: "errors", requests: "requests" } },
      applications: [{ name: "api", deployment: "api", container: "api", image: IMAGE }],
      smoke: { base: users.origin, user: test("/users", "/users/{key}"), serviceRequest: test("/service-requests", "/service-requests/{answer:/id}") },
    };
  }

  async close() {
    await this.github?.stop();
    await Promise.all([this.acr, this.cluster, this.registry, this.entra, this.servers, this.metrics, this.users].map((part) => part?.stop()));
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Azure's database servers: those that are there are ready, with backups of a week. */
class Servers extends Fake {
  constructor() {
    super();
    const place = "/subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.DBforPostgreSQL/flexibleServers/{name}";
    this.on("GET", place, ({ path, params: { name } }) => {
      const server = Object.values(SERVERS).find((server) => server.name === name);
      if (!server) throw new Refusal(404, { error: { code: "ResourceNotFound", message: `The server ${name} was not found.` } });
      const backup = { earliestRestoreDate: new Date(Date.now() - 7 * 86_400_000).toISOString(), backupRetentionDays: 7 };
      const setup = { highAvailability: { mode: "Disabled" }, network: { publicNetworkAccess: "Disabled" } };
      const properties = { state: "Ready", version: "16", fullyQualifiedDomainName: server.host, backup, ...setup };
      return { body: { id: path, name, location: "westeurope", tags: {}, sku: { name: "Standard_D2ds_v5", tier: "GeneralPurpose" }, properties } };
    });
  }
}

/** Prometheus, where all is well. */
class Metrics extends Fake {
  constructor() {
    super();
    const values = { p95: "0.12", errors: "0", requests: "500" };
    const answer = (data) => ({ body: { status: "success", data } });
    this.on("GET", "/api/v1/query", ({ query }) => {
      const value = [new Date(query.get("time")).getTime() / 1000, values[query.get("query")]];
      return answer({ resultType: "vector", result: [{ metric: {}, value }] });
    });
    this.on("GET", "/api/v1/rules", ({ query }) => {
      const name = query.get("rule_name[]") ?? "Anything";
      const rule = { type: "alerting", name, health: "ok", lastEvaluation: new Date().toISOString(), labels: { severity: "critical" }, alerts: [] };
      return answer({ groups: [{ name: "all", interval: 5, rules: [rule] }] });
    });
  }
}

/** The service as its users meet it. */
class Users extends Fake {
  constructor() {
    super();
    for (const path of ["/users", "/service-requests"]) {
      this.on("POST", path, (asked) => ({ status: 201, body: json(asked) }));
      this.on("DELETE", `${path}/{id}`, () => ({ status: 204 }));
    }
  }
}

const sha256 = (text) => createHash("sha256").update(text).digest("hex");
