// Must hold: a message sent many times is one message, numbers have no gaps, and a sender's order is kept.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { range } from "../system/eventually.mjs";
import { Party } from "../system/party.mjs";

let cluster;
let node;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
});
after(() => cluster?.stop());

test("50 concurrent sends with one id are one message with one number and 50 equal answers", async () => {
  const request = await cluster.open(node);
  const devices = await Promise.all(range(1, 5).map(() => Party.connect(node, request.customer)));
  const technician = await Party.connect(node, request.technician);
  await technician.join(request.id, 0);
  const http = node.as(request.customer);
  const id = crypto.randomUUID();

  const overHub = range(0, 24).map((count) => devices[count % devices.length].send(request.id, "once", id));
  const overHttp = range(1, 25).map(() => http.send(request.id, "once", id));
  const messages = await Promise.all(overHub);
  const answers = await Promise.all(overHttp);
  assert.ok(answers.every(({ status }) => status === 200 || status === 201));
  assert.ok(answers.filter(({ status }) => status === 201).length <= 1);
  messages.push(...answers.map(({ body }) => body));

  assert.equal(messages.length, 50);
  for (const message of messages) assert.deepEqual(message, messages[0]);
  assert.equal(messages[0].seq, 1);
  assert.deepEqual(await http.history(request.id), [messages[0]]);
  await devices[0].send(request.id, "the next one");
  await technician.receives(request.id, 2);
  assert.deepEqual(technician.received(request.id).map(({ body }) => body), ["once", "the next one"]);
  await Promise.all([...devices, technician].map((party) => party.stop()));
});

test("a repeated send gives the first message, whatever it says now", async () => {
  const request = await cluster.open(node);
  const id = crypto.randomUUID();
  const first = await node.as(request.customer).send(request.id, "first", id);
  const again = await node.as(request.customer).send(request.id, "another text", id.toUpperCase());
  assert.deepEqual([first.status, again.status], [201, 200]);
  assert.deepEqual(again.body, first.body);
  assert.equal(first.body.clientMessageId, id);

  await request.report(node, { status: "closed" });
  const late = await node.as(request.customer).send(request.id, "first", id);
  assert.ok(late.status === 200 || late.body.code === "closed", "stored once, and the client can tell");
});

test("another sender's message with the same id is another message", async () => {
  const request = await cluster.open(node);
  const id = crypto.randomUUID();
  const mine = await node.as(request.customer).send(request.id, "mine", id);
  const theirs = await node.as(request.technician).send(request.id, "theirs", id);
  assert.deepEqual([mine.body.seq, theirs.body.seq], [1, 2]);
  assert.equal(theirs.status, 201);
});

test("500 concurrent sends to one conversation get the numbers 1 to 500", async () => {
  const request = await cluster.open(node);
  const tokens = [request.customer, request.technician, request.center];
  const parties = await Promise.all(range(0, 8).map((count) => Party.connect(node, tokens[count % 3])));
  const senders = [
    ...parties.map((party) => (text) => party.send(request.id, text)),
    ...tokens.map((token) => async (text) => (await node.as(token).send(request.id, text)).body),
  ];
  const messages = await Promise.all(range(0, 499).map((count) => senders[count % senders.length](`text ${count}`)));
  assert.deepEqual(messages.map(({ seq }) => seq).toSorted((one, other) => one - other), range(1, 500));
  assert.deepEqual((await node.as(request.customer).history(request.id)).map(({ seq }) => seq), range(1, 500));
  await Promise.all(parties.map((party) => party.stop()));
});

test("unawaited sends keep their order, however many others send", async () => {
  const request = await cluster.open(node);
  const [customer, technician, listener] = await Promise.all(
    [request.customer, request.technician, request.center].map((token) => Party.connect(node, token)),
  );
  await listener.join(request.id, 0);
  const said = { customer: [], technician: [] };
  for (const count of range(1, 300)) {
    said.customer.push(customer.send(request.id, `customer ${count}`));
    said.technician.push(technician.send(request.id, `technician ${count}`));
  }
  await listener.receives(request.id, 600);
  for (const [who, sends] of Object.entries(said)) {
    const seqs = (await Promise.all(sends)).map(({ seq }) => seq);
    assert.deepEqual(seqs, seqs.toSorted((one, other) => one - other));
    const heard = listener.received(request.id).filter(({ body }) => body.startsWith(who));
    assert.deepEqual(heard.map(({ body }) => body), range(1, 300).map((count) => `${who} ${count}`));
  }
  await Promise.all([customer, technician, listener].map((party) => party.stop()));
});

test("an answer never jumps over a message that the connection has not seen", async () => {
  const request = await cluster.open(node);
  const [customer, technician] = await Promise.all(
    [request.customer, request.technician].map((token) => Party.connect(node, token)),
  );
  await customer.join(request.id, 0);
  const others = range(1, 200).map((count) => technician.send(request.id, `before ${count}`));
  for (const count of range(1, 50)) {
    const { seq } = await customer.send(request.id, `mine ${count}`);
    const seen = new Set(customer.seqs(request.id));
    const history = await node.as(request.customer).page(request.id, { beforeSeq: seq, limit: 200 });
    const missing = history.body.messages.filter((it) => it.senderId !== request.customerId && !seen.has(it.seq));
    assert.deepEqual(missing, [], `missing when ${seq} was acknowledged`);
  }
  await Promise.all(others);
  await Promise.all([customer, technician].map((party) => party.stop()));
});

test("a message is kept as sent", async () => {
  const request = await cluster.open(node);
  const bodies = ["  spaces around  ", "tab\tand\nnewline", "👩‍🔧 häßlich", "\u202eright to left", "x".repeat(4000), "👍".repeat(4000), "</script>", "\"\\'", "0"];
  for (const body of bodies) {
    const { status, body: message } = await node.as(request.customer).send(request.id, body);
    assert.equal(status, 201, JSON.stringify(message));
    assert.equal(message.body, body);
    assert.match(message.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.match(message.sentAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/);
    assert.equal(message.senderRole, "customer");
  }
  const history = await node.as(request.technician).history(request.id);
  assert.deepEqual(history.map(({ body }) => body), bodies);
});
