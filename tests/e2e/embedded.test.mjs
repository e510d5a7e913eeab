// Must hold: `hubline up` alone starts its own databases and finds its data again at the next start.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually } from "../system/eventually.mjs";
import { HUBLINE, Node, ROOT } from "../system/node.mjs";
import { Party } from "../system/party.mjs";
import { run } from "../system/program.mjs";
import { claims, hs256 } from "../system/tokens.mjs";

let folder;
let node;

before(() => {
  folder = mkdtempSync(join(tmpdir(), "hubline-embedded-"));
  chmodSync(folder, 0o755);
});
after(async () => {
  await node?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const hubline = (...args) => run(HUBLINE, args, { cwd: ROOT, env: { ...process.env, HUBLINE_DATA_DIR: join(folder, "data") } });

/** The programs that work on the data directory. */
async function programs() {
  const list = await run("ps", ["-eo", "pid,args"]);
  return list.split("\n").filter((line) => line.includes(folder) && /postgres|redis-server/.test(line));
}

test("starts from nothing, prints where to look, and keeps its data", async () => {
  node = await Node.start({ name: "main", folder: join(folder, "data"), variables: {} });
  const shown = await eventually(() => node.output.match(/http:\/\/\S+#demo=(\S+)/), { otherwise: () => node.output });
  assert.ok(shown[0].startsWith(`${node.origin}/#demo=`));
  const demo = JSON.parse(Buffer.from(shown[1], "base64url"));
  const customer = await Party.connect(node, demo.customer.token);
  const technician = await Party.connect(node, demo.technician.token);
  await technician.join(demo.serviceRequestId, 0);
  await customer.send(demo.serviceRequestId, "is anybody there?");
  await technician.receives(demo.serviceRequestId, 1);
  await Promise.all([customer, technician].map((party) => party.stop()));

  // People of operations, one of each role, for whoever only looks around.
  const operations = new URL(await eventually(() => node.output.match(/http:\/\/\S+\/operations#\S+/)?.[0], { otherwise: () => node.output }));
  const people = new URLSearchParams(operations.hash.slice(1)).getAll("token").map((token) => node.as(token));
  assert.equal(operations.origin, node.origin);
  const mayAsk = async (path) => Promise.all(people.map(async (person) => (await person.call("GET", path)).status));
  assert.deepEqual(await mayAsk("/ops/incidents"), [200, 200, 200, 200]);
  assert.deepEqual(await mayAsk("/ops/drills"), [200, 403, 200, 403]);
  assert.deepEqual(await mayAsk("/ops/audit/verify"), [403, 403, 200, 200]);
  const records = async () => (await people[2].call("GET", "/ops/audit/verify")).body.length;
  const granted = await records();

  // Tokens of the development key.
  const platform = (await hubline("token", "--sub", "platform", "--role", "platform")).trim();
  const token = (await hubline("token", "--sub", "carla", "--role", "customer", "--ttl", "10m")).trim();
  const report = { customerId: "carla", serviceCenterId: "north", status: "open" };
  assert.equal((await node.as(platform).report("sr-1", report)).status, 201);
  assert.equal((await node.as(token).send("sr-1", "kept")).status, 201);
  const { epoch } = (await node.as(token).read("sr-1")).body;

  assert.equal((await node.stop()).code, 0);
  assert.deepEqual(await programs(), [], "PostgreSQL and Redis ended with it");

  await node.start();
  const history = await node.as(token).history("sr-1");
  assert.deepEqual(history.map(({ body }) => body), ["kept"]);
  assert.equal((await node.as(token).send("sr-1", "and more")).body.seq, 2);
  assert.equal((await node.as(token).read("sr-1")).body.epoch, epoch);
  assert.equal(await records(), granted, "nobody is granted anew what they have");
});

test("where others can come in there is no demo, and nobody of it may be anything", async () => {
  const [token] = new URLSearchParams(node.output.match(/operations#(\S+)/)[1]).getAll("token");
  assert.equal((await node.as(token).call("GET", "/ops/incidents")).status, 200);
  await node.stop();
  const secret = "a secret of the operator, long enough for a signature";
  const open = await Node.start({ name: "open", folder: join(folder, "data"), variables: { jwt_secret: secret } });
  try {
    assert.doesNotMatch(open.output, /#demo=|operations#/);
    const olga = (sub) => open.as(hs256(claims({ sub, role: ["operator"] }), secret));
    assert.equal((await olga("demo-operator").call("GET", "/ops/incidents")).status, 403);
    const list = await hubline("principal", "list");
    assert.match(list, /^demo-operator: withdrawn$/m);
  } finally {
    await open.stop();
    await node.start();
  }
});

test("an `up` that listens beyond loopback prints nobody's token, development keys and all", async () => {
  const [token] = new URLSearchParams(node.output.match(/operations#(\S+)/)[1]).getAll("token");
  await node.stop();
  const open = await Node.start({ name: "open", address: "0.0.0.0", folder: join(folder, "data"), variables: {} });
  try {
    assert.equal((await open.as(token).call("GET", "/ops/incidents")).status, 403, "whoever has an old token is nobody");
    assert.match(open.output, /verified with a development key/);
    assert.ok(open.output.includes(`hubline is ready at http://0.0.0.0:${open.port}\n`), open.output);
    assert.doesNotMatch(open.output, /#demo=|operations#|eyJ/, "no address of a demo, and nothing that begins like a token");
  } finally {
    await open.stop();
    await node.start();
  }
});

test("finds its data after having been killed", async () => {
  await node.kill();
  await node.start();
  const token = (await hubline("token", "--sub", "carla", "--role", "customer")).trim();
  const history = await node.as(token).history("sr-1");
  assert.deepEqual(history.map(({ body }) => body), ["kept", "and more"]);
});

test("the same node a second time is refused clearly", async () => {
  const again = Node.start({ name: "main", folder: join(folder, "data"), variables: {} });
  await assert.rejects(again, /node `main` runs already with the data directory/);
  assert.ok(await node.isReady(), "the first goes on");
});

test("another node on the same data shares its databases, and takes them over when the first is killed", async () => {
  const other = await Node.start({ name: "other", folder: join(folder, "data"), variables: {} });
  const token = (await hubline("token", "--sub", "carla", "--role", "customer")).trim();
  assert.equal((await other.as(token).send("sr-1", "from the other")).body.seq, 3);
  await node.kill();
  await eventually(() => /taking over PostgreSQL/.test(other.output), { otherwise: () => other.output });
  await eventually(() => other.isReady());
  assert.equal((await other.as(token).send("sr-1", "on its own")).body.seq, 4);
  assert.equal((await other.stop()).code, 0);
  assert.deepEqual(await programs(), []);
});
