// Must hold: who leaves and comes straight back is in, hears everything once, and disturbs nobody's other connection.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { range } from "../system/eventually.mjs";
import { Party } from "../system/party.mjs";
import { RawHub, SEPARATOR } from "../system/raw-hub.mjs";

const ROUNDS = 200;

let cluster;
let a;
let b;

before(async () => {
  cluster = await Cluster.start();
  [a, b] = await Promise.all([cluster.node("a"), cluster.node("b")]);
});
after(() => cluster?.stop());

/** A connection that says several things in one frame. */
class Frames {
  #hub;
  #next = 0;
  /** Numbers of the messages that came. */
  seqs = [];

  static async open(node, token) {
    const frames = new Frames();
    frames.#hub = await RawHub.shake(node, token);
    return frames;
  }

  /** Invokes `[target, ...arguments]` each, in one frame, and waits for their completions, which come in this order. */
  async invoke(...invocations) {
    const ids = invocations.map(() => String((this.#next += 1)));
    const record = ([target, ...rest], index) => JSON.stringify({ type: 1, invocationId: ids[index], target, arguments: rest });
    this.#hub.say(invocations.map((invocation, index) => record(invocation, index) + SEPARATOR).join(""));
    for (const id of ids) {
      const completion = await this.#until(({ type }) => type === 3);
      assert.equal(completion.invocationId, id, "completions come in the order of their invocations");
      assert.equal(completion.error, undefined);
    }
  }

  /** Reads until a message with this number came. */
  async hears(seq) {
    while (!this.seqs.includes(seq)) await this.#until(({ target }) => target === "OnMessageReceived");
  }

  async #until(matches) {
    for (;;) {
      const text = await this.#hub.next();
      assert.notEqual(text, null, "the server has closed the connection");
      const message = JSON.parse(text);
      if (message.target === "OnMessageReceived") this.seqs.push(message.arguments[0].seq);
      if (matches(message)) return message;
    }
  }

  end() {
    this.#hub.end();
  }
}

const join = (request, after) => ["JoinServiceRequest", request.id, after];
const leave = (request) => ["LeaveServiceRequest", request.id];

test(`join, leave and join again in one frame, ${ROUNDS} times`, async () => {
  const request = await cluster.open(a);
  const technician = await Frames.open(a, request.technician);
  const customer = await Party.connect(b, request.customer);
  await customer.join(request.id, 0);
  for (const round of range(1, ROUNDS)) {
    await technician.invoke(join(request, round - 1), leave(request), join(request, round - 1));
    const { seq } = await customer.send(request.id, `round ${round}`);
    assert.equal(seq, round);
    await technician.hears(seq);
  }
  assert.deepEqual(technician.seqs, range(1, ROUNDS), "each once");
  technician.end();
  await customer.stop();
});

test("of two connections of a user one leaves, and the other hears on", async () => {
  const request = await cluster.open(a);
  const [stays, flickers] = [await Frames.open(a, request.technician), await Frames.open(a, request.technician)];
  const customer = await Party.connect(b, request.customer);
  await customer.join(request.id, 0);
  await stays.invoke(join(request, 0));
  const rounds = 50;
  for (const round of range(1, rounds)) {
    await flickers.invoke(join(request, null), leave(request));
    const { seq } = await customer.send(request.id, `round ${round}`);
    await stays.hears(seq);
  }
  assert.deepEqual(stays.seqs, range(1, rounds));
  assert.deepEqual(flickers.seqs, [], "who left hears nothing");
  stays.end();
  flickers.end();
  await customer.stop();
});

test("who joins twice gets each message once, and leaves by leaving once", async () => {
  const request = await cluster.open(a);
  const technician = await Frames.open(a, request.technician);
  const customer = await Party.connect(b, request.customer);
  await customer.join(request.id, 0);
  await technician.invoke(join(request, 0), join(request, 0));
  await customer.send(request.id, "heard once");
  await technician.hears(1);
  await technician.invoke(leave(request));
  await customer.send(request.id, "not heard");
  // It comes with the next join, which would show a second delivery of either.
  await technician.invoke(join(request, 1));
  await customer.send(request.id, "heard again");
  await technician.hears(3);
  assert.deepEqual(technician.seqs, [1, 2, 3]);
  technician.end();
  await customer.stop();
});
