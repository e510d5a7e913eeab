// Must hold: what HTTP takes, the hub takes, however it is escaped; and what is too large is refused by itself.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { hubCode, Party } from "../system/party.mjs";
import { RawHub, SEPARATOR } from "../system/raw-hub.mjs";

let cluster;
let node;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
});
after(() => cluster?.stop());

/** Every character as an escape, as a cautious writer of JSON has it; Python's writes all but ASCII so. */
const escaped = (text) => `"${text.split("").map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`).join("")}"`;

/** The most that HTTP takes: 64 KB, by white space that does not count. */
const LARGEST = 64 * 1024;

/** `[name, the body as JSON, the text that is stored]` */
const BODIES = [
  ["4,000 letters", JSON.stringify("x".repeat(4000)), "x".repeat(4000)],
  ["4,000 letters, escaped", escaped("x".repeat(4000)), "x".repeat(4000)],
  ["4,000 emoji", JSON.stringify("👍".repeat(4000)), "👍".repeat(4000)],
  ["4,000 emoji, escaped", escaped("👍".repeat(4000)), "👍".repeat(4000)],
  ["4,000 quotes", JSON.stringify('"'.repeat(4000)), '"'.repeat(4000)],
  ["as much white space as there is room for", JSON.stringify(`${"\n".repeat(32_000)}x`), `${"\n".repeat(32_000)}x`],
];

for (const [name, json, text] of BODIES) {
  test(`${name}: over HTTP, over the hub, to the others and in the history`, async () => {
    const request = await cluster.open(node);
    const technician = await Party.connect(node, request.technician);
    await technician.join(request.id, 0);
    const form = () => `{"clientMessageId":"${crypto.randomUUID()}","body":${json}}`;
    const path = `/v1/service-requests/${request.id}/messages`;
    const posted = await node.as(request.customer).call("POST", path, { body: form() });
    assert.equal(posted.status, 201);
    const hub = await RawHub.shake(node, request.customer);
    hub.say(`{"arguments":["${request.id}",${form()}],"invocationId":"1","target":"SendMessage","type":1}${SEPARATOR}`);
    const { result, error } = JSON.parse(await hub.next());
    assert.equal(error, undefined);
    hub.end();
    await technician.receives(request.id, 2);
    const read = await node.as(request.customer).history(request.id);
    for (const message of [posted.body, result, ...technician.received(request.id), ...read]) assert.equal(message.body, text);
    assert.deepEqual(technician.seqs(request.id), [1, 2]);
    await technician.stop();
  });
}

test("the largest body of HTTP, to the byte", async () => {
  const request = await cluster.open(node);
  const form = (size) => {
    const rest = `{"clientMessageId":"${crypto.randomUUID()}","body":"x","padding":""}`;
    return rest.replace('""', `"${"p".repeat(size - rest.length)}"`);
  };
  const path = `/v1/service-requests/${request.id}/messages`;
  const post = (size) => node.as(request.customer).call("POST", path, { body: form(size) });
  assert.equal((await post(LARGEST)).status, 201);
  assert.equal((await post(LARGEST + 1)).status, 413);
  const hub = await RawHub.shake(node, request.customer);
  hub.say(`{"arguments":["${request.id}",${form(LARGEST)}],"invocationId":"1","target":"SendMessage","type":1}${SEPARATOR}`);
  assert.equal(JSON.parse(await hub.next()).result?.seq, 2);
  hub.end();
});

test("the official client goes on after what was too large, and loses nothing of what it sent beside", async () => {
  const request = await cluster.open(node);
  const customer = await Party.connect(node, request.customer);
  const technician = await Party.connect(node, request.technician);
  await Promise.all([customer.join(request.id, 0), technician.join(request.id, 0)]);
  const id = customer.connection.connectionId;
  const sizes = [1, 100_000, 10, 2_000_000, 100, 5_000_000, 1000];
  const outcomes = await Promise.allSettled(sizes.map((size) => customer.send(request.id, "x".repeat(size))));
  for (const [place, { status, value, reason }] of outcomes.entries()) {
    if (sizes[place] > 4000) assert.equal(hubCode(reason), "too_large");
    else assert.deepEqual([status, value?.body.length], ["fulfilled", sizes[place]]);
  }
  assert.equal(customer.connection.connectionId, id, "the same connection");
  await technician.receives(request.id, 4);
  assert.deepEqual(technician.received(request.id).map(({ body }) => body.length), [1, 10, 100, 1000]);
  await Promise.all([customer.stop(), technician.stop()]);
});
