// Must hold: whatever Alertmanager does, an alert has one incident, and none is lost.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Alertmanager } from "../lab/alertmanager.mjs";
import { Notifications } from "../lab/notifications.mjs";
import { Tap } from "../lab/tap.mjs";
import { Cluster } from "../system/cluster.mjs";
import { eventually, range } from "../system/eventually.mjs";
import { freePort } from "../system/port.mjs";

const TOKEN = "the new token of the receiver";
const DATABASE = "operations";
const SECRET = "the secret of the webhook";

let cluster;
let node;
let notifications;
const managers = [];
let tap;

before(async () => {
  cluster = await Cluster.start({ variables: { alert_token: `an old token,${TOKEN}` } });
  const operationsDatabaseUrl = await cluster.postgres.createDatabase(DATABASE);
  notifications = await Notifications.start({ routingKey: "none", slackPath: "/slack", webhookSecret: SECRET });
  const port = await freePort();
  tap = await Tap.start(`http://127.0.0.1:${port}`);
  for (const name of ["a", "b"]) {
    managers.push(await Alertmanager.start({ folder: cluster.folder(`alertmanager-${name}`), config: config(tap.origin) }));
  }
  node = await cluster.node("main", { port, operationsDatabaseUrl, variables: variables() });
});
after(async () => {
  await Promise.all(managers.map((manager) => manager.stop()));
  await Promise.all([tap?.stop(), notifications?.stop()]);
  await cluster?.stop();
});

/** Only of staging it is known which Alertmanager sends its alerts. */
function variables() {
  const notify = { webhook: `${notifications.origin}/webhook` };
  const alertmanager = { api: managers[0].origin };
  return {
    webhook_origin: notifications.origin,
    staging_alertmanager_origin: alertmanager.api,
    staging: JSON.stringify({ environment: "staging", notify, alertmanager }),
    staging_credentials: JSON.stringify({ environment: "staging", webhook: SECRET }),
    production: JSON.stringify({ environment: "production", notify }),
    production_credentials: JSON.stringify({ environment: "production", webhook: SECRET }),
  };
}

/** In a hurry, and replicas that do not know each other: both send everything. */
function config(origin) {
  const receiver = (name, more = {}) => {
    const http_config = { authorization: { credentials: TOKEN } };
    return { name, webhook_configs: [{ url: `${origin}/ops/alerts`, send_resolved: true, http_config, ...more }] };
  };
  return {
    route: {
      receiver: "hubline",
      group_by: ["alertname"],
      group_wait: "200ms",
      group_interval: "1s",
      repeat_interval: "1s",
      routes: [{ receiver: "short", matchers: ['alertname=~"Many|Missing"'] }],
    },
    receivers: [receiver("hubline"), receiver("short", { max_alerts: 2 })],
  };
}

function alert(name, labels = {}) {
  return { labels: { alertname: name, severity: "critical", environment: "staging", ...labels }, startsAt: new Date().toISOString() };
}

const ended = (alert) => ({ ...alert, endsAt: new Date().toISOString() });

/** Rows of the database of operations. */
const rows = (text, values) => cluster.postgres.query(text, values, DATABASE);

function incidents(name) {
  return rows("select id, state, open, document from operations.incident where document->>'name' = $1 order by opened_at", [name]);
}

function filed(name) {
  return rows("select * from operations.alert where document->>'name' = $1 order by first_at", [name]);
}

/** Waits for so many incidents, and gives them. */
function eventuallyIncidents(name, count) {
  return eventually(async () => {
    const found = await incidents(name);
    return found.length === count && found;
  }, { otherwise: () => `not ${count} incidents: ${JSON.stringify(tap.about(name))}` });
}

