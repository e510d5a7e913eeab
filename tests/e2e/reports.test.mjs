// Must hold: reports of a service request have an order. What a platform sends late, twice, or again and again undoes nothing.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { range } from "../system/eventually.mjs";
import { Party, refusalOf } from "../system/party.mjs";

let cluster;
let nodes;

before(async () => {
  cluster = await Cluster.start();
  nodes = await Promise.all(["a", "b"].map((name) => cluster.node(name)));
});
after(() => cluster?.stop());

/**
 * What a platform says of a service request: `put(revision, changes, headers)`, on one node or the other in turn. A revision
 * `RAW:7.0` goes out as it is written, for JavaScript writes 7.
 */
function reporter(request) {
  const { customerId, technicianId, serviceCenterId } = request;
  let turn = 0;
  return (revision, changes = {}, headers = {}) => {
    const parties = { customerId, technicianId, serviceCenterId };
    const report = { ...parties, status: "open", ...(revision !== null && { revision }), ...changes };
    const body = JSON.stringify(report).replace(/"RAW:([^"]*)"/, "$1");
    return nodes[(turn += 1) % 2].as(request.platform).call("PUT", `/v1/service-requests/${request.id}`, { body, headers });
  };
}

const told = ({ status, body }) => (status < 300 ? `${status} ${body.status} ${body.revision}` : `${status} ${body.code}`);
const versions = ({ id }) => cluster.sql("select version::int, reports::int, last_seq::int from hubline.service_request where id = $1", [id]);

test("a late retry neither opens a request again nor lets a withdrawn technician back in", async () => {
  const request = await cluster.open(nodes[0]);
  const put = reporter(request);
  const [first, second] = ["technician-1", "technician-2"].map((sub) => ({ technicianId: `${sub}-${request.id}` }));
  assert.equal(told(await put(1, first)), "200 open 1");
  const withdrawn = await Party.connect(nodes[1], request.technicianToken(first.technicianId));
  await withdrawn.join(request.id, 0);
  assert.equal(told(await put(2, second)), "200 open 2");
  await withdrawn.hears("OnRemoved");
  assert.equal(told(await put(3, { ...second, status: "closed" })), "200 closed 3");
  const before = await versions(request);

  // The outbox has not heard the answers, and its worker comes late.
  for (const [revision, changes] of [[1, first], [2, second], [1, first], [0, first]]) {
    assert.equal(told(await put(revision, changes)), "409 stale");
  }
  assert.equal(told(await put(3, { ...second, status: "closed" })), "200 closed 3", "its own repetition");
  assert.equal(told(await put(3, second)), "409 stale", "another one in its place");
  assert.deepEqual(await versions(request), before);
  assert.equal(await refusalOf(withdrawn.join(request.id, 0)), "not_found");
  assert.equal((await nodes[0].as(request.customer).send(request.id, "late")).body.code, "closed");
  assert.equal(told(await put(12, second)), "200 open 12");
  await withdrawn.stop();
});

test("a whole log that is played again, in any order and by many at once, changes nothing and tells nobody", async () => {
  const request = await cluster.open(nodes[0]);
  const put = reporter(request);
  const log = range(1, 20).map((revision) => [revision, { technicianId: `technician-${revision % 3}`, status: revision % 5 ? "open" : "closed" }]);
  // At first as it may come from a bus: every report three times, shuffled, eight at once.
  const shuffled = [...log, ...log, ...log].map((report) => [Math.random(), report]).sort(([one], [other]) => one - other);
  const queue = shuffled.map(([, report]) => report);
  const worker = async () => {
    for (let report = queue.pop(); report; report = queue.pop()) assert.ok([200, 409].includes((await put(...report)).status));
  };
  await Promise.all(range(1, 8).map(worker));
  const { body } = await nodes[0].as(request.platform).read(request.id);
  assert.deepEqual([body.revision, body.technicianId, body.status], [20, "technician-2", "closed"]);

  const watcher = await Party.connect(nodes[1], request.customer);
  await watcher.join(request.id, 0);
  const before = await versions(request);
  const outcomes = [];
  for (const report of log) outcomes.push(told(await put(...report)));
  assert.deepEqual(outcomes, [...Array(19).fill("409 stale"), "200 closed 20"]);
  assert.deepEqual(await versions(request), before);
  // What is new now is told, and nothing came before it.
  assert.equal(told(await put(21, { technicianId: "technician-0" })), "200 open 21");
  await watcher.hears("OnServiceRequestChanged", ({ status }) => status === "open");
  assert.deepEqual(watcher.eventsOf("OnServiceRequestChanged").map(({ status }) => status), ["open"]);
  await watcher.stop();
});

