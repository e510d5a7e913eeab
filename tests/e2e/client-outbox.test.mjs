// Must hold: an outbox leaves in pieces that a server takes, and no message of it blocks the others or cuts its user off.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as signalR from "@microsoft/signalr";
import { Backoff, ChatClient, Refusal, refusalOf } from "../../components/web/assets/chat-client.js";
import { eventually, range } from "../system/eventually.mjs";
import { ScriptedHub } from "../system/scripted-hub.mjs";
import { POISON, UnkindHub } from "../system/unkind-hub.mjs";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A client of a hub in memory, whose timers are the test's. */
function clientOf(hub, settings = {}) {
  return new ChatClient({
    signalR: hub.signalR,
    hubUrl: "http://127.0.0.1:1/hubs/chat",
    serviceRequestId: hub.id,
    userId: hub.userId,
    accessToken: () => "token",
    backoff: new Backoff(() => 1),
    ...settings,
  });
}

/** Has the hub take everything, and the client hear of it; `times`: how often each may wait for the other. */
async function work(hub, times = 1_000) {
  for (let count = 0; count < times; count += 1) {
    const { link } = hub;
    if (link === undefined || link.inbound.length + link.outbound.length === 0) return count;
    while (link.inbound.length > 0) hub.work(link, "kind");
    while (link.isUp && link.outbound.length > 0) hub.deliver(link);
    await settled();
  }
  return times;
}

/** Lets time pass for a test that has its timers in hand. */
async function pass(t, milliseconds) {
  t.mock.timers.tick(milliseconds);
  await settled();
}

test("what the server would refuse for its length is refused before it is sent", () => {
  const client = clientOf(new UnkindHub("sr", "carla"));
  for (const [code, texts] of Object.entries({
    invalid: ["", " \n\t ", "\u2003\u0085", "\u0007", "x".repeat(4_001), "👍".repeat(4_001), "a\0b", "\ud83d", "a\ude00b"],
    too_large: ["x".repeat(70_000), `x${" ".repeat(65_536)}y`, "\u00e4".repeat(40_000)],
  })) {
    for (const text of texts) {
      assert.throws(() => client.send(text), (error) => error instanceof Refusal && error.code === code, `${code}: ${text.slice(0, 20)}`);
    }
  }
  for (const text of ["x", "x".repeat(4_000), "👍".repeat(4_000), ` \n${"\u00e4".repeat(4_000)}\u2003`, "\ufeff", `a${"\r\n".repeat(3_999)}`]) {
    assert.equal(refusalOf(text), null, text.slice(0, 20));
  }
  assert.deepEqual(client.outbox, [], "nothing of it is in the outbox");
});

test("what can't be sent has failed when the app is opened again, and holds back nothing", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hub = new UnkindHub("sr", "carla");
  const outbox = ["\ud83d\ude00".repeat(5_000), "and this"].map((body) => ({ clientMessageId: crypto.randomUUID(), body, state: "sending", code: null }));
  const client = clientOf(hub, { saved: { outbox } });
  client.start();
  await settled();
  await work(hub);
  assert.deepEqual(client.outbox.map(({ state, code }) => [state, code]), [["failed", "invalid"]]);
  assert.deepEqual(hub.messages.map(({ body }) => body), ["and this"]);
  await client.stop();
});

test("a full outbox refuses the next message, and takes it when one has left or was discarded", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hub = new UnkindHub("sr", "carla");
  const client = clientOf(hub);
  for (const count of range(1, 256)) client.send(`text ${count}`);
  assert.throws(() => client.send("too many"), { code: "outbox_full" });
  client.start();
  hub.status = "closed";
  await settled();
  await work(hub);
  assert.ok(client.outbox.every(({ state, code }) => state === "failed" && code === "closed"));
  assert.throws(() => client.send("too many"), { code: "outbox_full" });
  client.discard(client.outbox[0].clientMessageId);
  client.send("room again");
  assert.equal(client.outbox.length, 256);
  await client.stop();
});

test("an outbox leaves in pieces, and not one message for each answer", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hub = new UnkindHub("sr", "carla");
  const client = clientOf(hub);
  let most = 0;
  hub.left = (link) => (most = Math.max(most, link.unanswered.size));
  const texts = range(1, 256).map((count) => `text ${count}`);
  for (const text of texts) client.send(text);
  client.start();
  await settled();
  const rounds = await work(hub);
  assert.deepEqual(hub.messages.map(({ body }) => body), texts);
  assert.equal(most, 32);
  assert.ok(rounds <= 16, `${rounds} rounds for 256 messages`);

  // Of large ones fewer are on their way at once.
  most = 0;
  for (const count of range(1, 40)) client.send(`${count} ${"👍".repeat(3_990)}`);
  await work(hub);
  assert.equal(hub.messages.length, 296);
  assert.ok(most >= 4 && most <= 8, `${most} at once`);
  await client.stop();
});