test("an alert that is repeated has one incident, and its end moves nothing", async () => {
  const firing = alert("Repeated");
  await managers[0].post([firing]);
  const [{ id, document }] = await eventuallyIncidents("Repeated", 1);
  assert.equal(document.state, "open");
  assert.deepEqual(document.target, { environment: "staging", mode: "live" });
  await eventually(async () => Number((await filed("Repeated"))[0].times) >= 3);
  for (const { status, answer } of tap.about("Repeated")) {
    assert.equal(status, 200);
    assert.deepEqual(answer.incidents.map(({ id, state }) => ({ id, state })), [{ id, state: "open" }]);
  }

  await managers[0].post([ended(firing)]);
  const [cleared] = await eventually(async () => {
    const found = await incidents("Repeated");
    return found[0].document.firing.clearedAt && found;
  });
  assert.equal(cleared.state, "open");
  assert.equal((await incidents("Repeated")).length, 1);
  assert.deepEqual((await filed("Repeated")).map(({ consequence }) => consequence), ["opened", "cleared"]);
});

test("alerts of one group have an incident each", async () => {
  const group = range(1, 3).map((number) => alert("Grouped", { instance: `api-${number}` }));
  await managers[0].post(group);
  await eventuallyIncidents("Grouped", 3);
  // The tap hears of an answer a little later than the database has what it says.
  await eventually(() => tap.about("Grouped").some(({ asked }) => asked.alerts.length === 3), { otherwise: () => "they never came together" });
  await managers[0].post(group.map(ended));
});

test("of a notification that leaves alerts out Alertmanager is asked which", async () => {
  // Its notifications say more of the time than its API does: an alert is the same one all the same.
  const startsAt = new Date().toISOString().replace("Z", "456789Z");
  const group = range(1, 5).map((number) => ({ ...alert("Many", { instance: `api-${number}` }), startsAt }));
  const silent = { ...alert("Many", { instance: "api-6", severity: "warning" }), startsAt };
  await managers[0].post([...group, silent]);
  const first = await eventually(() => tap.about("Many").find(({ asked }) => asked.truncatedAlerts === 4));
  assert.equal(first.status, 200);
  assert.ok(first.answer.incidents.length <= 2);
  await eventuallyIncidents("Many", 5);
  const kept = await eventually(async () => {
    const found = await filed("Many");
    return found.length >= 6 && found;
  });
  assert.ok(kept.some(({ truncated }) => Number(truncated) === 4));
  assert.equal(kept.find(({ document }) => document.labels.severity === "warning").consequence, "not_critical");

  const heard = tap.about("Many").length;
  await eventually(() => tap.about("Many").length >= heard + 2);
  await eventuallyIncidents("Many", 5);
  assert.equal((await filed("Many")).length, 6, "each is one event, whoever tells of it");
  await managers[0].post([...group, silent].map(ended));
});

test("where nobody can be asked, people are told once how many are missing", async () => {
  const group = range(1, 5).map((number) => alert("Missing", { instance: `api-${number}`, environment: "production" }));
  await managers[0].post(group);
  const missing = ({ body }) => body.record?.event.type === "alerts_left_out";
  const { body } = await eventually(() => notifications.told.find(missing), { patience: 20_000 });
  assert.equal(body.record.event.count, 3);
  assert.match(body.text, /^\[production\] Missing: 3 alerts of the group .*alertname="Missing".* are not known here: look at Alertmanager/);
  const known = await incidents("Missing");
  assert.ok(known.some(({ id }) => id === body.record.subject.incident), "it stands on one of their incidents");
  const heard = tap.about("Missing").length;
  await eventually(() => tap.about("Missing").length >= heard + 3);
  assert.equal(notifications.told.filter(missing).length, 1);
  await managers[0].post(group.map(ended));
});

test("two alerts of one fingerprint in one notification have one incident", async () => {
  const twice = JSON.parse(notification("Twice"));
  const [item] = twice.alerts;
  twice.alerts.push({ ...item, startsAt: new Date(Date.now() + 1000).toISOString() });
  const answer = await send(JSON.stringify(twice));
  assert.equal(answer.status, 200);
  assert.equal((await answer.json()).incidents.length, 1);
  assert.equal((await incidents("Twice")).length, 1);
});

