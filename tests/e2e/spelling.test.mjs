// Must hold: a value has one spelling wherever it is read, and every usual spelling of it is understood.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { Party } from "../system/party.mjs";
import { RawHub, SEPARATOR } from "../system/raw-hub.mjs";

let cluster;
let [here, there] = [];

before(async () => {
  cluster = await Cluster.start();
  here = await cluster.node("here");
  there = await cluster.node("there");
});
after(() => cluster?.stop());

const TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/;

/** Everything in an answer or event that looks like a time. */
function times(value, found = []) {
  if (typeof value === "string" && /^\d{4}-\d\d-\d\dT/.test(value)) found.push(value);
  else if (value && typeof value === "object") for (const part of Object.values(value)) times(part, found);
  return found;
}

test("a time has one shape, however many digits its value has", async () => {
  const request = await cluster.open(here);
  const [customer, technician] = await Promise.all([Party.connect(here, request.customer), Party.connect(there, request.technician)]);
  await Promise.all([customer.join(request.id, 0), technician.join(request.id, 0)]);
  const answers = [await customer.send(request.id, "one"), (await here.as(request.customer).send(request.id, "two")).body];
  await technician.receives(request.id, 2);
  await customer.receives(request.id, 1);
  assert.deepEqual(technician.received(request.id).map(({ sentAt }) => sentAt), answers.map(({ sentAt }) => sentAt));

  // One whole second and one short fraction, which a clock shows once in a million times.
  const set = (seq, time) =>
    cluster.sql(
      `update hubline.message m set sent_at = $3 from hubline.service_request s where s.key = m.service_request and s.id = $1 and m.seq = $2`,
      [request.id, seq, time],
    );
  await set(1, "2026-03-01T10:00:00Z");
  await set(2, "2026-03-01T10:00:00.12Z");
  const expected = ["2026-03-01T10:00:00.000000Z", "2026-03-01T10:00:00.120000Z"];
  const list = (await here.as(request.customer).page(request.id)).body.messages;
  const late = await Party.connect(there, request.customer);
  await late.join(request.id, 0);
  await late.receives(request.id, 2);
  for (const messages of [list, late.received(request.id)]) assert.deepEqual(messages.map(({ sentAt }) => sentAt), expected);
  // The answer to a repeat, over HTTP and over the hub.
  for (const message of list) {
    assert.deepEqual((await here.as(request.customer).send(request.id, "again", message.clientMessageId)).body, message);
    assert.deepEqual(await customer.send(request.id, "again", message.clientMessageId), message);
  }

  const closedAt = "2026-03-01T12:00:00+01:00";
  const reported = await request.report(here, { status: "closed", closedAt });
  const read = await here.as(request.customer).read(request.id);
  const told = await Promise.all([customer, technician].map((party) => party.hears("OnServiceRequestChanged")));
  for (const value of [reported.body, read.body, ...told]) assert.equal(value.closedAt, "2026-03-01T11:00:00.000000Z");
  const all = [answers, list, technician.received(request.id), late.received(request.id), reported.body, read.body, told];
  for (const time of times(all)) assert.match(time, TIME);
  await Promise.all([customer, technician, late].map((party) => party.stop()));
});

/** `[what is sent, what is stored]` */
const LINES = [
  ["a\r\nb", "a\nb"],
  ["a\rb\r", "a\nb\n"],
  ["\u001b[1mbold\u001b[0m\u0007", "[1mbold[0m"],
  ["a\tb\u0085\u007fc", "a\tbc"],
  [`${"x".repeat(3999)}\r\ny`.slice(0, 4001), `${"x".repeat(3999)}\n`],
];

test("line ends become newlines, and control characters are dropped, over HTTP and the hub alike", async () => {
  const request = await cluster.open(here);
  const customer = await Party.connect(here, request.customer);
  const technician = await Party.connect(there, request.technician);
  await technician.join(request.id, 0);
  for (const [sent, stored] of LINES) {
    const ids = [crypto.randomUUID(), crypto.randomUUID()];
    const posted = await here.as(request.customer).send(request.id, sent, ids[0]);
    assert.deepEqual([posted.status, posted.body.body], [201, stored]);
    const invoked = await customer.send(request.id, sent, ids[1]);
    assert.equal(invoked.body, stored);
    // A repeat finds the first, however it ends its lines.
    for (const [id, message] of [[ids[0], posted.body], [ids[1], invoked]]) {
      assert.deepEqual(await customer.send(request.id, stored, id), message);
      assert.deepEqual((await here.as(request.customer).send(request.id, sent, id)).body, message);
    }
  }
  await technician.receives(request.id, 2 * LINES.length);
  const expected = LINES.flatMap(([, stored]) => [stored, stored]);
  assert.deepEqual(technician.received(request.id).map(({ body }) => body), expected);
  assert.deepEqual((await here.as(request.customer).history(request.id)).map(({ body }) => body), expected);
  await Promise.all([customer.stop(), technician.stop()]);
});

test("methods and properties are matched without case, and numbers by their value", async () => {
  const request = await cluster.open(here);
  const customer = await Party.connect(here, request.customer);
  await customer.connection.invoke("SENDMESSAGE", request.id, { ClientMessageId: crypto.randomUUID(), Body: "one" });
  await customer.connection.invoke("sendMessage", request.id, { clientmessageid: crypto.randomUUID(), body: "no", BODY: "two" });
  const hub = await RawHub.shake(there, request.technician);
  for (const [spelling, first] of [["1.0", 2], ["1e0", 2], ["10E-1", 2], ["0.0", 1], ["-0", 1]]) {
    hub.say(`{"type":1,"invocationId":"j","target":"joinServiceRequest","arguments":["${request.id}",${spelling}]}${SEPARATOR}`);
    assert.equal(JSON.parse(await hub.next()).result?.lastSeq, 2, spelling);
    for (let seq = first; seq <= 2; seq += 1) assert.equal(JSON.parse(await hub.next()).arguments[0].seq, seq, spelling);
  }
  hub.end();
  await customer.stop();
});

test("a slash behind the hub's address means nothing", async () => {
  const request = await cluster.open(here);
  const slashed = { hubUrl: `${here.hubUrl}/` };
  const customer = await Party.connect(slashed, request.customer);
  assert.equal((await customer.join(request.id)).lastSeq, 0);
  const negotiated = await here.as(request.customer).call("POST", "/hubs/chat/negotiate/?negotiateVersion=1");
  assert.equal(negotiated.status, 200);
  await customer.stop();
});
