// Must hold: a failover that lost commits heals by itself, in the conversations concerned and for nobody else.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, range } from "../system/eventually.mjs";
import { Party } from "../system/party.mjs";

/** How many conversations of a kind there are at once. */
const CONVERSATIONS = 20;

/** How often the database loses commits; FAILOVER_ROUNDS says how often in the long form. */
const ROUNDS = Number(process.env.FAILOVER_ROUNDS ?? 1);

/** A database that has just come back, the next sweep, and a machine that does other things as well. */
const SOON = 20_000;

let cluster;
let a;
let b;

before(async () => {
  cluster = await Cluster.start();
  [a, b] = await Promise.all([cluster.node("a"), cluster.node("b")]);
});
after(() => cluster?.stop());

const all = (work) => Promise.all(range(1, CONVERSATIONS).map(work));

/** Posts messages, each until it is stored. */
async function post(node, request, bodies) {
  for (const body of bodies) {
    const clientMessageId = crypto.randomUUID();
    const stored = async () => [200, 201].includes((await node.as(request.customer).send(request.id, body, clientMessageId)).status);
    await eventually(stored, { patience: SOON, otherwise: () => `${request.id} takes no message` });
  }
}

async function joined(node, token, request, afterSeq = 0, epoch = null) {
  const party = await Party.connect(node, token);
  return { party, answer: await party.join(request.id, afterSeq, epoch) };
}

/** Waits until a party has exactly what the database has. */
async function agree(request, party) {
  let history;
  const same = async () => {
    history = await a.as(request.center).history(request.id);
    return JSON.stringify(party.received(request.id)) === JSON.stringify(history);
  };
  const told = () => `${request.id}: ${JSON.stringify(party.received(request.id))}\n${JSON.stringify(history)}`;
  await eventually(same, { patience: SOON, otherwise: told });
  return history;
}

const texts = (name, first, last) => range(first, last).map((count) => `${name} ${count}`);

for (const round of range(1, ROUNDS)) {
  test(`commits are lost, round ${round}`, async () => {
    /** Conversations with one message that stays, and what follows. */
    const open = async () => {
      const request = await cluster.open(a);
      await post(a, request, ["stays 1"]);
      return request;
    };
    const [away, followed, overtaken, untouched] = await Promise.all([all(open), all(open), all(open), all(open)]);
    const lose = await cluster.postgres.keep();

    // All but the untouched go on, and two people of each but the first kind follow, on two nodes.
    for (const request of [...away, ...followed, ...overtaken]) await post(a, request, texts("lost", 2, 5));
    const gone = await Promise.all(away.map(async (request) => {
      const { party, answer } = await joined(b, request.technician, request);
      await party.receives(request.id, 5);
      await party.stop();
      return answer.epoch;
    }));
    const follow = (requests) => Promise.all(requests.map(async (request) => {
      const people = await Promise.all([joined(a, request.center, request), joined(b, request.technician, request)]);
      return people.map(({ party }) => party);
    }));
    const [following, overtakers, bystanders] = await Promise.all([follow(followed), follow(overtaken), follow(untouched)]);
    for (const [index, people] of following.entries()) {
      for (const party of [...people, ...overtakers[index]]) await eventually(() => party.received(followed[index].id).length + party.received(overtaken[index].id).length === 5);
    }
    const [restarted, ahead] = await Promise.all(["restarted", "joins_ahead"].map(count));
    await lose();

    // More is said at once than was lost, before any sweep: the numbers agree again, and the messages don't.
    await Promise.all(overtaken.map((request) => post(b, request, texts("in its place", 2, 7))));
    await Promise.all(overtaken.map(async (request, index) => {
      for (const party of overtakers[index]) await agree(request, party);
    }));

    // Who was away comes with 5 where 1 exists, and the epoch is the old one.
    await Promise.all(away.map(async (request, index) => {
      const { party, answer } = await joined(b, request.technician, request, 5, gone[index]);
      assert.deepEqual([answer.restarted, answer.lastSeq, answer.epoch], [true, 1, gone[index]]);
      await post(a, request, texts("after", 2, 3));
      assert.equal((await agree(request, party)).length, 3);
      await party.stop();
    }));

    // Who follows is told.
    await Promise.all(followed.map(async (request, index) => {
      for (const party of following[index]) {
        await party.hears("OnRestarted", ({ serviceRequestId }) => serviceRequestId === request.id, SOON);
        await agree(request, party);
      }
      await post(a, request, texts("after", 2, 3));
      for (const party of following[index]) assert.equal((await agree(request, party)).length, 3);
      const [party] = following[index];
      assert.equal((await party.send(request.id, "a day like any other")).seq, 4);
    }));

    // And where nothing was lost nobody starts over.
    await Promise.all(untouched.map(async (request, index) => {
      await post(b, request, texts("after", 2, 3));
      for (const party of bystanders[index]) {
        assert.equal((await agree(request, party)).length, 3);
        assert.deepEqual(party.eventsOf("OnRestarted"), []);
      }
    }));
    assert.equal((await count("joins_ahead")) - ahead, CONVERSATIONS);
    assert.ok((await count("restarted")) - restarted >= 4 * CONVERSATIONS, "each is counted on each node");
    assert.match(a.output, /the database has lost messages/);
    const parties = [following, overtakers, bystanders].flat(2);
    await Promise.all(parties.map((party) => party.stop()));
  });
}

/** What both nodes have counted. */
async function count(name) {
  const [one, other] = await Promise.all([a, b].map((node) => node.metric(`hubline_relay_${name}_total`)));
  return one + other;
}