test("a notification may be as large as a group is, and nothing else may", async () => {
  const large = JSON.parse(notification("Large"));
  const [item] = large.alerts;
  const described = (number) => ({
    ...item,
    labels: { ...item.labels, severity: "warning", instance: `api-${number}` },
    annotations: { description: "x".repeat(1000) },
    fingerprint: number.toString(16).padStart(16, "0"),
  });
  large.alerts = range(1, 400).map(described);
  const body = JSON.stringify(large);
  assert.ok(body.length > 400_000);
  assert.equal((await send(body)).status, 200);
  assert.equal((await filed("Large")).length, 400);
  for (const token of ["Bearer wrong", ""]) {
    const refused = await send(body, token).catch((error) => error);
    assert.ok(refused instanceof Error || refused.status === 413, "whoever has no token is not read to the end");
  }
});

test("two replicas that say the same at once open one incident", async () => {
  const firing = alert("Replicated");
  await Promise.all(managers.map((manager) => manager.post([firing])));
  await eventually(() => tap.about("Replicated").length >= 4);
  const [{ id }] = await eventuallyIncidents("Replicated", 1);
  assert.ok(tap.about("Replicated").every(({ answer }) => answer.incidents[0].id === id));
  const [opened] = await rows("select count(*) from operations.audit where incident = $1 and text like '%incident_opened%'", [id]);
  assert.equal(Number(opened.count), 1);
  await Promise.all(managers.map((manager) => manager.post([ended(firing)])));
});

test("twenty at once open one incident, and each is told which", async () => {
  const body = notification("At once");
  const answers = await Promise.all(range(1, 20).map(() => send(body)));
  const ids = new Set();
  for (const answer of answers) {
    // Whoever came too often between the others may be asked to send it again, and never be told that it is done.
    assert.ok([200, 503].includes(answer.status), String(answer.status));
    if (answer.status === 200) ids.add((await answer.json()).incidents[0].id);
  }
  assert.equal(ids.size, 1);
  assert.equal((await incidents("At once")).length, 1);
});

test("what can't be committed is answered with 503, and comes again", async () => {
  await cluster.postgres.stop();
  const firing = alert("Lost");
  await managers[0].post([firing]);
  const refused = await eventually(() => tap.about("Lost").find(({ status }) => status !== 200), { patience: 20_000 });
  assert.equal(refused.status, 503);
  await cluster.postgres.start();
  await eventually(() => tap.about("Lost").some(({ status }) => status === 200), { patience: 30_000 });
  await eventuallyIncidents("Lost", 1);
  await managers[0].post([ended(firing)]);
});

test("what is not critical is recorded, and opens nothing", async () => {
  const firing = alert("Slow", { severity: "warning" });
  await managers[0].post([firing]);
  const [row] = await eventually(async () => {
    const found = await filed("Slow");
    return found.length > 0 && found;
  });
  assert.deepEqual([row.consequence, row.incident], ["not_critical", null]);
  assert.deepEqual(await incidents("Slow"), []);
  await managers[0].post([ended(firing)]);
});

test("only Alertmanager is listened to, and only in its version", async () => {
  for (const token of ["", "Bearer wrong", "Bearer an old token,"]) {
    assert.equal((await send(notification("Forged"), token)).status, 401, token);
  }
  assert.equal((await send(notification("Forged", { version: "5" }))).status, 422);
  assert.equal((await send("{")).status, 400);
  assert.equal((await fetch(`${node.origin}/ops/alerts`)).status, 405);
  assert.deepEqual(await incidents("Forged"), []);
  assert.equal((await send(notification("Rotated"), "Bearer an old token")).status, 200);
});

function notification(name, more = {}) {
  const { labels, startsAt } = alert(name);
  const fingerprint = Buffer.from(name).toString("hex");
  const item = { status: "firing", labels, annotations: {}, startsAt, endsAt: "0001-01-01T00:00:00Z", fingerprint };
  return JSON.stringify({ version: "4", receiver: "hubline", groupKey: "{}", truncatedAlerts: 0, alerts: [item], ...more });
}

function send(body, authorization = `Bearer ${TOKEN}`) {
  const headers = { "content-type": "application/json", authorization };
  return fetch(`${node.origin}/ops/alerts`, { method: "POST", headers, body });
}
