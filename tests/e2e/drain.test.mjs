// Must hold: SIGTERM and Ctrl-C drain; no accepted message is lost, and clients are told to come back.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, range } from "../system/eventually.mjs";
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
