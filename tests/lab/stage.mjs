// Everything that a rollback meets, on this machine: two environments, the pipeline, the monitoring, Hubline itself.

import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../system/port.mjs";
import { Authority } from "../system/authority.mjs";
import { ROOT } from "../system/node.mjs";
import { Arm } from "./arm.mjs";
import { Entra } from "./entra.mjs";
import { APPLICATIONS, Environment } from "./environment.mjs";
import { Repository } from "./git.mjs";
import { GitHub } from "./github.mjs";
import { Infrastructure, directory } from "./infrastructure.mjs";
import { Monitoring, hurriedAlertmanager, rulesIn } from "./monitoring.mjs";
import { Notifications } from "./notifications.mjs";
import { Registry } from "./registry.mjs";
import { Runner } from "./runner.mjs";

/** What the user's repositories take over. */
const DEPLOY = join(ROOT, "deploy");

export const REPOSITORY = "warranty/platform";
export const ENVIRONMENTS = ["production", "staging"];

/** Releases of the service. The images of all applications hold them; their times are hours ago, but for the bad one's. */
const RELEASES = [
  ["v1.0.0-stable", { version: "1.0.0", latency: [10, 30] }, 72],
  ["v1.1.0-stable", { version: "1.1.0", latency: [10, 30] }, 48],
  ["v1.2.0-stable", { version: "1.2.0", latency: [10, 30] }, 24],
];

/** What runs when the lab opens. */
const RUNNING = "v1.2.0-stable";

/** A release whose P95 is 650 ms, and one whose pods are never ready. */
export const SLOW = ["v1.3.0-stable", { version: "1.3.0", latency: [550, 655] }];
export const NEVER_READY = ["v0.9.0-stable", { version: "0.9.0", neverReady: true }, 96];

/** When the infrastructure was last applied before the lab opened, in hours. */
const INFRASTRUCTURE_HOURS = 72;

/** On which versions of the schema every image runs, as its label says. */
const LABELS = { "hubline.schema": "1-5" };

const secret = () => randomBytes(24).toString("hex");

export class Stage {
  #folder = mkdtempSync(join(tmpdir(), "hubline-lab-"));
  credentials = {
    tenant: "contoso",
    clientId: "hubline",
    clientSecret: secret(),
    databasePassword: secret(),
    apiToken: secret(),
    routingKey: secret().slice(0, 32),
    slackPath: `/services/T0/B0/${secret()}`,
    webhookSecret: secret(),
    githubSecret: secret(),
    alertToken: secret(),
  };

  static async open(progress = () => {}) {
    const stage = new Stage();
    try {
      await stage.#open(progress);
    } catch (error) {
      await stage.close();
      throw error;
    }
    return stage;
  }

