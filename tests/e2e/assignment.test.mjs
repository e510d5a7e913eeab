// Must hold: re-assigning and closing take effect at once, and who was re-assigned hears nothing more.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause, range } from "../system/eventually.mjs";
import { Party, refusalOf } from "../system/party.mjs";
import { PublishSink } from "../system/publish-sink.mjs";

let cluster;
let a;
let b;
let sink;
let deafA;
let deafB;

before(async () => {
  cluster = await Cluster.start();
  sink = await PublishSink.start(cluster.redis);
  [a, b, deafA, deafB] = await Promise.all([
    cluster.node("a"),
    cluster.node("b"),
    cluster.node("deaf-a", { redisUrl: sink.url }),
    cluster.node("deaf-b", { redisUrl: sink.url }),
  ]);
});
after(async () => {
  sink?.stop();
  await cluster?.stop();
});

async function joined(node, token, request) {
  const party = await Party.connect(node, token);
  await party.join(request.id, 0);
  return party;
}

for (const where of ["the same node", "another node"]) {
  test(`a re-assigned technician on ${where} is out within a second`, async () => {
    const request = await cluster.open(a);
    const customer = await joined(a, request.customer, request);
    const oldToken = request.technician;
    const old = await joined(where === "the same node" ? a : b, oldToken, request);
    await old.send(request.id, "I will come at nine");
    await customer.receives(request.id, 1);

    const begin = performance.now();
    await request.report(a, { technicianId: `successor-${request.id}` });
    const removed = await old.hears("OnRemoved", ({ serviceRequestId }) => serviceRequestId === request.id, 1_000);
    assert.ok(performance.now() - begin < 1_000);
    assert.equal(removed.code, "forbidden");
    const changed = await customer.hears("OnServiceRequestChanged");
    assert.deepEqual(changed, {
      name: "OnServiceRequestChanged",
      serviceRequestId: request.id,
      status: "open",
      closedAt: null,
      technicianId: request.technicianId,
      serviceCenterId: request.serviceCenterId,
    });
    assert.deepEqual(old.eventsOf("OnServiceRequestChanged"), [], "the successor is none of the old one's business");

    assert.equal(await refusalOf(old.send(request.id, "one more thing")), "not_found");
    assert.equal(await refusalOf(old.join(request.id, 0)), "not_found");
    assert.equal((await a.as(oldToken).send(request.id, "by post")).status, 404);
    assert.equal((await a.as(oldToken).page(request.id)).status, 404);

    const successor = await joined(b, request.technician, request);
    await successor.receives(request.id, 1);
    await customer.send(request.id, "are you the new one?");
    await successor.receives(request.id, 2);
    await pause(300);
    assert.deepEqual(old.received(request.id), []);
    await Promise.all([customer, old, successor].map((party) => party.stop()));
  });
}

test("who was re-assigned still hears what became of a message that is stored, and nothing else", async () => {
  const request = await cluster.open(a);
  const oldToken = request.technician;
  const [customer, old] = await Promise.all([joined(b, request.customer, request), joined(b, oldToken, request)]);
  const [stored, lost] = [crypto.randomUUID(), crypto.randomUUID()];
  const first = (await a.as(oldToken).send(request.id, "I will come at nine", stored)).body;
  await request.report(a, { technicianId: `successor-${request.id}` });
  await old.hears("OnRemoved");

  // Its answer was lost, say. However it is asked for, the first message is it.
  for (const node of [a, b]) {
    const repeat = await node.as(oldToken).send(request.id, "again", stored);
    assert.deepEqual([repeat.status, repeat.body], [200, first]);
  }
  assert.deepEqual(await old.send(request.id, "again", stored), first);
  // In one batch with what is not stored, and with what others send.
  const outcomes = await Promise.allSettled([
    old.send(request.id, "again", stored),
    old.send(request.id, "new", lost),
    customer.send(request.id, "hello?"),
    old.send(request.id, "again", stored),
  ]);
  assert.deepEqual(outcomes.map(({ status }) => status), ["fulfilled", "rejected", "fulfilled", "fulfilled"]);
  assert.match(outcomes[1].reason.message, /not_found: /);
  assert.deepEqual([outcomes[0].value, outcomes[3].value], [first, first]);
  // Nobody else learns by the same id whether there is such a message.
  for (const stranger of [request.technicianToken("somebody"), request.technician, request.customer]) {
    const { status, body } = await a.as(stranger).send(request.id, "mine", stored);
    assert.notDeepEqual([status, body.senderId], [200, first.senderId]);
  }
  assert.equal((await a.as(oldToken).page(request.id)).status, 404, "the rest is none of their business");
  assert.equal((await a.as(oldToken).send(request.id, "new", lost)).status, 404);
  await request.report(a, { status: "closed" });
  assert.deepEqual((await a.as(oldToken).send(request.id, "again", stored)).body, first);
  await Promise.all([customer, old].map((party) => party.stop()));
});

