// Must hold: SIGTERM and Ctrl-C drain; no accepted message is lost, and clients are told to come back.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause, range } from "../system/eventually.mjs";
import { Party } from "../system/party.mjs";

let cluster;

before(async () => {
  cluster = await Cluster.start();
});
after(() => cluster?.stop());

for (const signal of ["SIGTERM", "SIGINT"]) {
  test(`${signal} under load`, async () => {
    const node = await cluster.node(signal.toLowerCase());
    const request = await cluster.open(node);
    const people = await Promise.all(
      [request.customer, request.technician].map((token) => Party.connect(node, token, { reconnect: true })),
    );
    for (const person of people) await person.join(request.id, 0);
    let told = 0;
    people.forEach(({ connection }) => connection.onreconnecting(() => (told += 1)));

    const acknowledged = [];
    let refused = 0;
    let over = false;
    const voices = people.flatMap((person) =>
      range(1, 16).map(async () => {
        while (!over) {
          try {
            acknowledged.push(await person.send(request.id, "text"));
          } catch {
            refused += 1;
            await new Promise(setImmediate);
          }
        }
      }),
    );
    const posting = (async () => {
      while (!over) {
        const answer = await node.as(request.center).send(request.id, "posted").catch(() => null);
        if (answer?.status === 201) acknowledged.push(answer.body);
      }
    })();
    await eventually(() => acknowledged.length > 500);
    const begin = performance.now();
    const ended = node.stop(signal);
    const { code } = await ended;
    const took = performance.now() - begin;
    over = true;
    await Promise.all([...voices, posting]);

    assert.equal(code, 0);
    assert.ok(took < 15_000, `draining took ${took} ms`);
    assert.ok(refused > 0, "the load went on until the end");
    assert.equal(told, 2, "both were told to come back");
    await Promise.all(people.map((person) => person.stop()));

    await node.start();
    const history = await node.as(request.customer).history(request.id);
    assert.deepEqual(history.map(({ seq }) => seq), range(1, history.length));
    const stored = new Set(history.map(({ id }) => id));
    assert.deepEqual(acknowledged.filter(({ id }) => !stored.has(id)), []);
    await node.stop();
  });
}

/** Asks until the process says that it isn't ready, and gives how long that took, in milliseconds. */
async function turnsAway(origin) {
  const begin = performance.now();
  await eventually(async () => (await fetch(`${origin}/readyz`)).status === 503);
  return performance.now() - begin;
}

test("balancers are told first, and clients are served and taken meanwhile", async () => {
  const node = await cluster.node("balanced", { variables: { drain_wait: "2", drain_spread: "0" } });
  const request = await cluster.open(node);
  const before = await Party.connect(node, request.customer);
  await before.join(request.id, 0);
  let closed = false;
  before.connection.onclose(() => (closed = true));
  const begin = performance.now();
  const ended = node.stop();
  assert.ok((await turnsAway(node.origin)) < 1_500, "readyz says so at once");
  const during = await Party.connect(node, request.technician);
  await during.join(request.id, 0);
  await before.send(request.id, "during the wait");
  await during.receives(request.id, 1);
  assert.equal((await node.as(request.center).send(request.id, "posted")).status, 201);
  assert.equal(closed, false);
  assert.equal((await ended).code, 0);
  assert.ok(performance.now() - begin >= 1_900, "it went on for as long as it was told to");
});

test("clients are sent away one after another, and all of them", async () => {
  const node = await cluster.node("spread", { variables: { drain_spread: "1" } });
  const request = await cluster.open(node);
  const people = await Promise.all(range(1, 40).map(() => Party.connect(node, request.customer)));
  const gone = [];
  people.forEach(({ connection }) => connection.onclose(() => gone.push(performance.now())));
  await node.stop();
  await eventually(() => gone.length === 40);
  gone.sort((one, other) => one - other);
  assert.ok(gone[39] - gone[0] > 400, `all within ${gone[39] - gone[0]} ms`);
  assert.ok(gone.filter((time) => time - gone[0] < 100).length < 20, "no more than some at one time");
});

test("functions and relays that run apart do the same", async () => {
  const variables = { drain_wait: "1.5", drain_spread: "0" };
  const { functions, relay } = await cluster.apart({ node: "apart", variables });
  const request = await cluster.open(relay);
  for (const process of [relay, functions]) {
    const begin = performance.now();
    const ended = process.stop();
    assert.ok((await turnsAway(process.origin)) < 1_200);
    assert.equal((await process.as(request.platform).read(request.id)).status, 200, "it goes on for a while");
    assert.equal((await ended).code, 0);
    assert.ok(performance.now() - begin >= 1_400);
  }
});

test("a second order ends it at once", async () => {
  const node = await cluster.node("hurried", { variables: { drain_wait: "600" } });
  const ended = node.stop();
  await turnsAway(node.origin);
  await pause(100);
  node.signal("SIGTERM");
  const begin = performance.now();
  assert.equal((await ended).code, 0);
  assert.ok(performance.now() - begin < 5_000);
});
