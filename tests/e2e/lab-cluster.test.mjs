// Must hold: the lab's cluster is one for the real kubectl, and a deployment's pods are processes of its image.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { ClusterApi } from "../lab/cluster-api.mjs";
import { kubectl, writeKubeconfig } from "../lab/kubectl.mjs";
import { eventually } from "../system/eventually.mjs";
import { Authority } from "../system/authority.mjs";
import { Registry } from "../lab/registry.mjs";

const NAMESPACE = "shop";
const folder = mkdtempSync(join(tmpdir(), "hubline-test-"));

let registry;
let api;
let writer;
let reader;
const images = {};

before(async () => {
  registry = await Registry.start(folder);
  api = await ClusterApi.start(registry, { namespace: NAMESPACE, tokens: { deployer: "write", hubline: "read" } });
  const authority = await Authority.make(folder);
  await api.listenSecurely(authority);
  const config = (token) => ({ server: api.secureOrigin, root: authority.root, namespace: NAMESPACE, token });
  writer = writeKubeconfig(join(folder, "writer"), config("deployer"));
  reader = writeKubeconfig(join(folder, "reader"), config("hubline"));
  const host = new URL(registry.origin).host;
  for (const [tag, release] of [["v1", { version: "1" }], ["v2", { version: "2" }], ["v3", { version: "3", neverReady: true }]]) {
    images[tag] = `${host}/shop/api@${await registry.push("shop/api", tag, release)}`;
  }
  api.apply("deployments", {
    metadata: { name: "api", labels: { app: "api" } },
    spec: {
      replicas: 2,
      progressDeadlineSeconds: 2,
      selector: { matchLabels: { app: "api" } },
      template: { metadata: { labels: { app: "api" } }, spec: { containers: [{ name: "api", image: images.v1, env: [] }] } },
    },
  });
  await api.rolledOut("api");
});
after(async () => {
  await Promise.all([api?.stop(), registry?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

async function succeeds(...args) {
  const { code, output } = await kubectl(writer, ...args);
  assert.equal(code, 0, output);
  return output;
}

const versions = () =>
  Promise.all(api.serving("api").map(async ({ origin }) => (await (await fetch(`${origin}/version`)).json()).version));

test("pods are there, and who may only read, reads", async () => {
  const { code, output } = await kubectl(reader, "get", "pods", "-l", "app=api", "-o", "json");
  assert.equal(code, 0, output);
  const pods = JSON.parse(output).items;
  assert.equal(pods.length, 2);
  for (const { status } of pods) {
    assert.equal(status.containerStatuses[0].imageID, images.v1);
    assert.equal(status.containerStatuses[0].ready, true);
  }
  const refused = await kubectl(reader, "set", "image", "deployment/api", `api=${images.v2}`);
  assert.notEqual(refused.code, 0);
  assert.match(refused.output, /forbidden/);
});

test("kubectl sets another image, waits for its rollout, and undoes it", async () => {
  await succeeds("set", "image", "deployment/api", `api=${images.v2}`);
  assert.match(await succeeds("rollout", "status", "deployment/api", "--timeout=20s"), /successfully rolled out/);
  assert.deepEqual(await versions(), ["2", "2"]);
  await succeeds("rollout", "undo", "deployment/api");
  await succeeds("rollout", "status", "deployment/api", "--timeout=20s");
  assert.deepEqual(await versions(), ["1", "1"]);
  assert.match(await succeeds("rollout", "history", "deployment/api"), /3/);
});

test("what never gets ready fails the rollout, and the old pods serve on", async () => {
  await succeeds("set", "image", "deployment/api", `api=${images.v3}`);
  const { code, output } = await kubectl(writer, "rollout", "status", "deployment/api", "--timeout=20s");
  assert.equal(code, 1);
  assert.match(output, /exceeded its progress deadline/);
  assert.deepEqual(await versions(), ["1", "1"]);
  await succeeds("rollout", "undo", "deployment/api");
  await succeeds("rollout", "status", "deployment/api", "--timeout=20s");
});

test("kubectl scales, sets the environment, and keeps secrets", async () => {
  await succeeds("scale", "deployment/api", "--replicas=1");
  await succeeds("rollout", "status", "deployment/api", "--timeout=20s");
  assert.deepEqual(await versions(), ["1"]);
  await succeeds("create", "secret", "generic", "connection", "--from-literal=url=postgres://somewhere");
  assert.equal(Buffer.from(api.get("secrets", "connection").data.url, "base64").toString(), "postgres://somewhere");
  const changed = { apiVersion: "v1", kind: "Secret", metadata: { name: "connection" }, stringData: { url: "postgres://elsewhere" } };
  const file = join(folder, "secret.json");
  for (const verb of ["apply", "replace"]) {
    changed.stringData.url += `/${verb}`;
    writeFileSync(file, JSON.stringify(changed));
    await succeeds(verb, "-f", file);
    assert.equal(Buffer.from(api.get("secrets", "connection").data.url, "base64").toString(), changed.stringData.url);
  }
  await succeeds("set", "env", "deployment/api", "DATABASE_URL=postgres://db.example/app");
  await eventually(() => api.live.length === 2, { patience: 20_000 });
  const answers = await Promise.all(api.live.map(async ({ origin }) => (await (await fetch(`${origin}/version`)).json()).database));
  assert.deepEqual(answers.sort(), ["db.example", null]);
});