  /** A folder of the lab. */
  folder(name) {
    const folder = join(this.#folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  async #open(progress) {
    // PostgreSQL runs as another user when this runs as root.
    chmodSync(this.#folder, 0o755);
    const { tenant, clientId, clientSecret, databasePassword: password, apiToken: token } = this.credentials;
    const authority = await Authority.make(this.folder("authority"));
    [this.registry, this.entra, this.notifications] = await Promise.all([
      Registry.start(this.folder("registry")),
      Entra.start({ tenant, clientId, clientSecret }),
      Notifications.start(this.credentials),
    ]);
    progress("releases are in the registry");
    const images = await this.#push();
    progress("two clusters, their applications, and databases with a past");
    const cloud = { subscription: "warranty", group: "platform", folder: this.folder("servers"), port: await freePort(), network: 50 };
    this.arm = await Arm.start(this.entra, cloud);
    const shared = { arm: this.arm, folder: this.#folder, registry: this.registry, entra: this.entra, authority, images, password, token };
    const environments = await Promise.all(ENVIRONMENTS.map((name) => Environment.start({ ...shared, name })));
    this.environments = Object.fromEntries(environments.map((environment) => [environment.name, environment]));
    progress("the pipeline");
    await this.#openGithub();
    for (const environment of environments) this.#configure(environment);
    progress("the infrastructure is applied");
    this.sound = await this.infrastructure.commit("Turn nobody away", { production: { refuse: 0 }, staging: { refuse: 0 } });
    await Promise.all(ENVIRONMENTS.map((name) => this.apply(name, this.sound)));
    // What was applied before an alert by minutes would be suspected.
    this.github.age(INFRASTRUCTURE_HOURS);
  }

  /** Pushes every release of every application, and answers what each runs. */
  async #push() {
    const host = new URL(this.registry.origin).host;
    const images = {};
    for (const application of APPLICATIONS) {
      for (const [tag, release, hours] of RELEASES) {
        const digest = await this.push(application, tag, release, hours);
        if (tag === RUNNING) images[application] = `${host}/warranty/${application}:${tag}@${digest}`;
      }
    }
    return images;
  }

  /** Pushes a release of an application, made some hours ago or now. */
  push(application, tag, release, hours) {
    const at = hours && new Date(Date.now() - hours * 3_600_000);
    return this.registry.push(`warranty/${application}`, tag, { ...release, application }, { labels: LABELS, at });
  }

  async #openGithub() {
    const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
    this.credentials.appKey = privateKey.export({ type: "pkcs1", format: "pem" });
    this.repository = await Repository.create(this.folder("repository"));
    this.infrastructure = new Infrastructure(this.repository, this.environments, this.folder("terraform"));
    const workflows = join(DEPLOY, "github");
    for (const file of readdirSync(workflows).filter((name) => name.endsWith(".yml"))) {
      this.repository.copy(join(workflows, file), `.github/workflows/${file}`);
    }
    const artifacts = this.folder("artifacts");
    const app = { id: "Iv23hubline", installation: 4711, publicKey: publicKey.export({ type: "spki", format: "pem" }) };
    const runner = new Runner(this.folder("runner"), (job) => ({
      LAB_ARTIFACTS: artifacts,
      LAB_KUBECONFIG: this.environments[job.environment]?.kubeconfig ?? "",
      KUBECONFIG: this.environments[job.environment]?.kubeconfig ?? "",
    }));
    await this.repository.commit("Begin", { "README.md": "The platform, its pipeline and its infrastructure.\n" });
    this.github = await GitHub.start({ repository: REPOSITORY, origin: this.repository.folder, runner, folder: artifacts, app, gated: ENVIRONMENTS });
  }

  /** What the pipeline's environments hold, as deploy/github/README.md asks for it. */
  #configure({ name, server }) {
    const { host } = this.arm.server(server);
    const variables = {
      DB_CONNECTION_REV: "initial",
      DB_OWNER: "owner",
      DB_NAME: "app",
      DB_PORT: this.arm.databasePort,
      DB_SSLMODE: "disable",
      DB_SCHEMA_QUERY: "select max(version) from schema_version",
      DB_HEARTBEAT_SECONDS: "1",
      ROLLOUT_TIMEOUT: "40s",
    };
    for (const [key, value] of Object.entries(variables)) this.github.vault.set("variable", name, key, value);
    this.github.vault.set("secret", name, "DB_CONNECTION", this.environments[name].connection(host));
    this.github.vault.set("secret", name, "DB_OWNER_PASSWORD", "unused: the lab trusts its owner");
    for (const place of [name, `${name}-plan`]) this.github.vault.set("variable", place, "TERRAFORM_DIRECTORY", directory(name));
  }

  /** Runs a workflow as a person of the team would, with what the pipeline needs in its environment. */
  async dispatch(file, inputs) {
    const commit = await this.repository.git("rev-parse", "HEAD");
    const workflow = await this.github.workflow(file, commit);
    const run = this.github.begin(workflow, commit, workflow.completed({ correlation: `by-hand-${secret().slice(0, 8)}`, ...inputs }), { byHand: true });
    await run.done;
    if (run.conclusion !== "success") throw new Error(`${file} ended with ${run.conclusion}:\n${run.log}`);
    return run;
  }

  /** Plans and applies a commit, as a person of the team would. */
  async apply(environment, commit) {
    const plan = await this.dispatch("terraform-plan.yml", { environment, commit });
    const [artifact] = this.github.artifacts.of(plan);
    const tfplan = await artifact.read("tfplan");
    await this.dispatch("terraform-apply.yml", {
      environment,
      commit,
      planRunId: String(plan.id),
      artifactId: String(artifact.id),
      tfplanSha256: createHash("sha256").update(tfplan).digest("hex"),
      approvals: "ann,ben",
    });
  }

  /** Starts Prometheus and Alertmanager, which tells Hubline of alerts. */
  async watch(hubline) {
    const { notifications, credentials } = this;
    const alertmanager = hurriedAlertmanager(readFileSync(join(DEPLOY, "prometheus/alertmanager.yml"), "utf8"), {
      hubline: `${hubline}/ops/alerts`,
      alertToken: credentials.alertToken,
      pagerduty: `${notifications.origin}/v2/enqueue`,
      routingKey: credentials.routingKey,
      slack: notifications.origin + credentials.slackPath,
      watchdog: `${notifications.origin}/watchdog`,
    });
    const itself = { targets: [new URL(hubline).host], labels: { job: "hubline", node: "lab" } };
    const targets = () => [itself, ...Object.values(this.environments).flatMap((environment) => environment.targets)];
    const rules = rulesIn(join(DEPLOY, "prometheus"));
    this.monitoring = await Monitoring.start({ folder: this.folder("monitoring"), rules, alertmanager, targets });
  }

  /** What 95 of 100 requests keep to now, in seconds. */
  p95(environment) {
    return this.monitoring.query(
      `histogram_quantile(0.95, sum by (le) (rate(http_request_duration_seconds_bucket{environment="${environment}",application="api"}[5s])))`,
    );
  }

  async close() {
    // What asks others goes first.
    for (const parts of [[this.monitoring, this.github], Object.values(this.environments ?? {}), [this.arm, this.registry, this.entra, this.notifications]]) {
      await Promise.all(parts.map((part) => part?.stop()));
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
