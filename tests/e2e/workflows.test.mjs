// Must hold: the workflows that users copy do what their names say, executed by act on a cluster and databases of the lab.

import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ClusterApi } from "../lab/cluster-api.mjs";
import { DatabaseServer } from "../lab/database-server.mjs";
import { Repository } from "../lab/git.mjs";
import { writeKubeconfig } from "../lab/kubectl.mjs";
import { Registry } from "../lab/registry.mjs";
import { Runner } from "../lab/runner.mjs";
import { Workflow } from "../lab/workflow.mjs";
import { Authority } from "../system/authority.mjs";
import { ROOT } from "../system/node.mjs";
import { freePort } from "../system/port.mjs";

const NAMESPACE = "staging";
const WORKFLOWS = join(ROOT, "deploy/github");

const folder = mkdtempSync(join(tmpdir(), "hubline-test-"));
const place = (name) => {
  mkdirSync(join(folder, name), { recursive: true });
  return join(folder, name);
};
const artifacts = join(folder, "artifacts");

let registry;
let cluster;
let repository;
let commit;
let runner;
let source;
let restored;
const digests = {};
let count = 0;

before(async () => {
  // PostgreSQL runs as another user when this runs as root.
  chmodSync(folder, 0o755);
  await Promise.all([openCluster(), openDatabases()]);
  repository = await Repository.create(place("repository"));
  const files = readdirSync(WORKFLOWS).filter((name) => name.endsWith(".yml"));
  commit = await repository.commit("Begin", Object.fromEntries(files.map((name) => [`.github/workflows/${name}`, readFileSync(join(WORKFLOWS, name), "utf8")])));
  const kubeconfig = join(folder, "kubeconfig");
  runner = new Runner(place("runner"), () => ({ LAB_ARTIFACTS: artifacts, LAB_KUBECONFIG: kubeconfig, KUBECONFIG: kubeconfig }));
});
after(async () => {
  await Promise.all([cluster?.stop(), registry?.stop(), source?.stop(), restored?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function openCluster() {
  registry = await Registry.start(place("registry"));
  cluster = await ClusterApi.start(registry, { namespace: NAMESPACE, tokens: { deployer: "write" } });
  const authority = await Authority.make(place("authority"));
  await cluster.listenSecurely(authority);
  writeKubeconfig(join(folder, "kubeconfig"), { server: cluster.secureOrigin, root: authority.root, namespace: NAMESPACE, token: "deployer" });
  const releases = [["v1.0.0-stable", { version: "1" }], ["v1.1.0-stable", { version: "2" }], ["v0.9.0-stable", { version: "0", neverReady: true }]];
  for (const [tag, release] of releases) digests[tag] = await registry.push("shop/api", tag, release);
  const image = `${new URL(registry.origin).host}/shop/api:v1.1.0-stable`;
  const labels = { app: "api" };
  cluster.apply("secrets", { metadata: { name: "database-connection" }, type: "Opaque", data: { url: Buffer.from("old").toString("base64") } });
  cluster.apply("deployments", {
    metadata: { name: "api", labels },
    spec: { replicas: 2, progressDeadlineSeconds: 3, selector: { matchLabels: labels }, template: { metadata: { labels }, spec: { containers: [{ name: "api", image, env: [] }] } } },
  });
  await cluster.rolledOut("api");
}

async function openDatabases() {
  const port = await freePort();
  source = await DatabaseServer.create({ folder: place("source"), name: "source", host: "127.0.0.2", port });
  await source.query("create role app login password 'secret'");
  await source.query("create database app");
  const schema = `
    create table heartbeat (at timestamptz not null);
    insert into heartbeat values (clock_timestamp());
    create table orders (id int);
    insert into orders select generate_series(1, 5);
    grant all on all tables in schema public to app;
    create schema hubline;
    create table hubline.history (epoch serial);
    create function hubline.renew_epoch() returns void language sql as 'insert into hubline.history default values';`;
  await source.query(schema, [], "app");
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  const point = new Date();
  await source.query("insert into orders values (6); update heartbeat set at = clock_timestamp()", [], "app");
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  restored = await source.restored({ folder: place("restored"), name: "restored", host: "127.0.0.3", port }, point);
}

const connection = () => `postgres://app:secret@${source.host}:${source.port}/app`;

/** Runs a workflow to its end: its conclusion, and the step that failed. */
async function runs(file, inputs) {
  const workflow = new Workflow(file, readFileSync(join(WORKFLOWS, file), "utf8"));
  const all = { correlation: "run:step:1", environment: NAMESPACE, ...inputs };
  assert.equal(workflow.refusal(all), null);
  const variables = { DB_OWNER: "owner", DB_NAME: "app", DB_PORT: source.port, DB_SSLMODE: "disable", DB_HEARTBEAT_SECONDS: 1, DB_CONNECTION_REV: "r2", ROLLOUT_TIMEOUT: "20s" };
  const job = { id: (count += 1), repository: "shop/platform", origin: repository.folder, commit, workflow, inputs: workflow.completed(all), environment: NAMESPACE };
  const { conclusion, steps, log } = await runner.run({ ...job, secrets: { GITHUB_TOKEN: "t", DB_CONNECTION: connection() }, variables });
  return { id: job.id, conclusion, log, failed: steps.find((step) => step.conclusion === "failure")?.name };
}

const deploys = (tag, more = {}) => runs("deploy.yml", { application: "api", imageTag: tag, imageDigest: digests[tag], ...more });
const template = () => cluster.get("deployments", "api").spec.template;

test("an image is deployed by its digest", async () => {
  const { conclusion, log } = await deploys("v1.0.0-stable");
  assert.equal(conclusion, "success", log);
  assert.equal(template().spec.containers[0].image, `${new URL(registry.origin).host}/shop/api:v1.0.0-stable@${digests["v1.0.0-stable"]}`);
  assert.ok(cluster.serving("api").every(({ imageID }) => imageID.endsWith(digests["v1.0.0-stable"])));
});

test("what does not get ready ends the run, and what ran before is back", async () => {
  const before_ = template().spec.containers[0].image;
  const { conclusion, failed, log } = await deploys("v0.9.0-stable");
  assert.deepEqual([conclusion, failed], ["failure", "Wait for the rollout"], log);
  assert.equal(template().spec.containers[0].image, before_);
  await cluster.rolledOut("api");
});

test("a redeployment hands the connection over, and says with which it runs", async () => {
  const { conclusion, log } = await deploys("v1.0.0-stable", { databaseRevision: "r2" });
  assert.equal(conclusion, "success", log);
  assert.equal(template().metadata.annotations["hubline.dev/database-revision"], "r2");
  assert.equal(Buffer.from(cluster.get("secrets", "database-connection").data.url, "base64").toString(), connection());
  assert.ok(!log.includes("postgres://app:secret"), "the connection is in no log");
});

test("what was not asked for rightly is refused before anything is done", async () => {
  const before_ = JSON.stringify(template());
  for (const wrong of [{ databaseRevision: "r1" }, { imageDigest: "sha256:short" }, { imageTag: "a tag; rm" }]) {
    assert.equal((await deploys("v1.0.0-stable", wrong)).failed, "Check what is asked for", JSON.stringify(wrong));
  }
  assert.equal(JSON.stringify(template()), before_);
});

const isReadOnly = async (server) => (await server.query("show default_transaction_read_only", [], "app"))[0].default_transaction_read_only === "on";

test("writers are kept away, and it is proven that nobody writes", async () => {
  const client = setInterval(() => source.query("begin read write; update heartbeat set at = clock_timestamp(); commit", [], "app").catch(() => {}), 100);
  const stubborn = await runs("freeze.yml", { mode: "freeze" });
  clearInterval(client);
  assert.equal(stubborn.failed, "Confirm that nothing is written", "somebody writes all the same");
  const { conclusion, log } = await runs("freeze.yml", { mode: "freeze" });
  assert.equal(conclusion, "success", log);
  assert.ok(await isReadOnly(source));
});

test("a restored database is compared with its source, and made ready", async () => {
  const { id, conclusion, log } = await runs("verify-restore.yml", { server: restored.host, source: source.host, pointInTime: new Date().toISOString() });
  assert.equal(conclusion, "success", log);
  const found = JSON.parse(readFileSync(join(artifacts, String(id), "verification/verification.json"), "utf8"));
  assert.deepEqual(found.rowCounts["public.orders"], { source: 6, restored: 5 });
  assert.ok(Date.parse(found.heartbeat) < Date.parse(found.sourceHeartbeat));
  assert.deepEqual([found.schemaVersion, found.differences], [null, []]);
  assert.ok(await isReadOnly(restored), "its users are turned away as those of the source are");
  assert.equal((await restored.query("select 1 from hubline.history", [], "app")).length, 1, "the chat's history is another one");
  assert.equal((await runs("verify-restore.yml", { server: source.host, source: source.host, pointInTime: "now" })).failed, "Check what is asked for");
});

test("writers are let in again", async () => {
  const { conclusion, log } = await runs("freeze.yml", { mode: "thaw" });
  assert.equal(conclusion, "success", log);
  assert.equal(await isReadOnly(source), false);
});