test("a message that ends every connection is given up, over restarts of the app too, and the others are sent", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hub = new UnkindHub("sr", "carla");
  let saved;
  const open = async () => {
    const client = clientOf(hub, { saved, save: async (state) => void (saved = JSON.parse(JSON.stringify(state))) });
    client.start();
    await settled();
    return client;
  };
  let client = await open();
  await work(hub);
  for (const text of ["before", POISON, "behind"]) client.send(text);
  for (let opened = 1; client.outbox.some(({ state }) => state === "sending"); opened += 1) {
    assert.ok(opened < 20, JSON.stringify(client.outbox));
    await work(hub);
    await client.stop();
    client = await open();
  }
  assert.deepEqual(hub.messages.map(({ body }) => body), ["before", "behind"]);
  assert.deepEqual(client.outbox.map(({ body, state, code }) => [body, state, code]), [[POISON, "failed", "connection_ended"]]);
  assert.ok(hub.links.length <= 12, `${hub.links.length} connections`);

  // Nobody has to live with it, and who insists is not cut off for ever either.
  client.retry(client.outbox[0].clientMessageId);
  client.send("after it");
  for (let round = 0; client.outbox.some(({ state }) => state === "sending"); round += 1) {
    assert.ok(round < 100, JSON.stringify(client.outbox));
    await work(hub);
    await pass(t, 10_000);
  }
  assert.deepEqual(hub.messages.map(({ body }) => body), ["before", "behind", "after it"]);
  await client.stop();
});

test("one that is sent again is the last one, as the same message", async () => {
  const hub = new UnkindHub("sr", "carla");
  const client = clientOf(hub);
  client.start();
  await settled();
  await work(hub);
  hub.status = "closed";
  const id = client.send("once closed");
  await work(hub);
  assert.deepEqual([client.outbox[0].state, client.outbox[0].code], ["failed", "closed"]);
  hub.status = "open";
  for (const text of ["one", "two"]) client.send(text);
  client.retry(id);
  assert.deepEqual(client.outbox.map(({ body, state }) => `${body} ${state}`), ["one sending", "two sending", "once closed sending"]);
  await work(hub);
  assert.deepEqual(hub.messages.map(({ body }) => body), ["one", "two", "once closed"]);
  assert.equal(hub.messages[2].clientMessageId, id);
  await client.stop();
});

test("a lost connection is not the fault of one that is behind another, nor of several, nor of those who leave", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hub = new UnkindHub("sr", "carla");
  const client = clientOf(hub);
  client.start();
  await settled();
  await work(hub);
  const ended = () => client.outbox.map((entry) => entry.ended ?? 0);
  const comeBack = async () => {
    await pass(t, 20_000);
    await work(hub, 1);
  };
  client.send("the first answer lets two leave at once");
  await work(hub);
  client.send("refused for now");
  client.send("behind it");
  assert.equal(hub.link.unanswered.size, 2);
  hub.work(hub.link, "unavailable");
  hub.deliver(hub.link);
  await settled();
  hub.cut(hub.link);
  assert.deepEqual(ended(), [0, 0]);
  await comeBack();
  assert.deepEqual(ended(), [0, 0]);

  await work(hub);
  for (const text of ["one", "two", "three"]) client.send(text);
  hub.cut(hub.link);
  assert.deepEqual(ended(), [0, 0, 0]);
  await comeBack();
  hub.cut(hub.link);
  assert.deepEqual(ended(), [1, 0, 0], "alone on its way");
  await comeBack();
  assert.equal(hub.link.unanswered.size, 1);
  await client.stop();
  assert.deepEqual(ended(), [1, 0, 0]);
});

test("connections that end again and again without being of use come in ever longer delays", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hub = new UnkindHub("sr", "carla");
  const client = clientOf(hub);
  client.start();
  await settled();
  await work(hub);
  client.send(POISON);
  const begun = [0];
  for (let now = 0; client.outbox[0].state === "sending"; now += 100) {
    assert.ok(now < 60_000);
    await work(hub);
    await pass(t, 100);
    if (begun.length < hub.links.length) begun.push(now + 100);
  }
  assert.deepEqual(begun.slice(1).map((time, place) => time - begun[place]), [500, 1_000, 2_000, 4_000]);
  await client.stop();
});

test("it joins again when what was refused for now won't come again, and only then", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hub = new UnkindHub("sr", "carla");
  const client = clientOf(hub);
  client.start();
  await settled();
  await work(hub);
  for (const mood of ["unavailable", "rate_limited"]) {
    client.send(`refused: ${mood}`);
    client.send("behind it");
    hub.work(hub.link, mood);
    await work(hub);
    await pass(t, 10_000);
    await work(hub);
    assert.deepEqual([client.outbox.length, hub.joins], [0, 1], "it came again");
  }
  client.send("stored, and refused for now");
  client.send("behind it");
  hub.work(hub.link, "forgetful");
  await work(hub);
  await pass(t, 10_000);
  await work(hub);
  assert.deepEqual([client.outbox.length, hub.joins], [0, 2], "an event has shown it");
  assert.equal(hub.messages.length, 6);
  client.send("refused once more");
  hub.work(hub.link, "unavailable");
  await work(hub);
  await pass(t, 10_000);
  await work(hub);
  assert.deepEqual([client.outbox.length, hub.joins], [0, 2]);
  await client.stop();
});

