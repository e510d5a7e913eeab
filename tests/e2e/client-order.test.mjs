// Must hold: whatever a hub and a network do, a client stores what its user wrote once and in that order, and gives a message
// up only for a reason.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import fc from "fast-check";
import { Backoff, ChatClient } from "../../components/web/assets/chat-client.js";
import { POISON, UnkindHub } from "../system/unkind-hub.mjs";

/** How often the property is tried with other steps. */
const RUNS = Number(process.env.ORDER_RUNS ?? 400);

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A user with a phone, at a hub that does what it is told. */
class Story {
  hub = new UnkindHub("sr", "carla");
  client = null;
  #saved = undefined;
  #said = 0;
  /** By the texts of this user, what the message is called. */
  names = new Map();
  retried = new Set();

  constructor() {
    this.hub.stored = (message) => this.#checkOrder(message);
    this.hub.left = (link) => this.#checkFlight(link);
  }

  open() {
    const client = new ChatClient({
      signalR: this.hub.signalR,
      hubUrl: "http://127.0.0.1:1/hubs/chat",
      serviceRequestId: "sr",
      userId: "carla",
      accessToken: () => "token",
      saved: this.#saved && JSON.parse(this.#saved),
      save: async (saved) => {
        if (this.client === client) this.#saved = JSON.stringify(saved);
      },
      kept: 5,
      backoff: new Backoff(() => 1),
    });
    this.client = client;
    client.start();
  }

  say(body = `text ${(this.#said += 1)}`) {
    this.names.set(this.client.send(body), body);
  }

  retry() {
    const failed = this.client.outbox.find(({ state, body }) => state === "failed" && body !== POISON);
    if (failed === undefined) return;
    this.retried.add(failed.clientMessageId);
    this.client.retry(failed.clientMessageId);
  }

  /** The app ends, in order or in the middle of whatever it does, and is opened again. */
  async reopen(crashes) {
    const { client } = this;
    if (crashes) this.client = null;
    await client.stop();
    this.open();
  }

  /** Nothing of this user is stored before what they wrote earlier and the client still means to send. */
  #checkOrder({ senderId, clientMessageId }) {
    if (senderId !== "carla") return;
    assert.ok(!this.hub.has(clientMessageId), "stored once");
    if (this.retried.has(clientMessageId)) return;
    const place = this.client.outbox.findIndex((entry) => entry.clientMessageId === clientMessageId);
    for (const { state, clientMessageId: earlier, body } of this.client.outbox.slice(0, Math.max(0, place))) {
      // One that the hub has refused for good is not meant any more, though its sender may not have heard it yet.
      const isMeant = state === "sending" && !this.hub.refused.has(earlier);
      assert.ok(!isMeant || this.hub.has(earlier), `"${body}" is overtaken by "${this.names.get(clientMessageId)}"`);
    }
  }

  /** No more is on its way than a server takes, and nothing before the join was answered. */
  #checkFlight(link) {
    const methods = [...link.unanswered.values()];
    assert.ok(link.isJoined && !methods.includes("JoinServiceRequest"), "the join is answered");
    assert.ok(methods.length <= 32, `${methods.length} messages on their way`);
  }

  async step([kind, value, other]) {
    const { hub } = this;
    const links = hub.links.filter(({ inbound }) => inbound.length > 0);
    if (kind === "say") this.say();
    if (kind === "poison") this.say(POISON);
    if (kind === "hear other") hub.otherSays("something else");
    if (kind === "work" && links.length > 0) hub.work(links[value % links.length], other);
    if (kind === "deliver" && hub.link) for (let count = 0; count <= other; count += 1) hub.deliver(hub.link, value);
    if (kind === "cut" && hub.link) hub.cut(hub.link, value ? new Error("closed") : undefined, other);
    if (kind === "kill" && hub.link) {
      hub.link.inbound = [];
      hub.cut(hub.link);
    }
    if (kind === "there") hub.isThere = value;
    if (kind === "status") hub.status = value;
    if (kind === "wait") mock.timers.tick(value);
    if (kind === "retry") this.retry();
    if (kind === "reopen") await this.reopen(value);
    await settled();
  }

  /** All is well from now on, until nothing is on its way. */
  async end() {
    const { hub } = this;
    [hub.isThere, hub.status] = [true, "open"];
    for (let round = 0; round < 3_000; round += 1) {
      for (const link of hub.links) while (link.inbound.length > 0) hub.work(link, "kind");
      while (hub.link?.isUp && hub.link.outbound.length > 0) hub.deliver(hub.link);
      await settled();
      const { connection, outbox } = this.client;
      const isQuiet = hub.links.every(({ inbound, outbound, isUp }) => !isUp || inbound.length + outbound.length === 0);
      if (connection === "online" && isQuiet && outbox.every(({ state }) => state === "failed")) return;
      mock.timers.tick(1_000);
      await settled();
    }
    assert.fail(`still sending: ${JSON.stringify(this.client.outbox)}`);
  }

  checkEnd() {
    const { hub, client, names } = this;
    const all = hub.messages.map(({ seq }) => seq);
    assert.deepEqual(client.messages.map(({ seq }) => seq), all.slice(-client.messages.length), "nothing is missing");
    assert.equal(client.lastSeq, all.length);
    for (const [name, body] of names) {
      const entry = client.outbox.find(({ clientMessageId }) => clientMessageId === name);
      assert.equal(hub.has(name), entry === undefined, `"${body}" is either stored or here: ${JSON.stringify(entry)}`);
      if (body === POISON) assert.deepEqual([entry.state, entry.code], ["failed", "connection_ended"]);
      // Those behind a refused one are refused likewise, and must not be given up for that.
      const isTried = hub.refusals.get(name) >= 4;
      if (["unavailable", "rate_limited"].includes(entry?.code)) assert.ok(isTried, `"${body}" is given up without being tried`);
    }
  }
}

const times = (weight, arbitrary) => ({ weight, arbitrary });
const tuple = (kind, ...values) => fc.tuple(fc.constant(kind), ...values);
const mood = fc.oneof(
  times(8, fc.constant("kind")),
  times(1, fc.constantFrom("unavailable", "rate_limited", "forgetful")),
);
const step = fc.oneof(
  times(60, tuple("say")),
  times(3, tuple("poison")),
  times(20, tuple("hear other")),
  times(120, tuple("work", fc.nat(3), mood)),
  times(120, tuple("deliver", fc.nat(5), fc.nat(6))),
  times(10, tuple("cut", fc.boolean(), fc.boolean())),
  times(5, tuple("kill")),
  times(5, tuple("there", fc.boolean())),
  times(5, tuple("status", fc.constantFrom("open", "open", "closed"))),
  times(50, tuple("wait", fc.constantFrom(100, 1_000, 10_000))),
  times(10, tuple("retry")),
  times(5, tuple("reopen", fc.boolean())),
);

test("a sender's order holds whatever fails in part, and nothing waits for ever", { timeout: 120_000 }, async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  let story;
  try {
    const property = fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 150 }), async (steps) => {
      story = new Story();
      story.open();
      await settled();
      for (const next of steps) await story.step(next);
      await story.end();
      story.checkEnd();
      await story.client.stop();
    });
    await fc.assert(property, { numRuns: RUNS });
  } finally {
    mock.timers.reset();
  }
});