test("a report without a revision replaces, and leaves the order as it is", async () => {
  const request = await cluster.open(nodes[0]);
  const put = reporter(request);
  assert.equal(told(await put(null)), "200 open null");
  assert.equal(told(await put("RAW:7.0")), "200 open 7");
  assert.equal(told(await put("RAW:70e-1")), "200 open 7", "the same number, and so a repetition");
  assert.equal(told(await put(null, { status: "closed" })), "200 closed 7");
  assert.deepEqual([told(await put(6)), told(await put(7)), told(await put("RAW:7.0"))], Array(3).fill("409 stale"));
  assert.equal(told(await put("RAW:8.00")), "200 open 8");
  for (const broken of ["7.5", "8.000001", "-1.0", "1e400", "9.3e18", "0x9", "9."]) {
    const answer = await put(`RAW:${broken}`);
    assert.ok([400, 422].includes(answer.status), `${broken}: ${told(answer)}`);
  }
  assert.equal(told(await put("RAW:9.0")), "200 open 9");
});

test("conditions: what was seen must be the case, and who has it already is told so", async () => {
  const request = await cluster.open(nodes[0]);
  const put = reporter(request);
  const get = (headers) => nodes[1].as(request.customer).call("GET", `/v1/service-requests/${request.id}`, { headers });
  const tag = (await get()).headers.get("etag");
  assert.match(tag, /^"[!#-~]+"$/);
  const unchanged = await get({ "if-none-match": `"other", W/${tag}` });
  assert.deepEqual([unchanged.status, unchanged.body, unchanged.headers.get("etag")], [304, "", tag]);
  assert.equal((await get({ "if-none-match": "*" })).status, 304);

  // A message is something new to read, and no reason to refuse a report.
  await nodes[0].as(request.customer).send(request.id, "hello");
  const fresh = await get({ "if-none-match": tag });
  assert.deepEqual([fresh.status, fresh.body.lastSeq], [200, 1]);
  assert.notEqual(fresh.headers.get("etag"), tag);
  const assigned = await put(null, { technicianId: "tina" }, { "if-match": tag });
  assert.equal(told(assigned), "200 open null");
  assert.equal(told(await put(null, { status: "closed" }, { "if-match": tag })), "412 version_mismatch");
  assert.equal(told(await put(null, { status: "closed" }, { "if-match": `W/${assigned.headers.get("etag")}` })), "412 version_mismatch", "a weak tag binds nothing");
  assert.equal(told(await put(null, { technicianId: "tina" }, { "if-match": tag })), "200 open null", "what is wanted is the case");
  assert.equal(told(await put(null, { status: "closed" }, { "if-match": `"x", ${assigned.headers.get("etag")}` })), "200 closed null");
  assert.equal(told(await put(null, {}, { "if-none-match": "*" })), "412 version_mismatch");

  // Of many that have seen the same, one reports; of many that see nothing, one creates.
  const { headers } = await get();
  const race = await Promise.all(range(1, 10).map((n) => put(null, { technicianId: `tom-${n}` }, { "if-match": headers.get("etag") })));
  assert.deepEqual(race.map(({ status }) => status).sort(), [200, ...Array(9).fill(412)]);
  const another = reporter({ ...request, id: `${request.id}-new`, platform: request.platform });
  const creation = await Promise.all(range(1, 10).map((n) => another(null, { technicianId: `tom-${n}` }, { "if-none-match": "*" })));
  assert.deepEqual(creation.map(({ status }) => status).sort(), [201, ...Array(9).fill(412)]);
});

test("a clock that is a little ahead closes now, and its report can be sent again", async () => {
  const request = await cluster.open(nodes[0]);
  const put = reporter(request);
  for (const ahead of [10, 45_000]) {
    const said = { status: "closed", closedAt: new Date(Date.now() + ahead).toISOString() };
    const closed = await put(ahead, said);
    assert.equal(told(closed), `200 closed ${ahead}`);
    const off = new Date(closed.body.closedAt) - Date.now();
    assert.ok(off < 1_000, `${off} ms ahead`);
    assert.equal((await put(ahead, said)).body.closedAt, closed.body.closedAt);
    assert.equal(told(await put(ahead + 1)), `200 open ${ahead + 1}`);
  }
});
