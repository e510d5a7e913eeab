// Must hold: a node that is killed under load loses nothing that it acknowledged, and clients catch up by themselves.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause, range } from "../system/eventually.mjs";
import { Talker } from "../system/talker.mjs";

const CONVERSATIONS = 8;

let cluster;
let node;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
});
after(() => cluster?.stop());

/** All that a client has: what came, and the answers to its own sends. */
function knownTo(talker) {
  const known = new Map();
  for (const message of [...talker.received, ...talker.acknowledged]) known.set(message.seq, message);
  return range(1, known.size).map((seq) => known.get(seq));
}

test("hubline is killed under load, twice, and started again", async () => {
  const rooms = [];
  for (let count = 0; count < CONVERSATIONS; count += 1) {
    const request = await cluster.open(node);
    const customer = await Talker.join([node], request, request.customer);
    const technician = await Talker.join([node], request, request.technician);
    rooms.push({ request, talkers: [customer, technician] });
  }
  const everybody = rooms.flatMap(({ talkers }) => talkers);
  everybody.forEach((talker) => talker.talk("text"));
  const acknowledged = () => everybody.reduce((sum, talker) => sum + talker.acknowledged.length, 0);

  for (let round = 1; round <= 2; round += 1) {
    const before = acknowledged();
    await eventually(() => acknowledged() > before + 500, { patience: 20_000, otherwise: () => "nothing is said" });
    await node.kill();
    await pause(300);
    await node.start();
  }
  const before = acknowledged();
  await eventually(() => acknowledged() > before + 500, { patience: 20_000, otherwise: () => "nothing is said any more" });
  await Promise.all(everybody.map((talker) => talker.quiet()));

  for (const { request, talkers } of rooms) {
    const history = await node.as(request.center).history(request.id);
    assert.deepEqual(history.map(({ seq }) => seq), range(1, history.length));
    const inHistory = new Map(history.map((message) => [message.id, message]));
    for (const talker of talkers) {
      for (const message of talker.acknowledged) assert.deepEqual(inHistory.get(message.id), message);
      await eventually(() => knownTo(talker).length >= history.length, {
        otherwise: () => `a client did not catch up with ${history.length} messages: ${talker}`,
      });
      assert.deepEqual(knownTo(talker), history);
      const seqs = talker.received.map(({ seq }) => seq);
      assert.deepEqual(seqs, [...new Set(seqs)].sort((one, other) => one - other), "in order, each once");
    }
    // What was said again after the crash was stored once.
    const said = talkers.reduce((sum, talker) => sum + talker.said, 0);
    assert.equal(history.length, said);
  }
  await Promise.all(everybody.map((talker) => talker.stop()));
});
