// Must hold: history is kept while a service request is open and for one calendar year after it was closed, and then
// purged once, however many replicas do it and whatever ends one of them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, range } from "../system/eventually.mjs";
import { old } from "../system/history.mjs";
import { durations, median } from "../system/latency.mjs";
import { Party } from "../system/party.mjs";

let cluster;
let node;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
});
after(() => cluster?.stop());

/** Purges all that is due, as the clock does. */
async function purge() {
  await cluster.hubline(["trigger", "message-purge"]);
  assert.equal(await due(), 0);
}

const count = async (text, values) => Number((await cluster.sql(text, values))[0].count);

/** How many service requests are past their retention and not purged. */
const due = () =>
  count(`select count(*) from hubline.service_request
    where hubline.due_at(closed_at, closing_recorded_at) <= now() and customer_id is not null`);

/** Lets every batch of deleted messages take so long, as on a slow disk, until the answer is called. */
async function slowly(milliseconds) {
  await cluster.sql(`create or replace function hubline.slow() returns trigger language plpgsql as
    'begin perform pg_sleep(${milliseconds / 1000}); return null; end'`);
  await cluster.sql("create trigger slow after delete on hubline.message for each statement execute function hubline.slow()");
  return () => cluster.sql("drop trigger slow on hubline.message");
}

/** A service request in which something was said, closed at a moment that its owner reports. */
async function closed(closedAt, messages = 3) {
  const request = await cluster.open(node);
  for (const count of range(1, messages)) await node.as(request.customer).send(request.id, `text ${count}`);
  await request.report(node, { status: "closed", closedAt: closedAt?.toISOString() });
  return request;
}

/** Makes time: both the reported closing and its recording were then. An SQL expression. */
function backdate(request, moment) {
  return cluster.sql(
    `update hubline.service_request set closed_at = ${moment}, closing_recorded_at = ${moment} where id = $1`,
    [request.id],
  );
}

const kept = async (request) => (await node.as(request.platform).history(request.id)).length;

async function dueAt({ id }) {
  const due = "select hubline.due_at(closed_at, closing_recorded_at) as at from hubline.service_request where id = $1";
  const [{ at }] = await cluster.sql(due, [id]);
  return at?.toISOString();
}

test("kept while open, however old", async () => {
  const request = await cluster.open(node);
  await node.as(request.customer).send(request.id, "long ago");
  await cluster.sql("update hubline.message set sent_at = now() - interval '5 years'");
  await purge();
  assert.equal(await kept(request), 1);
  assert.equal(await dueAt(request), undefined);
});

test("purged one year after closing to the second, kept a second less", async () => {
  const [due, almost] = [await closed(), await closed()];
  await backdate(due, "now() - interval '1 year'");
  await backdate(almost, "now() - interval '1 year' + interval '1 hour'");
  await purge();
  assert.deepEqual([await kept(due), await kept(almost)], [0, 3]);

  // What the function does at a moment of its caller's choice: only the owner may choose one.
  const at = (offset) =>
    cluster.sql(
      `select hubline.purge_due(hubline.due_at(closed_at, closing_recorded_at) + $2::interval, 1000, 100)
       from hubline.service_request where id = $1`,
      [almost.id, offset],
    );
  await at("-1 second");
  assert.equal(await kept(almost), 3);
  await at("0 seconds");
  assert.equal(await kept(almost), 0);
});

test("a year from 29 February ends on 28 February", async () => {
  const request = await closed(new Date("2024-02-29T12:30:45Z"));
  await backdate(request, "timestamptz '2024-02-29 12:30:45Z'");
  assert.equal(await dueAt(request), "2025-02-28T12:30:45.000Z");
  await purge();
  assert.equal(await kept(request), 0);
  const other = await closed();
  await backdate(other, "timestamptz '2025-02-28 12:30:45Z'");
  assert.equal(await dueAt(other), "2026-02-28T12:30:45.000Z");
});

