// Must hold: what a user writes is stored once and in the order of writing, whatever fails in the middle of it: the database,
// the way to the node, the node.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import * as signalR from "@microsoft/signalr";
import { Backoff, ChatClient, refusalOf } from "../../components/web/assets/chat-client.js";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause, range } from "../system/eventually.mjs";
import { hubCode, Party } from "../system/party.mjs";
import { Tunnel } from "../system/tunnel.mjs";

/** How often an app is opened with an outbox in which some messages can't be taken. */
const ROUNDS = Number(process.env.CLIENT_RECOVERY_ROUNDS ?? 20);

let cluster;
let a;
let b;
/** Clients of a test that has failed would keep its process alive for ever. */
const clients = [];

before(async () => {
  cluster = await Cluster.start();
  [a, b] = await Promise.all([cluster.node("a"), cluster.node("b")]);
});
after(async () => {
  await Promise.all(clients.map((client) => client.stop()));
  await cluster?.stop();
});

function clientOf(origin, request, userId, token, saved = undefined, settings = {}) {
  const client = new ChatClient({
    signalR,
    hubUrl: `${origin}/hubs/chat`,
    serviceRequestId: request.id,
    userId,
    accessToken: () => token,
    saved,
    ...settings,
  });
  clients.push(client);
  client.start();
  return client;
}

/** Waits until nothing is on its way any more, and sends again what was given up meanwhile. */
function sent(client, patience = 60_000) {
  const isSent = () => {
    for (const { state, clientMessageId } of client.outbox) if (state === "failed") client.retry(clientMessageId);
    return client.outbox.length === 0;
  };
  return eventually(isSent, { patience, otherwise: () => `${JSON.stringify(client.outbox.slice(0, 3))} … ${client.problem}` });
}

/** What is stored, in the order of its numbers. */
async function stored(request) {
  return (await b.as(request.center).history(request.id)).map(({ body }) => body);
}

test("messages keep their order while the database comes and goes, and the way breaks", async () => {
  const request = await cluster.open(a);
  const tunnel = await Tunnel.start(a);
  const customer = clientOf(tunnel.origin, request, request.customerId, request.customer);
  const technician = clientOf(b.origin, request, request.technicianId, request.technician);
  await eventually(() => customer.connection === "online" && technician.connection === "online");
  const texts = [];
  const say = async (count, delay) => {
    for (const _ of range(1, count)) {
      texts.push(`text ${texts.length + 1}`);
      customer.send(texts.at(-1));
      if (delay > 0) await pause(delay);
    }
  };
  for (const round of range(1, 3)) {
    await say(40, 0);
    if (round !== 2) await cluster.postgres.stop();
    const talk = say(30, 10);
    await pause(100);
    if (round === 2) tunnel.cut();
    await talk;
    if (round !== 2) await cluster.postgres.start();
    await say(10, 5);
    await eventually(() => customer.outbox.every(({ state }) => state === "sending"));
    await sent(customer);
  }
  assert.deepEqual(await stored(request), texts);
  await eventually(() => technician.messages.length === texts.length);
  assert.deepEqual(technician.messages.map(({ body }) => body), texts);
  await Promise.all([customer.stop(), technician.stop()]);
  tunnel.stop();
});

test("messages keep their order when the node dies with a part of them", async () => {
  const request = await cluster.open(b);
  const customer = clientOf(a.origin, request, request.customerId, request.customer);
  await eventually(() => customer.connection === "online");
  const texts = range(1, 200).map((count) => `text ${count}`);
  texts.forEach((text) => customer.send(text));
  await eventually(() => customer.messages.length > 20);
  await a.kill();
  assert.ok(customer.messages.length < 200, "it died in the middle");
  await a.start();
  await sent(customer);
  assert.deepEqual(await stored(request), texts);
  assert.deepEqual(customer.messages.map(({ body }) => body), texts);
  await customer.stop();
});

