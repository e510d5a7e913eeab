// Must hold: two people exchange messages, and each sees all of the other's, in order, once.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { pause, range } from "../system/eventually.mjs";
import { Party } from "../system/party.mjs";

const EACH = 500;

let cluster;
let node;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
});
after(() => cluster?.stop());

/** Both people, joined. */
async function twoPeople() {
  const request = await cluster.open(node);
  const customer = await Party.connect(node, request.customer);
  const technician = await Party.connect(node, request.technician);
  await customer.join(request.id, 0);
  await technician.join(request.id, 0);
  return { request, customer, technician };
}

const texts = (who) => range(1, EACH).map((count) => `${who} ${count}`);

/** History is numbered without gaps and has what both said, each in the order of saying it. */
async function assertHistory({ id, customer, customerId, technicianId }) {
  const history = await node.as(customer).history(id);
  assert.deepEqual(history.map(({ seq }) => seq), range(1, 2 * EACH));
  const saidBy = (user) => history.filter(({ senderId }) => senderId === user).map(({ body }) => body);
  assert.deepEqual(saidBy(customerId), texts("customer"));
  assert.deepEqual(saidBy(technicianId), texts("technician"));
  return history;
}

/** What arrived is what history has from the other, message for message. */
function assertReceived(party, request, from, history) {
  assert.deepEqual(party.received(request.id), history.filter(({ senderId }) => senderId === from));
}

/** A device that joins, listens for a moment, leaves and joins again, until told to stop. */
function comesAndGoes(party, id) {
  let going = true;
  const rounds = (async () => {
    let count = 0;
    for (; going; count += 1) {
      await party.join(id, party.seqs(id).at(-1) ?? 0);
      await pause(Math.random() * 30);
      await party.leave(id);
      const heard = party.received(id).length;
      await pause(Math.random() * 10);
      assert.equal(party.received(id).length, heard, "a message came after leaving");
    }
    await party.join(id, party.seqs(id).at(-1) ?? 0);
    return count;
  })();
  return () => {
    going = false;
    return rounds;
  };
}

test("1,000 messages, both directions at once", async () => {
  const { request, customer, technician } = await twoPeople();
  const answers = await Promise.all([
    ...texts("customer").map((text) => customer.send(request.id, text)),
    ...texts("technician").map((text) => technician.send(request.id, text)),
  ]);
  await customer.receives(request.id, EACH);
  await technician.receives(request.id, EACH);

  const history = await assertHistory(request);
  assertReceived(customer, request, request.technicianId, history);
  assertReceived(technician, request, request.customerId, history);
  assert.deepEqual(answers.toSorted((one, other) => one.seq - other.seq), history);
  await Promise.all([customer.stop(), technician.stop()]);
});

test("1,000 messages while parties join and leave all the time", async () => {
  const { request, customer, technician } = await twoPeople();
  const devices = await Promise.all(
    [request.customer, request.technician, request.center, request.center].map((token) => Party.connect(node, token)),
  );
  const stops = devices.map((device) => comesAndGoes(device, request.id));
  for (let sent = 0; sent < EACH; sent += 25) {
    const part = (who, party) => texts(who).slice(sent, sent + 25).map((text) => party.send(request.id, text));
    await Promise.all([...part("customer", customer), ...part("technician", technician), pause(20)]);
  }
  const rounds = await Promise.all(stops.map((stop) => stop()));
  assert.ok(rounds.every((count) => count >= 5), `joined only ${rounds} times`);
  await customer.receives(request.id, EACH);
  await technician.receives(request.id, EACH);

  const history = await assertHistory(request);
  assertReceived(customer, request, request.technicianId, history);
  assertReceived(technician, request, request.customerId, history);
  for (const device of devices) {
    await device.receives(request.id, 2 * EACH);
    assert.deepEqual(device.received(request.id), history);
  }
  await Promise.all([customer, technician, ...devices].map((party) => party.stop()));
});

test("1,000 messages with one side posting over HTTP", async () => {
  const { request, customer, technician } = await twoPeople();
  const post = node.as(request.technician);
  const posting = (async () => {
    const answers = [];
    for (const text of texts("technician")) answers.push(await post.send(request.id, text));
    return answers;
  })();
  const answers = await Promise.all(texts("customer").map((text) => customer.send(request.id, text)));
  const posted = await posting;
  assert.ok(posted.every(({ status }) => status === 201));
  await customer.receives(request.id, EACH);
  // The technician's connection did not send these, so it gets the technician's own messages as well.
  await technician.receives(request.id, 2 * EACH);

  const history = await assertHistory(request);
  assertReceived(customer, request, request.technicianId, history);
  assert.deepEqual(technician.received(request.id), history);
  const known = [...answers, ...posted.map(({ body }) => body)];
  assert.deepEqual(known.toSorted((one, other) => one.seq - other.seq), history);
  await Promise.all([customer.stop(), technician.stop()]);
});