test("who is no party any more is told of every message that was not sent", async () => {
  const hub = new UnkindHub("sr", "carla");
  const client = clientOf(hub);
  client.start();
  await settled();
  await work(hub);
  const ids = ["on its way", "behind it"].map((text) => client.send(text));
  hub.link.outbound.push({ event: "OnRemoved", content: { serviceRequestId: "sr", code: "forbidden" } });
  hub.deliver(hub.link);
  await settled();
  assert.equal(client.connection, "refused");
  const shown = () => client.outbox.map(({ clientMessageId, state, code }) => [clientMessageId, state, code]);
  assert.deepEqual(shown(), ids.map((id) => [id, "failed", "forbidden"]));
  assert.throws(() => client.send("one more"), { code: "forbidden" });
  client.retry(ids[0]);
  assert.deepEqual(shown(), ids.map((id) => [id, "failed", "forbidden"]), "asked again the server would say the same");
  assert.equal(hub.link.isUp, false);
  await client.stop();
});

test("a server that knows no token is not asked in a storm", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hub = new UnkindHub("sr", "carla");
  const client = clientOf(hub);
  client.start();
  await settled();
  const begun = [0];
  for (let now = 100; now <= 60_000; now += 100) {
    if (hub.link.inbound.length > 0) hub.work(hub.link, "unauthenticated");
    if (hub.link.outbound.length > 0) hub.deliver(hub.link);
    await settled();
    await pass(t, 100);
    if (begun.length < hub.links.length) begun.push(now);
  }
  const delays = begun.slice(1).map((time, place) => time - begun[place]);
  assert.deepEqual(delays.slice(0, 7), [500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  await client.stop();
});

test("a client needs nothing that React Native lacks", async () => {
  const missing = ["crypto", "structuredClone", "TextEncoder"].map((name) => [name, Object.getOwnPropertyDescriptor(globalThis, name)]);
  for (const [name] of missing) delete globalThis[name];
  try {
    const hub = new UnkindHub("sr", "carla");
    const client = clientOf(hub);
    client.start();
    await settled();
    const names = new Set(range(1, 200).map((count) => client.send(`text ${count}`)));
    assert.equal(names.size, 200);
    for (const name of names) assert.match(name, /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    await work(hub);
    assert.equal(client.messages.length, 200);
    assert.equal(client.snapshot().lastSeq, 200);
    await client.stop();
  } finally {
    for (const [name, descriptor] of missing) Object.defineProperty(globalThis, name, descriptor);
  }
});

// What the official client makes of each way in which a message may end its connection.
const ENDINGS = {
  "a close that names the reason": ({ send, socket }) => {
    send({ type: 7, error: "Connection closed with an error. too large", allowReconnect: true });
    socket.close(1000);
  },
  "a close that wants no reconnect": ({ send, socket }) => {
    send({ type: 7, error: "Connection closed with an error. malformed", allowReconnect: false });
    socket.close(1000);
  },
  "a WebSocket that is closed as too big": ({ socket }) => socket.close(1009),
  "a socket that breaks": ({ socket }) => socket.terminate(),
};

for (const [title, end] of Object.entries(ENDINGS)) {
  test(`${title} counts against the message that is on its way`, async () => {
    const stored = [];
    const hub = await ScriptedHub.start(({ target, invocationId, arguments: [serviceRequestId, draft] }, answer) => {
      if (target === "JoinServiceRequest") {
        return answer.send({ type: 3, invocationId, result: { serviceRequestId, lastSeq: 0, epoch: "e", status: "open", parties: [] } });
      }
      if (draft.body === POISON) return end(answer);
      stored.push(draft.body);
      const message = { serviceRequestId, seq: stored.length, senderId: "carla", senderRole: "customer", ...draft };
      answer.send({ type: 3, invocationId, result: message });
    });
    const client = clientOf({ signalR, id: "sr", userId: "carla" }, { hubUrl: `${hub.origin}/hubs/chat`, backoff: new Backoff(() => 0) });
    try {
      client.start();
      await eventually(() => client.connection === "online");
      client.send(POISON);
      client.send("behind");
      await eventually(() => client.outbox.length === 1 && client.outbox[0].state === "failed");
      assert.equal(client.outbox[0].code, "connection_ended");
      assert.deepEqual(stored, ["behind"]);
      assert.ok(hub.connections <= 7, `${hub.connections} connections`);
    } finally {
      await client.stop();
      hub.stop();
    }
  });
}