test("messages keep their order when some are too many for a while", async () => {
  const strict = await cluster.node("strict", { variables: { user_limits: "messages=120" } });
  const request = await cluster.open(strict);
  const customer = clientOf(strict.origin, request, request.customerId, request.customer);
  await eventually(() => customer.connection === "online");
  const texts = range(1, 128).map((count) => `text ${count}`);
  const begun = performance.now();
  texts.forEach((text) => customer.send(text));
  await eventually(() => customer.outbox.length === 0, { patience: 60_000, otherwise: () => JSON.stringify(customer.outbox[0]) });
  assert.ok(performance.now() - begun > 2_000, "some had to wait: two more come free each second");
  assert.deepEqual(await stored(request), texts);
  await customer.stop();
});

test("commits are lost in a failover, and who was there and who was away have what the database has", async () => {
  const request = await cluster.open(a);
  const customer = clientOf(a.origin, request, request.customerId, request.customer);
  const technician = clientOf(b.origin, request, request.technicianId, request.technician);
  const shown = (client) => client.messages.map(({ body }) => body).join();
  const show = (client, texts) => eventually(() => shown(client) === texts, { patience: 30_000, otherwise: () => shown(client) });
  await eventually(() => customer.connection === "online" && technician.connection === "online");
  customer.send("stays");
  await sent(customer);
  const lose = await cluster.postgres.keep();
  for (const text of ["lost 2", "lost 3", "lost 4"]) customer.send(text);
  await show(technician, "stays,lost 2,lost 3,lost 4");
  await technician.stop();
  await lose();
  await show(customer, "stays");
  customer.send("after");
  const returned = clientOf(b.origin, request, request.technicianId, request.technician, technician.snapshot());
  for (const client of [customer, returned]) await show(client, "stays,after");
  assert.deepEqual(await stored(request), ["stays", "after"]);
  await Promise.all([customer.stop(), returned.stop()]);
});

/** A message whose frame names its invocation in a way that nobody can answer. */
const UNANSWERABLE = "unanswerable";

