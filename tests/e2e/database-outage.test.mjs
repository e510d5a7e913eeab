// Must hold: without the database a send fails soon and clearly, and when it is back everything works by itself.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause } from "../system/eventually.mjs";
import { Party, refusalOf } from "../system/party.mjs";

let cluster;
let node;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
});
after(() => cluster?.stop());

/** Runs and gives the answer with the milliseconds that it took. */
async function timed(work) {
  const begin = performance.now();
  const answer = await work();
  return { answer, took: performance.now() - begin };
}

test("PostgreSQL stops, and starts again", async () => {
  const request = await cluster.open(node);
  const customer = await Party.connect(node, request.customer);
  const technician = await Party.connect(node, request.technician);
  await customer.join(request.id, 0);
  await technician.join(request.id, 0);
  await customer.send(request.id, "before");
  await technician.receives(request.id, 1);
  const late = await Party.connect(node, request.center);

  await cluster.postgres.stop();
  const id = crypto.randomUUID();
  const hub = await timed(() => refusalOf(customer.send(request.id, "during", id)));
  assert.equal(hub.answer, "unavailable");
  assert.ok(hub.took < 5_000, `the hub took ${hub.took} ms`);
  const posted = await timed(() => node.as(request.customer).send(request.id, "during, posted"));
  assert.equal(posted.answer.status, 503);
  assert.equal(posted.answer.body.code, "unavailable");
  assert.match(posted.answer.headers.get("retry-after"), /^\d+$/);
  assert.ok(posted.took < 5_000, `the post took ${posted.took} ms`);
  // Many at once are refused as soon as one.
  const many = await timed(() => Promise.all(Array.from({ length: 100 }, () => refusalOf(technician.send(request.id, "many")))));
  assert.ok(many.answer.every((code) => code === "unavailable"), `refused with ${new Set(many.answer)}`);
  assert.ok(many.took < 5_000, `100 sends took ${many.took} ms`);
  assert.equal((await node.as(request.customer).page(request.id)).body.code, "unavailable");
  assert.equal((await node.as(request.customer).read(request.id)).body.code, "unavailable");
  assert.equal(await refusalOf(late.join(request.id, 0)), "unavailable");
  await eventually(async () => !(await node.isReady()), { otherwise: () => "readyz says that it is ready" });
  assert.equal((await fetch(`${node.origin}/healthz`)).status, 200);
  await pause(500);
  assert.deepEqual(technician.received(request.id).map(({ body }) => body), ["before"]);

  await cluster.postgres.start();
  await eventually(() => node.isReady(), { otherwise: () => "readyz says that it is not ready" });
  const sent = await eventually(() => customer.send(request.id, "during", id).catch(() => null));
  assert.equal(sent.seq, 2);
  await technician.receives(request.id, 2);
  // None of the hundred comes again, so what comes after them is taken as soon as their sender could know of all refusals.
  const reply = await eventually(() => technician.send(request.id, "after").catch(() => null));
  await customer.receives(request.id, 1);
  assert.deepEqual(technician.received(request.id).map(({ body }) => body), ["before", "during"]);
  assert.deepEqual(customer.received(request.id).at(-1), reply);
  const history = await node.as(request.center).history(request.id);
  assert.deepEqual(history.map(({ body }) => body), ["before", "during", "after"]);

  const joined = await late.join(request.id, 0);
  assert.equal(joined.lastSeq, 3);
  await late.receives(request.id, 3);
  await Promise.all([customer, technician, late].map((party) => party.stop()));
});
