// Must hold: history is kept while a service request is open and for one calendar year after it was closed, and then
// purged once, however many replicas do it and whatever ends one of them.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, range } from "../system/eventually.mjs";
import { durations, median } from "../system/latency.mjs";
import { Party } from "../system/party.mjs";

let cluster;
let node;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
});
after(() => cluster?.stop());

/** Purges what is due, as the clock would at night. */
async function purge() {
  const due = `select from hubline.service_request
    where hubline.due_at(closed_at, closing_recorded_at) <= now() and not purged limit 1`;
  do {
    await cluster.hubline(["trigger", "message-purge"]);
  } while ((await cluster.sql(due)).length > 0);
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

const kept = async (request) => (await node.as(request.customer).history(request.id)).length;

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
      `select hubline.purge_due(hubline.due_at(closed_at, closing_recorded_at) + $2::interval, 1000)
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
  assert.deepEqual((await node.as(request.customer).page(request.id)).body, { messages: [], hasMore: false, lastSeq: 3 });
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

test("three replicas at once, one killed in the middle: done once, and no send waits", async () => {
  const EACH = 6_000;
  const old = await Promise.all(range(1, 20).map(() => closed(undefined, 1)));
  await cluster.sql(
    `insert into hubline.message (service_request, seq, id, client_message_id, sent_at, sender_id, sender_role, body, digest, chain)
     select s.key, n, gen_random_uuid(), gen_random_uuid(), now(), s.customer_id, 'customer', 'old', sha256('old'), sha256(n::text::bytea)
     from hubline.service_request s, generate_series(2, ${EACH}) n where s.id = any ($1)`,
    [old.map(({ id }) => id)],
  );
  await cluster.sql(
    `update hubline.service_request set last_seq = ${EACH}, closed_at = now() - interval '2 years',
         closing_recorded_at = now() - interval '2 years' where id = any ($1)`,
    [old.map(({ id }) => id)],
  );
  const recent = await closed();
  const open = await cluster.open(node);
  const before = median(await durations(100, () => node.as(open.customer).send(open.id, "before")));

  const left = async () =>
    Number((await cluster.sql("select count(*) from hubline.message m join hubline.service_request s on s.key = m.service_request where s.id = any ($1)", [old.map(({ id }) => id)]))[0].count);
  const replicas = range(1, 3).map(() => cluster.startHubline(["trigger", "message-purge"]));
  let purging = true;
  const sending = (async () => {
    const took = [];
    while (purging) took.push(...(await durations(1, () => node.as(open.customer).send(open.id, "during"))));
    return took;
  })();
  const outputs = () => replicas.map(({ output }) => output).join();
  const works = ({ output }) => /purged \d+ messages/.test(output);
  const killed = await eventually(() => replicas.find(works), { patience: 30_000, otherwise: outputs });
  killed.signal("SIGKILL");
  const end = await killed.ended();
  const others = replicas.filter((replica) => replica !== killed);
  const ends = await Promise.all(others.map((replica) => replica.ended()));
  await purge();
  purging = false;
  const during = await sending;

  assert.equal(end.signal, "SIGKILL", "it had not ended by itself");
  assert.doesNotMatch(killed.output, /`message-purge` ran/, "it was at it");
  assert.deepEqual(ends.map(({ code }) => code), [0, 0], outputs());
  assert.equal(await left(), 0);
  assert.equal(await kept(recent), 3);
  const records = await cluster.sql(
    `select s.id, r.first_seq::int, r.last_seq::int from hubline.purge_record r
     join hubline.service_request s on s.key = r.service_request where s.id = any ($1) order by s.id, r.first_seq`,
    [old.map(({ id }) => id)],
  );
  for (const { id } of old) {
    let next = 1;
    for (const { first_seq: first, last_seq: last } of records.filter((record) => record.id === id)) {
      assert.equal(first, next, "each number is purged once");
      next = last + 1;
    }
    assert.equal(next, EACH + 1);
  }
  assert.ok(Math.max(...during) < 1_000, `a send took ${Math.max(...during)} ms, ${before} ms before`);
});
