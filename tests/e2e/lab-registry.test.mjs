// Must hold: the lab's Azure registry is one for Azure's own client, and what it lists is what the real registry has.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Acr } from "../lab/acr.mjs";
import { Entra } from "../lab/entra.mjs";
import { python } from "../lab/python.mjs";
import { Registry } from "../lab/registry.mjs";

const APPLICATION = { tenant: "contoso", clientId: "hubline", clientSecret: "a secret" };
const folder = mkdtempSync(join(tmpdir(), "hubline-test-"));

let registry;
let entra;
let acr;

before(async () => {
  [registry, entra] = await Promise.all([Registry.start(folder), Entra.start(APPLICATION)]);
  acr = await Acr.start(registry, entra);
});
after(async () => {
  await Promise.all([registry?.stop(), entra?.stop(), acr?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

function list(repository, secret = APPLICATION.clientSecret) {
  return python("acr.py", acr.origin, entra.origin, APPLICATION.tenant, APPLICATION.clientId, secret, repository);
}

test("Azure's client lists tags newest first, page by page, after a challenge and an exchange", async () => {
  const digests = {};
  for (const [age, tag] of [[3, "v1.0.0-stable"], [2, "v1.1.0"], [1, "v1.2.0-stable"]]) {
    const at = new Date(Date.now() - age * 3_600_000);
    digests[tag] = await registry.push("shop/api", tag, { version: tag }, { at });
  }
  const pages = await list("shop/api");
  const expected = [["v1.2.0-stable", "v1.1.0"], ["v1.0.0-stable"]];
  assert.deepEqual(pages.map((page) => page.map(({ name }) => name)), expected);
  for (const { name, digest } of pages.flat()) assert.equal(digest, digests[name]);
  const paths = acr.asked.map(({ path, status }) => `${path} ${status}`);
  const first = ["/acr/v1/shop/api/_tags 401", "/oauth2/exchange 200", "/oauth2/token 200", "/acr/v1/shop/api/_tags 200"];
  assert.deepEqual(paths.slice(0, 4), first);
});

test("a repository that is not there is said to be unknown", async () => {
  const answer = await list("shop/nothing");
  assert.equal(answer.status, 404);
  assert.match(answer.message, /NAME_UNKNOWN/);
});

test("who may log in and not read is refused", async () => {
  acr.denied = true;
  const answer = await list("shop/api");
  acr.denied = false;
  assert.equal(answer.status, 401);
});

test("an image is what was pushed, by digest, and another release is another image", async () => {
  const good = await registry.push("shop/web", "v1", { latency: 20 });
  const bad = await registry.push("shop/web", "v2", { latency: 650 });
  assert.notEqual(good, bad);
  assert.deepEqual(await registry.pull("shop/web", good), { latency: 20 });
  assert.deepEqual(await registry.pull("shop/web", bad), { latency: 650 });
  assert.equal(await registry.digest("shop/web", "v2"), bad);
});