test("not one message after it reaches the old technician, even when every publish is lost", async () => {
  for (const [customerAt, oldAt] of [[deafA, deafA], [deafA, deafB], [deafB, deafA]]) {
    const request = await cluster.open(deafA);
    const customer = await joined(customerAt, request.customer, request);
    const old = await joined(oldAt, request.technician, request);
    const early = await customer.send(request.id, "before");
    await old.receives(request.id, 1, 5_000);

    // Sends on every path, before, during and after the change.
    const talk = range(1, 100).map(async (count) => {
      await pause(count * 10);
      const body = `text ${count}`;
      return count % 2 ? customer.send(request.id, body) : (await deafB.as(request.customer).send(request.id, body)).body;
    });
    await pause(200);
    const report = request.report(deafB, { technicianId: `successor-${request.id}` });
    await report;
    const { lastSeq } = (await deafA.as(request.platform).read(request.id)).body;
    const messages = await Promise.all(talk);
    await old.hears("OnRemoved", () => true, 5_000);
    await pause(2_500); // A sweep more.
    assert.equal(await refusalOf(old.send(request.id, "let me in")), "not_found");

    assert.ok(messages.some(({ seq }) => seq > lastSeq), "something was said after the change");
    const heard = old.seqs(request.id);
    assert.ok(heard.every((seq) => seq <= lastSeq), `heard ${heard.at(-1)}, assigned away at ${lastSeq} at the latest`);
    assert.deepEqual(heard, range(1, heard.length), "and what it heard was in order");
    assert.equal(heard[0], early.seq);
    await Promise.all([customer, old].map((party) => party.stop()));
  }
  assert.ok(sink.lost > 0, "publishes went through the sink");
});

test("closing refuses sends and leaves reading", async () => {
  const request = await cluster.open(a);
  const customer = await joined(a, request.customer, request);
  const technician = await joined(b, request.technician, request);
  await customer.send(request.id, "it works again");
  await technician.receives(request.id, 1);

  const closedAt = new Date(Date.now() - 60_000).toISOString();
  await request.report(b, { status: "closed", closedAt });
  for (const party of [customer, technician]) {
    const changed = await party.hears("OnServiceRequestChanged", ({ status }) => status === "closed", 1_000);
    assert.equal(new Date(changed.closedAt).toISOString(), closedAt);
  }
  assert.equal(await refusalOf(customer.send(request.id, "thanks")), "closed");
  assert.equal(await refusalOf(technician.send(request.id, "welcome")), "closed");
  const posted = await b.as(request.center).send(request.id, "closed now");
  assert.deepEqual([posted.status, posted.body.code], [409, "closed"]);
  const history = await a.as(request.technician).history(request.id);
  assert.equal(history.length, 1);
  const late = await Party.connect(b, request.customer);
  const { status, lastSeq } = await late.join(request.id, 0);
  assert.deepEqual([status, lastSeq], ["closed", 1]);
  await late.receives(request.id, 1);

  await request.report(a, { status: "open" });
  await technician.hears("OnServiceRequestChanged", ({ status }) => status === "open", 1_000);
  const again = await technician.send(request.id, "open again");
  assert.equal(again.seq, 2);
  await late.receives(request.id, 2);
  await Promise.all([customer, technician, late].map((party) => party.stop()));
});

test("who comes and goes is shown to the others", async () => {
  const request = await cluster.open(a);
  const customer = await Party.connect(a, request.customer);
  const first = await customer.join(request.id, 0);
  assert.deepEqual(first.parties, [
    { userId: request.customerId, role: "customer", online: true },
    { userId: request.technicianId, role: "technician", online: false },
    { userId: request.serviceCenterId, role: "service-center", online: false },
  ]);
  const technician = await Party.connect(b, request.technician);
  const second = await technician.join(request.id, 0);
  assert.deepEqual(second.parties.map(({ online }) => online), [true, true, false]);
  const about = (online) => (event) => event.userId === request.technicianId && event.online === online;
  await customer.hears("OnPresenceChanged", about(true));
  await technician.stop();
  await customer.hears("OnPresenceChanged", about(false));

  const again = await joined(a, request.technician, request);
  await eventually(() => customer.eventsOf("OnPresenceChanged").filter(about(true)).length === 2);
  await Promise.all([customer, again].map((party) => party.stop()));
});