/** The library with a writer of JSON that escapes all but ASCII, as Python's does: an emoji takes 12 bytes and not 4. */
const ESCAPING = {
  ...signalR,
  HubConnectionBuilder: class extends signalR.HubConnectionBuilder {
    build() {
      const protocol = new signalR.JsonHubProtocol();
      const write = protocol.writeMessage.bind(protocol);
      const escape = (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
      protocol.writeMessage = (message) => {
        const frame = write(message).replace(/[\u0080-\uffff]/g, escape);
        return frame.includes(UNANSWERABLE) ? frame.replace(/"invocationId":"(\d+)"/, '"invocationId":$1') : frame;
      };
      return this.withHubProtocol(protocol) && super.build();
    }
  },
};

test(`messages that can't be taken cut nobody off, over restarts of the app, ${ROUNDS} times in a row`, async () => {
  const emoji = "\ud83d\ude00".repeat(4_000);
  // White space around a text is not counted and escaped like an emoji: 60 KB by the client's count, 120 KB on the way.
  const large = `${"\u2003".repeat(20_000)}large`;
  const unanswerable = `${"\u2003".repeat(14_000)}${UNANSWERABLE}`;
  const usual = (count) => range(1, count).map((number) => `usual ${number}`);
  const taken = [...usual(3), emoji, ...usual(3), emoji, ...usual(40), "at the end"];
  const bodies = [...taken];
  // At the head, in the middle, and where everything is on its way at once; the last one an older app has let through.
  bodies.splice(20, 0, large);
  bodies.splice(4, 0, unanswerable);
  bodies.splice(2, 0, "x".repeat(90_000));
  bodies.unshift(large);
  const givenUp = ["too_large", "too_large", "connection_ended", "too_large"];

  for (const round of range(1, ROUNDS)) {
    const request = await cluster.open(a);
    // What an app has stored that was never online, and did not look at what it was given.
    const outbox = bodies.map((body) => ({ clientMessageId: crypto.randomUUID(), body, state: "sending", code: null }));
    let kept = JSON.stringify({ epoch: null, lastSeq: 0, fromSeq: 1, messages: [], outbox });
    const save = (state) => void (kept = JSON.stringify(state));
    const settings = { signalR: ESCAPING, backoff: new Backoff(() => 0.02), save };
    const open = () => clientOf(a.origin, request, request.customerId, request.customer, JSON.parse(kept), settings);
    // It is closed again and again before it is through, each time at another moment.
    for (const moment of range(0, 3)) {
      const customer = open();
      if (moment > 0) await eventually(() => customer.connection === "online");
      await pause(moment * 2 * round);
      await customer.stop();
    }
    let customer = open();
    const isSettled = () => customer.outbox.every(({ state }) => state === "failed");
    const isThrough = () => customer.connection === "online" && isSettled() && customer.messages.length === taken.length;
    const left = () => customer.outbox.map(({ body, code, ended }) => `${body.slice(0, 10)} ${code} ${ended}`);
    const otherwise = () => `round ${round}: ${customer.connection}, ${customer.problem}: ${left().join()}`;
    await eventually(isThrough, { patience: 30_000, otherwise });
    assert.deepEqual(customer.outbox.map(({ code }) => code), givenUp);
    assert.deepEqual(await stored(request), taken, "once, and in the order of writing");
    assert.deepEqual(customer.messages.map(({ body }) => body), taken);

    // Given up is given up: the app that is opened next is online, sends what is new, and lets go of the others.
    await customer.stop();
    customer = open();
    await eventually(() => customer.connection === "online");
    customer.send("new");
    await eventually(() => customer.messages.length === taken.length + 1);
    assert.deepEqual(customer.outbox.map(({ code }) => code), givenUp);
    for (const { clientMessageId } of [...customer.outbox]) customer.discard(clientMessageId);
    await customer.stop();
    assert.equal(JSON.parse(kept).outbox.length, 0);
    assert.deepEqual(await stored(request), [...taken, "new"]);
  }
});

test("a message that a proxy can't let through is given up, and the others are sent", async () => {
  const request = await cluster.open(a);
  const tunnel = await Tunnel.start(a);
  tunnel.breakOver(4_000);
  const customer = clientOf(tunnel.origin, request, request.customerId, request.customer);
  await eventually(() => customer.connection === "online");
  for (const text of ["before", "x".repeat(4_000), "behind", "at the end"]) customer.send(text);
  await eventually(() => customer.outbox.length === 1 && customer.outbox[0].state === "failed", { patience: 60_000 });
  assert.equal(customer.outbox[0].code, "connection_ended");
  assert.deepEqual(await stored(request), ["before", "behind", "at the end"]);
  assert.ok(tunnel.cuts <= 7, `${tunnel.cuts} connections ended`);
  await customer.stop();
  tunnel.stop();
});

test("a client refuses what the server refuses, and nothing else", async () => {
  const request = await cluster.open(a);
  const party = await Party.connect(a, request.customer);
  await party.join(request.id, 0);
  const around = (text) => `\n\t ${text}\u2003 `;
  for (const text of [
    "x",
    "x".repeat(4_000),
    "x".repeat(4_001),
    "👍".repeat(4_000),
    "👍".repeat(4_001),
    around("\u00e4".repeat(4_000)),
    around("\u00e4".repeat(4_001)),
    around(""),
    "",
    "\u00a0\u1680\u2028\u3000",
    "\ufeff",
    "\u200b",
    "a\0b",
    `x${" ".repeat(3_998)}x`,
    `x${" ".repeat(3_999)}x`,
    `${"x\r\n".repeat(2_000)}x`,
    `${"x".repeat(3_999)}\u0007\u009fy`,
    `${"x".repeat(4_000)}\r\ny`,
    "\u0001\u0085\u007f",
    '"'.repeat(4_000),
    " ".repeat(100_000),
    "x".repeat(100_000),
  ]) {
    const answer = await a.as(request.customer).send(request.id, text);
    const expected = refusalOf(text)?.code ?? "taken";
    const title = JSON.stringify(text.slice(0, 20));
    assert.equal(answer.status < 300 ? "taken" : answer.body.code, expected, `${title} over HTTP`);
    const heard = await party.send(request.id, text).then(() => "taken", hubCode);
    assert.equal(heard, expected, `${title} over the hub`);
  }
  await party.stop();
});