test("a backdated closing shortens nothing: its recording counts", async () => {
  const request = await closed(new Date("2020-01-01T00:00:00Z"));
  await purge();
  assert.equal(await kept(request), 3);
  const year = 365 * 24 * 3600 * 1000;
  assert.ok(new Date(await dueAt(request)) - Date.now() > year - 60_000);
  // Reported again as it is, the moment of the first recording stands.
  const before = await dueAt(request);
  await request.report(node, { status: "closed", closedAt: "2020-01-01T00:00:00Z" });
  assert.equal(await dueAt(request), before);
});

test("a closing in the future is invalid", async () => {
  const request = await cluster.open(node);
  const { customerId, serviceCenterId } = request;
  const closedAt = new Date(Date.now() + 3_600_000).toISOString();
  const answer = await node.as(request.platform).report(request.id, { customerId, serviceCenterId, status: "closed", closedAt });
  assert.deepEqual([answer.status, answer.body.code], [422, "invalid"]);
  assert.deepEqual(answer.body.errors.map(({ field }) => field), ["closedAt"]);
  assert.equal((await node.as(request.customer).read(request.id)).body.status, "open");
});

test("re-opening stops the clock, and closing again starts it anew", async () => {
  const request = await closed();
  await backdate(request, "now() - interval '2 years'");
  await request.report(node, { status: "open" });
  await purge();
  assert.equal(await kept(request), 3);
  assert.equal(await dueAt(request), undefined);
  await request.report(node, { status: "closed", closedAt: "2020-01-01T00:00:00Z" });
  await purge();
  assert.equal(await kept(request), 3);
});

test("numbers go on after a purge, and readers get on", async () => {
  const request = await closed();
  const { epoch } = (await node.as(request.customer).read(request.id)).body;
  await backdate(request, "now() - interval '2 years'");
  await purge();
  assert.deepEqual((await node.as(request.platform).page(request.id)).body, { messages: [], hasMore: false, firstSeq: 4, lastSeq: 3 });
  await request.report(node, { status: "open" });
  const technician = await Party.connect(node, request.technician);
  assert.equal((await technician.join(request.id, 1, epoch)).lastSeq, 3);
  const sent = await node.as(request.customer).send(request.id, "once more");
  assert.equal(sent.body.seq, 4);
  await technician.receives(request.id, 1);
  assert.deepEqual(technician.seqs(request.id), [4]);
  assert.deepEqual((await node.as(request.customer).history(request.id)).map(({ seq }) => seq), [4]);
  await technician.stop();

  // Purged again later, from where the first purge ended.
  await request.report(node, { status: "closed" });
  await backdate(request, "now() - interval '2 years'");
  await purge();
  const records = await cluster.sql(
    `select r.first_seq::int, r.last_seq::int, r.messages::int, octet_length(r.digest) as digest, r.purged_at
     from hubline.purge_record r join hubline.service_request s on s.key = r.service_request
     where s.id = $1 order by r.id`,
    [request.id],
  );
  assert.deepEqual(records.map(({ first_seq: first, last_seq: last, messages }) => [first, last, messages]), [[1, 3, 3], [4, 4, 1]]);
  assert.ok(records.every(({ digest, purged_at: at }) => digest === 32 && at instanceof Date));
});

test("who talked with whom goes with the last message, and the numbers stay", async () => {
  const request = await closed(undefined, 5);
  const { customerId, technicianId, serviceCenterId } = request;
  const report = { customerId, technicianId, serviceCenterId, status: "closed", closedAt: "2020-01-01T00:00:00Z" };
  const before = (await request.report(node, report)).body;
  const party = await Party.connect(node, request.technician);
  await party.join(request.id, 0);
  await backdate(request, "now() - interval '2 years'");
  await purge();
  // Whoever still follows it is told, and may not go on.
  await party.hears("OnRemoved", ({ serviceRequestId }) => serviceRequestId === request.id, 10_000);
  await party.stop();

  const [row] = await cluster.sql("select last_seq::int, customer_id, technician_id, service_center_id from hubline.service_request where id = $1", [request.id]);
  assert.deepEqual(row, { last_seq: 5, customer_id: null, technician_id: null, service_center_id: null });
  for (const token of [request.customer, request.technician, request.center]) {
    const answers = [await node.as(token).read(request.id), await node.as(token).page(request.id), await node.as(token).send(request.id, "late")];
    assert.deepEqual(answers.map(({ status, body }) => `${status} ${body.code}`), Array(3).fill("404 not_found"));
  }
  const left = (await node.as(request.platform).read(request.id)).body;
  assert.deepEqual(left, { ...before, customerId: null, technicianId: null, serviceCenterId: null, closedAt: left.closedAt });
  assert.equal(await count("select count(*) from hubline.conversation_node h join hubline.service_request s on s.key = h.service_request where s.id = $1", [request.id]), 0);

  await request.report(node, { status: "open" });
  assert.equal((await node.as(request.customer).send(request.id, "once more")).body.seq, 6);
});

