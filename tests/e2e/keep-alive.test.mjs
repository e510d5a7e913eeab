// Must hold: who is there counts as there, with the times of production. It waits for a minute and a half, and the other tests run
// beside it.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { pause } from "../system/eventually.mjs";
import { RawHub, SEPARATOR } from "../system/raw-hub.mjs";

const SECONDS = 1_000;
/** How long the three talk and listen: three times as long as a client may be silent. */
const SPAN = 90 * SECONDS;
/** How long official clients give the server. */
const SERVER_TIMEOUT = 30 * SECONDS;
const PING = `{"type":6}${SEPARATOR}`;

let cluster;
let node;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
});
after(() => cluster?.stop());

/** Does something again and again for the whole span. */
async function every(time, action) {
  const end = performance.now() + SPAN;
  while (performance.now() < end) {
    await action();
    await pause(time);
  }
}

/** Whether the connection is there: it answers. */
async function isThere(hub, request) {
  hub.say(`{"type":1,"invocationId":"there","target":"LeaveServiceRequest","arguments":["${request.id}"]}${SEPARATOR}`);
  for (;;) {
    const message = await hub.next();
    if (message === null) return false;
    if (JSON.parse(message).invocationId === "there") return true;
  }
}

async function listener(request) {
  const hub = await RawHub.shake(node, request.customer);
  hub.say(`{"type":1,"invocationId":"j","target":"JoinServiceRequest","arguments":["${request.id}",0]}${SEPARATOR}`);
  assert.equal(JSON.parse(await hub.next()).invocationId, "j");
  return hub;
}

test("talking, listening and silent clients, for a minute and a half", { timeout: 150 * SECONDS, concurrency: true }, async (t) => {
  const request = await cluster.open(node);

  const talks = t.test("who talks all the time and wants no answers hears pings, and no completion", async () => {
    const hub = await RawHub.shake(node, request.customer);
    // What goes well and what goes wrong, of known methods and of none: nobody has asked how it went.
    const talk = [
      ["LeaveServiceRequest", [request.id]],
      ["SendMessage", [request.id, { clientMessageId: "none", body: "" }]],
      ["Typing", [request.id]],
    ].map(([target, given]) => JSON.stringify({ type: 1, target, arguments: given }) + SEPARATOR);
    let turn = 0;
    await every(2 * SECONDS, () => hub.say(talk[(turn += 1) % talk.length]));
    const pings = hub.heard.slice(1);
    assert.deepEqual(new Set(pings.map(([, message]) => message)), new Set(['{"type":6}']));
    const silences = pings.map(([at], place) => at - hub.heard[place][0]);
    assert.ok(pings.length >= 5, `${pings.length} pings`);
    for (const silence of silences) assert.ok(silence > 14 * SECONDS && silence < SERVER_TIMEOUT - 5 * SECONDS, `silent for ${silence} ms`);
    assert.ok(await isThere(hub, request));
    hub.end();
  });

  const listens = ["with its pings", "without any"].map((how) =>
    t.test(`who only listens lives, ${how}`, async () => {
      const hub = await listener(request);
      const pinging = how === "with its pings" ? setInterval(() => hub.say(PING), 15 * SECONDS) : undefined;
      try {
        await pause(SPAN);
        assert.ok(await isThere(hub, request));
        const messages = hub.heard.filter(([, message]) => message.includes("OnMessageReceived"));
        assert.ok(messages.length >= 20, `${messages.length} messages`);
      } finally {
        clearInterval(pinging);
        hub.end();
      }
    }),
  );

  const fallsSilent = t.test("who has pinged and then falls silent is closed, with leave to come back", async () => {
    const hub = await RawHub.shake(node, request.customer);
    const began = performance.now();
    hub.say(PING);
    const close = JSON.parse(await hub.next());
    const took = performance.now() - began;
    assert.match(close.error, /has not sent a message or ping/);
    assert.equal(close.allowReconnect, true);
    assert.ok(took > 29 * SECONDS && took < 60 * SECONDS, `after ${took} ms`);
    assert.equal(await hub.closed(), 1000);
  });

  const speaks = every(2 * SECONDS, async () => {
    assert.equal((await node.as(request.technician).send(request.id, "news")).status, 201);
  });
  await Promise.all([talks, ...listens, fallsSilent, speaks]);
});
