// Must hold: what a client has stored is never older than what it stored before, has an end, and is enough to go on from.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Backoff, ChatClient } from "../../components/web/assets/chat-client.js";
import { eventually, pause, range } from "../system/eventually.mjs";
import { UnkindHub } from "../system/unkind-hub.mjs";

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A storage that takes its time, for one write longer than for another, and that can be full. */
class SlowStorage {
  isFull = false;
  written = [];
  #underWay = 0;
  #count = 0;

  async write(saved) {
    assert.equal(this.#underWay, 0, "one write at a time");
    this.#underWay += 1;
    const text = JSON.stringify(saved);
    await pause((this.#count += 1) % 3 === 0 ? 15 : 1);
    this.#underWay -= 1;
    if (this.isFull) throw new Error("no space left");
    this.written.push(JSON.parse(text));
  }

  get newest() {
    return this.written.at(-1);
  }
}

function clientOf(hub, storage, settings = {}) {
  return new ChatClient({
    signalR: hub.signalR,
    hubUrl: "http://127.0.0.1:1/hubs/chat",
    serviceRequestId: hub.id,
    userId: hub.userId,
    accessToken: () => "token",
    saved: storage.newest,
    save: (saved) => storage.write(saved),
    backoff: new Backoff(() => 0),
    ...settings,
  });
}

async function work(hub) {
  for (await settled(); hub.link.inbound.length + hub.link.outbound.length > 0; await settled()) {
    while (hub.link.inbound.length > 0) hub.work(hub.link, "kind");
    while (hub.link.outbound.length > 0) hub.deliver(hub.link);
  }
}

test("writes follow one another, and what changes meanwhile is one write", async () => {
  const hub = new UnkindHub("sr", "carla");
  const storage = new SlowStorage();
  const client = clientOf(hub, storage);
  client.start();
  await work(hub);
  for (const count of range(1, 60)) {
    hub.otherSays(`text ${count}`);
    await work(hub);
    await pause(2);
  }
  client.send("last");
  await work(hub);
  await client.stop();
  const numbers = storage.written.map(({ lastSeq }) => lastSeq);
  assert.deepEqual(numbers, numbers.toSorted((one, other) => one - other), "never an older one after a newer one");
  assert.ok(numbers.length > 5 && numbers.length < 61, `${numbers.length} writes of 61 changes`);
  assert.deepEqual([storage.newest.lastSeq, storage.newest.outbox], [61, []], "stopping waits for the last write");
});

test("what is stored has an end, and a client goes on from it", async () => {
  const hub = new UnkindHub("sr", "carla");
  for (const count of range(1, 500)) hub.otherSays(`text ${count}`);
  const storage = new SlowStorage();
  const first = clientOf(hub, storage);
  first.start();
  await work(hub);
  assert.equal(first.messages.length, 500);
  assert.equal(first.hasOlder, false);
  await first.stop();
  const { messages, fromSeq, lastSeq } = storage.newest;
  assert.deepEqual([messages.length, messages[0].seq, fromSeq, lastSeq], [200, 301, 301, 500]);

  hub.otherSays("meanwhile");
  const second = clientOf(hub, storage, { kept: 3 });
  second.start();
  await settled();
  assert.equal(hub.link.inbound[0].args[1], 500, "it asks for what follows");
  await work(hub);
  assert.deepEqual([second.messages.length, second.lastSeq, second.hasOlder], [201, 501, true]);
  await second.stop();
  assert.deepEqual(storage.newest.messages.map(({ seq }) => seq), [499, 500, 501]);
});

test("the answer to a message that was stored long ago makes no hole", async () => {
  const hub = new UnkindHub("sr", "carla");
  const entry = { clientMessageId: crypto.randomUUID(), body: "mine", state: "failed", code: "unavailable" };
  hub.messages.push({ serviceRequestId: "sr", seq: 1, senderId: "carla", ...entry });
  for (const count of range(2, 10)) hub.otherSays(`text ${count}`);
  const saved = { epoch: "e", lastSeq: 10, fromSeq: 8, messages: structuredClone(hub.messages.slice(7)), outbox: [entry] };
  const client = clientOf(hub, new SlowStorage(), { saved });
  client.start();
  await work(hub);
  client.retry(entry.clientMessageId);
  await work(hub);
  assert.deepEqual(client.outbox, []);
  assert.deepEqual([client.messages.map(({ seq }) => seq), client.hasOlder], [[8, 9, 10], true]);
  await client.stop();
});

test("what an older version has stored is enough", async () => {
  const hub = new UnkindHub("sr", "carla");
  for (const count of range(1, 3)) hub.otherSays(`text ${count}`);
  const saved = { epoch: "e", messages: structuredClone(hub.messages), outbox: [{ clientMessageId: crypto.randomUUID(), body: "mine", state: "sending", code: null }] };
  const client = clientOf(hub, new SlowStorage(), { saved });
  client.start();
  await work(hub);
  assert.deepEqual(client.messages.map(({ body }) => body), ["text 1", "text 2", "text 3", "mine"]);
  assert.deepEqual([client.hasOlder, client.outbox], [false, []]);
  await client.stop();
});

test("a storage that fails is told, and written again with the next change", async () => {
  const hub = new UnkindHub("sr", "carla");
  const storage = new SlowStorage();
  storage.isFull = true;
  const told = [];
  const client = clientOf(hub, storage, { onChange: ({ storingProblem }) => told.push(storingProblem) });
  client.start();
  await work(hub);
  await eventually(() => client.storingProblem === "no space left");
  assert.equal(told.at(-1), "no space left");
  storage.isFull = false;
  client.send("hello");
  await work(hub);
  await eventually(() => client.storingProblem === null && storage.newest?.lastSeq === 1);
  assert.equal(told.at(-1), null);
  await client.stop();
});

test("what the server no longer keeps goes here as well, and what is left has no hole", async () => {
  const hub = new UnkindHub("sr", "carla");
  for (const count of range(1, 10)) hub.otherSays(`text ${count}`);
  const storage = new SlowStorage();
  const seqs = (client) => client.messages.map(({ seq }) => seq);
  const opened = async (lastSeq) => {
    const saved = { epoch: "e", lastSeq, fromSeq: 1, messages: structuredClone(hub.messages.slice(0, lastSeq)), outbox: [] };
    const client = clientOf(hub, storage, { saved });
    client.start();
    await work(hub);
    return client;
  };
  const whole = await opened(3);
  assert.deepEqual([seqs(whole), whole.isTruncated], [range(1, 10), false]);
  await whole.stop();
  hub.firstSeq = 8;
  for (const lastSeq of [0, 3, 7, 10]) {
    const client = await opened(lastSeq);
    assert.deepEqual([seqs(client), client.isTruncated, client.hasOlder, client.lastSeq], [[8, 9, 10], true, false, 10], `had ${lastSeq}`);
    assert.equal(client.snapshot().fromSeq, 8);
    await client.stop();
  }
  // Found out while connected; then all is purged, and numbers go on.
  const client = await opened(10);
  hub.firstSeq = 10;
  hub.link.outbound.push({ event: "OnHistoryTruncated", content: { serviceRequestId: "sr", firstSeq: 10 } });
  await work(hub);
  assert.deepEqual(seqs(client), [10]);
  await client.stop();
  hub.firstSeq = 11;
  const empty = await opened(3);
  assert.deepEqual([seqs(empty), empty.lastSeq, empty.isTruncated], [[], 10, true]);
  hub.otherSays("once more");
  await work(hub);
  assert.deepEqual([seqs(empty), empty.lastSeq], [[11], 11]);
  await empty.stop();
});

test("a history that was lost in a failover starts over, at a join and while connected", async () => {
  const hub = new UnkindHub("sr", "carla");
  for (const count of range(1, 5)) hub.otherSays(`text ${count}`);
  const storage = new SlowStorage();
  const first = clientOf(hub, storage);
  first.start();
  await work(hub);
  await first.stop();
  hub.messages.splice(1);
  hub.otherSays("another two");
  const client = clientOf(hub, storage);
  client.start();
  await work(hub);
  const shown = () => client.messages.map(({ body }) => body);
  assert.deepEqual([shown(), client.lastSeq], [["text 1", "another two"], 2]);

  client.send("mine");
  hub.messages.splice(1);
  hub.link.outbound.push({ event: "OnRestarted", content: { serviceRequestId: "sr", lastSeq: 1 } });
  hub.link.outbound.push({ event: "OnMessageReceived", content: hub.messages[0] });
  await work(hub);
  assert.deepEqual([shown(), client.lastSeq, client.outbox], [["text 1", "mine"], 2, []]);
  await client.stop();
  assert.deepEqual(storage.newest.messages.map(({ body }) => body), ["text 1", "mine"]);
});

test("the technician is who was assigned last, with the presence that is known of them", async () => {
  const hub = new UnkindHub("sr", "carla");
  const client = clientOf(hub, new SlowStorage());
  const say = (event, content) => hub.link.outbound.push({ event, content: { serviceRequestId: "sr", ...content } });
  const assign = (technicianId, serviceCenterId = "center") =>
    say("OnServiceRequestChanged", { status: "open", closedAt: null, technicianId, serviceCenterId });
  const shown = () => client.parties.map(({ userId, role, online }) => `${role} ${userId} ${online ? "here" : "away"}`);
  client.start();
  await work(hub);
  assert.deepEqual(shown(), ["customer carla here"]);
  assign("theo");
  await work(hub);
  assert.deepEqual(shown(), ["customer carla here", "technician theo away", "service-center center away"]);
  say("OnPresenceChanged", { userId: "theo", online: true });
  assign("theo");
  await work(hub);
  assert.deepEqual(shown()[1], "technician theo here", "nothing changed for him");
  // What is said of somebody's presence may come before the assignment.
  say("OnPresenceChanged", { userId: "tina", online: true });
  assign("tina", "other");
  await work(hub);
  assert.deepEqual(shown(), ["customer carla here", "technician tina here", "service-center other away"]);
  assign(null);
  await work(hub);
  assert.deepEqual(shown(), ["customer carla here", "service-center center away"]);
  assign("theo");
  await work(hub);
  assert.deepEqual(shown()[1], "technician theo away", "what was heard of him before he was taken off is no news");
  await client.stop();
});