test("what is due is counted, and how long it has been", async () => {
  const [requests, messages] = await Promise.all(["service_requests", "messages"].map((what) => node.metric(`hubline_retention_purged_${what}_total`)));
  await old(cluster, "counted", 20, 3);
  // The figures are asked for anew every few seconds.
  const shown = { patience: 15_000, otherwise: () => "the figures do not change" };
  await eventually(async () => (await node.metric("hubline_retention_due")) === 20, shown);
  const overdue = await node.metric("hubline_retention_overdue_seconds");
  assert.ok(Math.abs(overdue - 365 * 86_400) < 2 * 86_400, `${overdue} s`);
  await purge();
  await eventually(async () => (await node.metric("hubline_retention_due")) === 0, shown);
  assert.equal(await node.metric("hubline_retention_overdue_seconds"), 0);
  assert.equal(await node.metric("hubline_retention_up"), 1);
  assert.equal((await node.metric("hubline_retention_purged_service_requests_total")) - requests, 20);
  assert.equal((await node.metric("hubline_retention_purged_messages_total")) - messages, 60);
  assert.ok((await node.metric("hubline_retention_busy_seconds_total")) > 0);
});

test("a hundred thousand without a message are done in one run", async () => {
  const done = () => count("select service_requests as count from hubline.purge_total");
  const before = await done();
  await old(cluster, "empty", 100_000);
  await purge();
  assert.equal((await done()) - before, 100_000);
});

test("three replicas at once, one killed in the middle: done once, and no send waits", async () => {
  const [HOW_MANY, EACH] = [600, 200];
  const recent = await closed();
  const open = await cluster.open(node);
  const before = median(await durations(100, () => node.as(open.customer).send(open.id, "before")));
  await old(cluster, "shared", HOW_MANY, EACH);
  const left = () => count("select count(*) from hubline.message m join hubline.service_request s on s.key = m.service_request where s.id like 'shared-%'");
  const quickly = await slowly(25);

  const replicas = range(1, 3).map(() => cluster.startHubline(["trigger", "message-purge"]));
  let purging = true;
  const sending = (async () => {
    const took = [];
    while (purging) took.push(...(await durations(1, () => node.as(open.customer).send(open.id, "during"))));
    return took;
  })();
  const outputs = () => replicas.map(({ output }) => output).join();
  // All of them are at it, and not through.
  const working = () => count("select count(distinct pid) from pg_stat_activity where query like '%from hubline.purge($%' and pid <> pg_backend_pid()");
  await eventually(async () => (await working()) >= 3 && (await left()) < HOW_MANY * EACH, { patience: 30_000, otherwise: outputs });
  const [killed, ...others] = replicas;
  killed.signal("SIGKILL");
  const end = await killed.ended();
  const ends = await Promise.all(others.map((replica) => replica.ended()));
  purging = false;
  const during = await sending;
  await quickly();

  assert.equal(end.signal, "SIGKILL", "it had not ended by itself");
  assert.doesNotMatch(killed.output, /`message-purge` ran/, "it was at it");
  assert.deepEqual(ends.map(({ code }) => code), [0, 0], outputs());
  // Without a further run: those who are left do all of it.
  assert.deepEqual([await left(), await due()], [0, 0]);
  assert.equal(await kept(recent), 3);
  const records = await cluster.sql(
    `select s.id, r.first_seq::int, r.last_seq::int from hubline.purge_record r
     join hubline.service_request s on s.key = r.service_request where s.id like 'shared-%' order by s.id, r.first_seq`,
  );
  const next = new Map(range(1, HOW_MANY).map((number) => [`shared-${number}`, 1]));
  for (const { id, first_seq: first, last_seq: last } of records) {
    assert.equal(first, next.get(id), "each number is purged once");
    next.set(id, last + 1);
  }
  assert.deepEqual([...new Set(next.values())], [EACH + 1]);
  assert.ok(Math.max(...during) < 1_000, `a send took ${Math.max(...during)} ms, ${before} ms before`);
});

