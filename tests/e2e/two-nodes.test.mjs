// Must hold: nodes on the same databases form one system, and none depends on another or on what Redis says.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause, range } from "../system/eventually.mjs";
import { Party } from "../system/party.mjs";
import { Talker } from "../system/talker.mjs";

/** How often a node's fan-out was woken, as its metrics tell. */
const woken = (node) => node.metric("hubline_function_calls_total", 'component="message-fanout"');

let cluster;
let a;
let b;

before(async () => {
  cluster = await Cluster.start();
  [a, b] = await Promise.all([cluster.node("a"), cluster.node("b")]);
});
after(() => cluster?.stop());

async function joined(node, token, request) {
  const party = await Party.connect(node, token);
  await party.join(request.id, 0);
  return party;
}

test("parties on different nodes talk", async () => {
  const request = await cluster.open(a);
  const customer = await joined(a, request.customer, request);
  const technician = await joined(b, request.technician, request);
  const before = await woken(b);
  await Promise.all(range(1, 200).flatMap((count) => [
    customer.send(request.id, `customer ${count}`),
    technician.send(request.id, `technician ${count}`),
  ]));
  await customer.receives(request.id, 200);
  await technician.receives(request.id, 200);
  const history = await b.as(request.center).history(request.id);
  assert.deepEqual(history.map(({ seq }) => seq), range(1, 400));
  const saidBy = (user) => history.filter(({ senderId }) => senderId === user);
  assert.deepEqual(customer.received(request.id), saidBy(request.technicianId));
  assert.deepEqual(technician.received(request.id), saidBy(request.customerId));
  assert.ok((await woken(b)) > before, "the other node was rung");
  await Promise.all([customer, technician].map((party) => party.stop()));
});

test("the other node is rung at once, and not found by a sweep", async () => {
  const request = await cluster.open(a);
  const customer = await joined(a, request.customer, request);
  const technician = await joined(b, request.technician, request);
  const took = [];
  for (const count of range(1, 21)) {
    const began = performance.now();
    await customer.send(request.id, `text ${count}`);
    await technician.receives(request.id, count);
    took.push(performance.now() - began);
  }
  // Sweeps are two seconds apart, so by sweeps alone half of the messages would take a second and more.
  const median = took.toSorted((one, other) => one - other)[10];
  assert.ok(median < 300, `${median} ms`);
  await Promise.all([customer, technician].map((party) => party.stop()));
});

test("a conversation of one node does not wake the other's fan-out", async () => {
  const request = await cluster.open(a);
  const customer = await joined(a, request.customer, request);
  const technician = await joined(a, request.technician, request);
  await pause(300); // What still rings from the test before.
  const before = await woken(b);
  const rung = [];
  const stop = await cluster.redis.record("hubline.node.*", rung);
  for (const count of range(1, 20)) await customer.send(request.id, `text ${count}`);
  await a.as(request.technician).send(request.id, "by post, here");
  await b.as(request.technician).send(request.id, "by post, there");
  await technician.receives(request.id, 22);
  await pause(300);
  assert.equal(await woken(b), before);
  assert.deepEqual(rung.filter(({ channel }) => channel.endsWith(".b")), []);
  // A post has no relay of its own that would deliver it: the holding node is rung.
  assert.equal(rung.length, 2);
  stop();
  await Promise.all([customer, technician].map((party) => party.stop()));
});

test("a killed node loses nothing", async () => {
  const request = await cluster.open(b);
  const c = await cluster.node("c");
  const customer = await Talker.join([c, b], request, request.customer);
  const technician = await Talker.join([b], request, request.technician);
  customer.talk("customer");
  technician.talk("technician");
  await eventually(() => technician.received.length > 100);
  await c.kill();
  const before = customer.acknowledged.length;
  await eventually(() => customer.acknowledged.length > before + 100, { patience: 20_000 });
  await Promise.all([customer.quiet(), technician.quiet()]);

  const history = await b.as(request.center).history(request.id);
  assert.deepEqual(history.map(({ seq }) => seq), range(1, customer.said + technician.said));
  for (const talker of [customer, technician]) {
    const known = () => new Set([...talker.received, ...talker.acknowledged].map(({ seq }) => seq));
    await eventually(() => known().size === history.length);
    const seqs = talker.received.map(({ seq }) => seq);
    assert.deepEqual(seqs, [...new Set(seqs)].sort((one, other) => one - other));
  }
  await Promise.all([customer, technician].map((talker) => talker.stop()));
});

