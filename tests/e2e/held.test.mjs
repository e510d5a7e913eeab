// Must hold: a row that somebody locks makes its own message wait, and nobody else's.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import { Cluster } from "../system/cluster.mjs";
import { range } from "../system/eventually.mjs";
import { Party } from "../system/party.mjs";

/** How long a row is locked, in milliseconds. */
const LOCKED = 4_000;

/** What others may take while it is: far less than that, and much for a machine that does other things as well. */
const AT_MOST = 1_500;

let cluster;
let node;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
});
after(() => cluster?.stop());

/** Locks rows in one transaction, and lets go of them after a while. */
async function lock(requests) {
  const client = new pg.Client({ connectionString: cluster.databaseUrl });
  await client.connect();
  await client.query("begin");
  const rows = "select from hubline.service_request where id = any ($1) for update";
  await client.query(rows, [requests.map(({ id }) => id)]);
  const began = performance.now();
  const released = new Promise((resolve) => setTimeout(resolve, LOCKED)).then(async () => {
    await client.query("commit");
    await client.end();
  });
  return { began, released };
}

/** Conversations of one customer, who has a connection. */
async function customerOf(conversations) {
  const customerId = `customer-${crypto.randomUUID()}`;
  const requests = await Promise.all(range(1, conversations).map(() => cluster.open(node, { customerId })));
  const party = await Party.connect(node, requests[0].customer);
  return { requests, party };
}

/** Sends one message to each, all at once, and gives for each its number and how long it took since `began`. */
function sendToAll(party, requests, began) {
  return requests.map(async (request) => {
    const { seq } = await party.send(request.id, "hello");
    return { seq, took: performance.now() - began };
  });
}

test("of 64 messages at once the one whose row is locked waits, and the 63 don't", async () => {
  const { requests, party } = await customerOf(64);
  await Promise.all(sendToAll(party, requests, performance.now()));
  const { began, released } = await lock(requests.slice(0, 1));
  const [held, ...others] = sendToAll(party, requests, began);
  for (const { seq, took } of await Promise.all(others)) {
    assert.equal(seq, 2);
    assert.ok(took < AT_MOST, `${took} ms`);
  }
  // And what the sender says there next stays behind it.
  const next = party.send(requests[0].id, "and another");
  const { seq, took } = await held;
  assert.equal(seq, 2);
  assert.ok(took >= LOCKED - 50, `${took} ms: it was not locked`);
  assert.equal((await next).seq, 3);
  await released;
  await party.stop();
});

test("a dozen locked rows and more than there are lanes hold up nobody else", async () => {
  const { requests, party } = await customerOf(40);
  const { began, released } = await lock(requests.slice(0, 12));
  const held = sendToAll(party, requests.slice(0, 12), began);
  for (const turn of range(1, 5)) {
    const results = await Promise.all(sendToAll(party, requests.slice(12), performance.now()));
    for (const { seq, took } of results) {
      assert.equal(seq, turn);
      assert.ok(took < AT_MOST, `${took} ms`);
    }
  }
  assert.ok(performance.now() - began < LOCKED, "all that happened while they were locked");
  for (const { seq } of await Promise.all(held)) assert.equal(seq, 1);
  await released;
  await party.stop();
});