test("who was away longer than the history is kept gets what is kept, and is told once that earlier ones are gone", async () => {
  const request = await cluster.open(node);
  for (const count of range(1, 10)) await node.as(request.customer).send(request.id, `text ${count}`);
  const cut = (through) =>
    cluster.sql(
      `with gone as (
         update hubline.service_request set purged_through = $2, version = version + 1 where id = $1 returning key
       ) delete from hubline.message m using gone where m.service_request = gone.key and m.seq <= $2`,
      [request.id, through],
    );
  /** Joins with a last number: what the answer says, and what follows. */
  const returns = async (afterSeq) => {
    const party = await Party.connect(node, request.technician);
    const { firstSeq, lastSeq, truncated } = await party.join(request.id, afterSeq);
    const missed = Math.max(0, lastSeq - Math.max(afterSeq ?? lastSeq, firstSeq - 1));
    await party.receives(request.id, missed);
    const events = party.eventsOf("OnHistoryTruncated").length;
    const seqs = party.seqs(request.id);
    await party.stop();
    return { firstSeq, lastSeq, truncated, seqs, events };
  };
  await cut(7);
  const kept = { firstSeq: 8, lastSeq: 10, events: 0 };
  assert.deepEqual(await returns(3), { ...kept, truncated: true, seqs: [8, 9, 10] });
  assert.deepEqual(await returns(7), { ...kept, truncated: false, seqs: [8, 9, 10] });
  assert.deepEqual(await returns(10), { ...kept, truncated: false, seqs: [] });
  assert.deepEqual(await returns(0), { ...kept, truncated: true, seqs: [8, 9, 10] });
  assert.deepEqual(await returns(null), { ...kept, truncated: false, seqs: [] });
  for (const query of ["", "?afterSeq=3", "?beforeSeq=10", "?afterSeq=10"]) {
    const page = (await node.as(request.customer).page(request.id, query)).body;
    assert.deepEqual([page.firstSeq, page.lastSeq], [8, 10], query);
  }

  await cut(10);
  assert.deepEqual(await returns(10), { firstSeq: 11, lastSeq: 10, truncated: false, seqs: [], events: 0 });
  const sent = await node.as(request.customer).send(request.id, "once more");
  assert.equal(sent.body.seq, 11, "no number is used again");
  assert.deepEqual(await returns(3), { firstSeq: 11, lastSeq: 11, truncated: true, seqs: [11], events: 0 });
  assert.deepEqual(await returns(10), { firstSeq: 11, lastSeq: 11, truncated: false, seqs: [11], events: 0 });
});

test("a client that is connected and lacks what is purged is told so before it goes on", async () => {
  const request = await cluster.open(node);
  const customer = await Party.connect(node, request.customer);
  await customer.join(request.id, 0);
  // Three messages that nobody rings for, and a purge of two of them before the next sweep: all at once.
  await cluster.sql(
    `with numbered as (
       update hubline.service_request set last_seq = 3, purged_through = 2, version = version + 4 where id = $1
       returning key, customer_id, technician_id
     ) insert into hubline.message (service_request, seq, id, client_message_id, sent_at, sender_id, sender_role, body, digest, chain)
       select key, 3, gen_random_uuid(), gen_random_uuid(), now(), technician_id, 'technician', 'kept', sha256('kept'), sha256('3')
       from numbered`,
    [request.id],
  );
  await customer.receives(request.id, 1);
  assert.deepEqual(customer.seqs(request.id), [3]);
  assert.deepEqual(customer.eventsOf("OnHistoryTruncated"), [
    { name: "OnHistoryTruncated", serviceRequestId: request.id, firstSeq: 3 },
  ]);
  await customer.stop();
});
