// Must hold: a message that is sent again hides nothing that did not ring, and everybody ends up with everything.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause, range } from "../system/eventually.mjs";
import { Party } from "../system/party.mjs";
import { PublishSink } from "../system/publish-sink.mjs";

const ROUNDS = 20;
const CONVERSATIONS = 50;

/** How long there is traffic, in seconds; a minute where REPEATS_SECONDS says so. */
const SECONDS = Number(process.env.REPEATS_SECONDS ?? 6);

let cluster;
let sink;
let a;
let b;

before(async () => {
  cluster = await Cluster.start();
  sink = await PublishSink.start({ port: cluster.redis.port });
  sink.share = 0;
  [a, b] = await Promise.all(["a", "b"].map((name) => cluster.node(name, { redisUrl: sink.url })));
});
after(async () => {
  await cluster?.stop();
  sink?.stop();
});

async function joined(node, token, request) {
  const party = await Party.connect(node, token);
  await party.join(request.id, 0);
  return party;
}

/** Breaks whatever listens to Redis, until it subscribes again. */
const silence = () => cluster.redis.use((redis) => redis.call("CLIENT", "KILL", "TYPE", "PUBSUB"));

const eventsAt = (node) => node.metric("hubline_relay_events_total");

test(`a repeat whose ring arrives shows the message whose ring did not, ${ROUNDS} times`, async () => {
  const request = await cluster.open(a);
  const technician = await joined(b, request.technician, request);
  const customer = await joined(b, request.customer, request);
  const sender = a.as(request.center);
  const old = crypto.randomUUID();
  assert.equal((await sender.send(request.id, "the old one", old)).status, 201);
  await technician.receives(request.id, 1);
  for (const round of range(1, ROUNDS)) {
    await silence();
    const { status, body } = await sender.send(request.id, `round ${round}`);
    assert.equal(status, 201);
    // Again and again while the node subscribes again, until one of these rings.
    const before = await eventsAt(b);
    await eventually(async () => {
      assert.equal((await sender.send(request.id, "the old one", old)).status, 200);
      return (await eventsAt(b)) > before;
    });
    for (const party of [technician, customer]) await party.receives(request.id, body.seq, 5_000);
  }
  const history = await a.as(request.customer).history(request.id);
  assert.deepEqual(history.map(({ seq }) => seq), range(1, ROUNDS + 1));
  for (const party of [technician, customer]) assert.deepEqual(party.received(request.id), history);
  await Promise.all([technician, customer].map((party) => party.stop()));
});

test(`a closing that a repeat tells first is announced, ${ROUNDS} times`, async () => {
  await Promise.all(range(1, ROUNDS).map(async () => {
    const request = await cluster.open(a);
    const customer = await joined(b, request.customer, request);
    const technician = await joined(b, request.technician, request);
    const old = crypto.randomUUID();
    await customer.send(request.id, "before", old);
    await technician.receives(request.id, 1);
    sink.share = 1;
    await request.report(a, { status: "closed" });
    // The answer to this is the first that the node hears of it, unless a sweep was faster.
    assert.equal((await customer.send(request.id, "before", old)).seq, 1);
    for (const party of [customer, technician]) {
      await party.hears("OnServiceRequestChanged", ({ status, closedAt }) => status === "closed" && closedAt, 5_000);
    }
    await Promise.all([customer, technician].map((party) => party.stop()));
  }));
  sink.share = 0;
});

/** Two people talk for a while, on two nodes, and now and then one of them sends an old message again. */
class Conversation {
  #request;
  #people;
  #sent = 0;

  static async open() {
    const conversation = new Conversation();
    const request = await cluster.open(a);
    conversation.#request = request;
    conversation.#people = [
      { party: await joined(a, request.customer, request), api: b.as(request.customer), answered: [] },
      { party: await joined(b, request.technician, request), api: a.as(request.technician), answered: [] },
    ];
    return conversation;
  }

  async talk(isOver) {
    await Promise.all(this.#people.map(async (person) => {
      const own = [];
      while (!isOver()) {
        const again = own.length > 0 && Math.random() < 0.3 ? own[Math.floor(Math.random() * own.length)] : null;
        const message = again ?? { clientMessageId: crypto.randomUUID(), body: `text ${own.length + 1}` };
        if (!again) own.push(message);
        await this.#send(person, message);
        await pause(Math.random() * 1_000);
      }
      this.#sent += own.length;
    }));
  }

  /** By the hub or by a POST at the other node. Whoever posts hears of it like everybody else. */
  async #send({ party, api, answered }, { clientMessageId, body }) {
    if (Math.random() < 0.5) {
      const { seq } = await party.send(this.#request.id, body, clientMessageId);
      answered.push(seq);
    } else {
      const { status } = await api.send(this.#request.id, body, clientMessageId);
      assert.ok(status === 200 || status === 201, `a post was answered with ${status}`);
    }
  }

  /** What people lack; nothing when everybody has everything, in order and once. */
  async lack() {
    const history = await a.as(this.#request.center).history(this.#request.id);
    assert.deepEqual(history.map(({ seq }) => seq), range(1, this.#sent), "each message is stored once");
    return this.#people.flatMap(({ party, answered }) => {
      const seqs = party.seqs(this.#request.id);
      assert.deepEqual(seqs, [...new Set(seqs)].sort((one, other) => one - other), "in order, each once");
      // What the answer to a send brought need not come as an event too.
      const known = new Set([...seqs, ...answered]);
      return range(1, this.#sent).filter((seq) => !known.has(seq));
    });
  }

  stop() {
    return Promise.all(this.#people.map(({ party }) => party.stop()));
  }
}

test(`a fifth of all rings is lost for ${SECONDS} s in ${CONVERSATIONS} conversations with repeats`, async () => {
  const conversations = await Promise.all(range(1, CONVERSATIONS).map(() => Conversation.open()));
  const before = sink.lost;
  sink.share = 0.2;
  // On a machine that is too busy publishes take longer than they may, and rings are lost without the sink's help.
  const [enough, latest] = [Date.now() + SECONDS * 1_000, Date.now() + SECONDS * 4_000];
  const isOver = () => Date.now() > (sink.lost - before < SECONDS ? latest : enough);
  await Promise.all(conversations.map((conversation) => conversation.talk(isOver)));
  const ended = Date.now();
  sink.share = 0;
  for (const conversation of conversations) {
    await eventually(async () => (await conversation.lack()).length === 0, {
      patience: Math.max(0, ended + 5_000 - Date.now()),
      otherwise: () => "somebody lacks messages five seconds after the last one",
    });
  }
  assert.ok(sink.lost > before, "the sink has swallowed no ring");
  await Promise.all(conversations.map((conversation) => conversation.stop()));
});