test("an event forged or replayed into Redis changes nothing", async () => {
  const request = await cluster.open(a);
  const customer = await joined(a, request.customer, request);
  const technicianToken = request.technician;
  const technician = await joined(b, technicianToken, request);
  const rung = [];
  const stop = await cluster.redis.record("hubline.node.b", rung);
  await customer.send(request.id, "the real one");
  await technician.receives(request.id, 1);
  await eventually(() => rung.some(({ payload }) => payload.includes("the real one")));
  const [real] = rung.filter(({ payload }) => payload.includes("the real one")).map(({ payload }) => payload);
  assert.equal(real.subarray(65).toString(), real.toString().slice(65), "a MAC, a dot, and JSON");
  const json = JSON.parse(real.subarray(65));
  const mac = (text, key) => createHmac("sha256", key).update(text).digest("hex");
  assert.equal(real.subarray(0, 64).toString(), mac(real.subarray(65), cluster.deliveryKey));

  // A successor is assigned: what was true of the old technician is not any more.
  await request.report(a, { technicianId: `successor-${request.id}` });
  await technician.hears("OnRemoved");
  const successor = await joined(b, request.technician, request);
  await successor.receives(request.id, 1);

  const altered = structuredClone(json);
  altered.conversations[0].messages[0] = { ...altered.conversations[0].messages[0], seq: 2, body: "a lie" };
  altered.conversations[0].version += 1_000;
  const text = JSON.stringify(altered);
  const forged = [
    text,
    `${mac(text, "another key")}.${text}`,
    `${real.subarray(0, 64)}.${text}`,
    `${mac(real.subarray(65), cluster.deliveryKey).toUpperCase()}.${real.subarray(65)}`,
    `.${text}`,
    "",
    "garbage",
    Buffer.from([0xff, 0xfe, 0x00, 0x01]),
    "x".repeat(2_000_000),
    "{}",
    `${mac("{}", cluster.deliveryKey)}.{}`,
  ];
  // Real ones: again, again much later, and for another node.
  const elsewhere = JSON.stringify({ ...altered, to: "a" });
  const replayed = [real, real, `${mac(elsewhere, cluster.deliveryKey)}.${elsewhere}`];
  const relay = (name) => b.metric(`hubline_relay_${name}_total`);
  const [refused, taken, called] = [await relay("events_refused"), await relay("events"), await woken(b)];
  await cluster.redis.use(async (redis) => {
    for (const payload of [...forged, ...replayed]) await redis.publish("hubline.node.b", payload);
  });
  // All of them came to the relay. It refused every forged one and the one for another node; the last forged one bears its
  // own key's signature and says nothing; and the two that it took are the real one, whose news is old.
  await eventually(async () => (await woken(b)) - called >= forged.length + replayed.length);
  await eventually(async () => (await relay("events_refused")) - refused === forged.length, {
    otherwise: () => "not every forged event was refused",
  });
  assert.ok((await relay("events")) - taken >= 2);
  await pause(1_000);
  assert.equal((await relay("events_refused")) - refused, forged.length);
  assert.deepEqual(successor.received(request.id).map(({ body }) => body), ["the real one"]);
  assert.equal(technician.received(request.id).length, 1, "the old technician hears nothing again");
  assert.deepEqual(successor.eventsOf("OnRemoved"), []);
  assert.equal(technician.eventsOf("OnServiceRequestChanged").length, 0);

  // And nothing is broken.
  await customer.send(request.id, "still here?");
  await successor.receives(request.id, 2);
  const reply = await successor.send(request.id, "still here");
  await customer.receives(request.id, 1);
  assert.equal(reply.seq, 3);
  const history = await a.as(request.customer).history(request.id);
  assert.deepEqual(history.map(({ body }) => body), ["the real one", "still here?", "still here"]);
  stop();
  await Promise.all([customer, technician, successor].map((party) => party.stop()));
});
