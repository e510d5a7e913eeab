// Must hold: the keys by which the parts know each other are exchanged while people talk, node by node, and nothing is lost.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause, range } from "../system/eventually.mjs";
import { Party, refusalOf } from "../system/party.mjs";
import { freePort } from "../system/port.mjs";
import { Talker } from "../system/talker.mjs";

const newKey = () => randomBytes(32).toString("hex");

let cluster;

before(async () => (cluster = await Cluster.start()));
after(() => cluster?.stop());

/** Everything that was said is there once, and everybody has it. */
async function assertComplete(talkers, history) {
  const said = talkers.reduce((sum, talker) => sum + talker.said, 0);
  assert.deepEqual(history.map(({ seq }) => seq), range(1, said));
  for (const talker of talkers) {
    const known = () => new Set([...talker.received, ...talker.acknowledged].map(({ seq }) => seq));
    await eventually(() => known().size === history.length, { otherwise: () => String(talker) });
    const seqs = talker.received.map(({ seq }) => seq);
    assert.deepEqual(seqs, [...new Set(seqs)].sort((one, other) => one - other), "in order, each once");
  }
}

test("two nodes exchange both keys one after the other, under traffic", async () => {
  const keys = { relay_key: newKey(), delivery_key: newKey() };
  const both = { relay_key: `${keys.relay_key},${cluster.relayKey}`, delivery_key: `${keys.delivery_key},${cluster.deliveryKey}` };
  const ports = { a: await freePort(), b: await freePort() };
  const nodes = { a: await cluster.node("a", { port: ports.a }), b: await cluster.node("b", { port: ports.b }) };
  const request = await cluster.open(nodes.a);
  // One on either node: what one says reaches the other by a ring, and by no other way sooner than a sweep.
  const addresses = Object.entries(ports).map(([name, port]) => ({ name, hubUrl: `http://127.0.0.1:${port}/hubs/chat` }));
  const customer = await Talker.join(addresses, request, request.customer);
  const technician = await Talker.join([...addresses].reverse(), request, request.technician);
  const talkers = [customer, technician];
  talkers.forEach((talker) => talker.talk("text", 2));

  const restart = async (name, variables) => {
    await nodes[name].stop();
    nodes[name] = await cluster.node(name, { port: ports[name], variables });
  };
  // Whoever listens on one node hears at once what is posted at the other, whichever keys the two have by then.
  const assertRung = async (stage) => {
    for (const [from, to] of [["a", "b"], ["b", "a"]]) {
      const listener = await Party.connect(nodes[to], request.center);
      await listener.join(request.id);
      const count = () => listener.received(request.id).filter(({ body }) => body === stage).length;
      const took = [];
      for (const time of range(1, 5)) {
        const began = performance.now();
        const [code, status] = await nodes[from].as(request.customer).send(request.id, stage).then(({ status, body }) => [body.code, status]);
        assert.equal(status, 201, code);
        await eventually(() => count() >= time, { otherwise: () => `${stage}: nothing came from ${from} to ${to}` });
        took.push(performance.now() - began);
      }
      customer.said += 5;
      took.sort((one, other) => one - other);
      assert.ok(took[2] < 800, `${stage}: from ${from} to ${to} it took ${took} ms, which is a sweep and no ring`);
      await listener.stop();
    }
  };

  await assertRung("before");
  for (const [stage, name, variables] of [
    ["a knows both", "a", both],
    ["a and b know both", "b", both],
    ["a knows the new ones", "a", keys],
    ["a and b know the new ones", "b", keys],
  ]) {
    await restart(name, variables);
    await assertRung(stage);
  }
  await Promise.all(talkers.map((talker) => talker.quiet()));
  for (const node of Object.values(nodes)) assert.equal(await node.metric("hubline_relay_events_refused_total"), 0);
  await assertComplete(talkers, await nodes.a.as(request.center).history(request.id));
  await Promise.all(talkers.map((talker) => talker.stop()));
  await Promise.all(Object.values(nodes).map((node) => node.stop()));
});

test("a connection id of one node opens a connection on the other while they have different keys", async () => {
  const [delivery_key, old] = [newKey(), cluster.deliveryKey];
  const known = { old, both: `${delivery_key},${old}`, new: delivery_key };
  const nodes = {};
  for (const [name, key] of Object.entries(known)) nodes[name] = await cluster.node(name, { variables: { delivery_key: key } });
  const request = await cluster.open(nodes.old);
  for (const [from, to, opens] of [["old", "both", true], ["both", "old", true], ["both", "new", true], ["new", "both", true], ["old", "new", false]]) {
    const negotiated = await nodes[from].as(request.customer).call("POST", "/hubs/chat/negotiate?negotiateVersion=1");
    const id = negotiated.body.connectionToken;
    const answer = await nodes[to].as(request.customer).call("GET", `/hubs/chat?id=${id}`, { headers: { connection: "keep-alive" } });
    // Without an upgrade an id that is known is answered 404 too, so the socket itself has to be tried.
    assert.ok(answer.status >= 400);
    const socket = new WebSocket(`${nodes[to].hubUrl.replace("http", "ws")}?id=${id}&access_token=${request.customer}`);
    const opened = await new Promise((resolve) => {
      socket.onopen = () => resolve(true);
      socket.onerror = () => resolve(false);
    });
    socket.close();
    assert.equal(opened, opens, `${from} to ${to}`);
  }
  await Promise.all(Object.values(nodes).map((node) => node.stop()));
});

test("functions and relay exchange the relay's key in either order; one that is refused says so and nobody is told to sign in again", async () => {
  const { functions, relay, beside } = await cluster.apart();
  const request = await cluster.open(relay);
  const stranger = await beside("stranger", await freePort(), { relay_key: newKey() });
  const customer = await Party.connect(stranger, request.customer);
  for (const attempt of [customer.join(request.id, 0), customer.send(request.id, "let me in")]) {
    assert.equal(await refusalOf(attempt), "unavailable");
  }
  const readiness = async () => {
    const answer = await fetch(`${stranger.origin}/readyz`);
    return [answer.status, (await answer.json()).detail];
  };
  const [status, detail] = await readiness();
  assert.equal(status, 503);
  assert.match(detail, /refuse this relay's key/);
  assert.match(stranger.output, /refuse this relay's key/);
  await customer.stop();
  await stranger.stop();

  // The relay first: it shows the new key, and the old one when that is refused.
  const first = await beside("first", await freePort(), { relay_key: `${newKey()},${cluster.relayKey}` });
  const technician = await Party.connect(first, request.technician);
  await technician.join(request.id, 0);
  assert.equal((await technician.send(request.id, "hello")).seq, 1);
  assert.equal((await fetch(`${first.origin}/readyz`)).status, 200);
  assert.doesNotMatch(first.output, /refuse this relay's key/);
  await technician.stop();
  await first.stop();
  assert.equal((await fetch(`${functions.origin}/readyz`)).status, 200);
  await pause(0);
});
