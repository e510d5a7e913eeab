// Must hold: from Alertmanager's dispatch to the notification under 10 s, whatever keeps the worker busy; and people are told
// of what nobody does: that nothing is decided, and that a drill is overdue. What they were told of is measured.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Alertmanager } from "../lab/alertmanager.mjs";
import { Notifications } from "../lab/notifications.mjs";
import { Person } from "../lab/operations.mjs";
import { Slow } from "../lab/slow.mjs";
import { Tap } from "../lab/tap.mjs";
import { Cluster } from "../system/cluster.mjs";
import { eventually, range } from "../system/eventually.mjs";
import { freePort } from "../system/port.mjs";

const DATABASE = "operations";
const TOKEN = "the token of the receiver";
const IN_TIME = 10_000;
const CHANNELS = ["pagerduty", "slack", "webhook"];
const SECRETS = { routingKey: "a routing key", slackPath: "/services/T0/B0/slack", webhookSecret: "the secret of the webhook" };

let cluster;
let node;
let olga;
let manager;
let notifications;
let slow;
let tap;

before(async () => {
  [notifications, slow] = await Promise.all([Notifications.start(SECRETS), Slow.start()]);
  cluster = await Cluster.start({ variables: variables() });
  const operationsDatabaseUrl = await cluster.postgres.createDatabase(DATABASE);
  const port = await freePort();
  tap = await Tap.start(`http://127.0.0.1:${port}`);
  manager = await Alertmanager.start({ folder: cluster.folder("alertmanager"), config: config(tap.origin) });
  node = await cluster.node("main", { port, operationsDatabaseUrl });
  await cluster.hubline(["principal", "grant", "olga", "--role", "operator", "--operations-database-url", operationsDatabaseUrl]);
  olga = new Person(node.origin, { name: "olga", token: cluster.token({ sub: "olga", role: "operator" }) });
});
after(async () => {
  await manager?.stop();
  await Promise.all([tap, notifications, slow].map((part) => part?.stop()));
  await cluster?.stop();
});

/** Whatever can be asked is slow; only people are told quickly. */
function variables() {
  const all = { alert_token: TOKEN, entra_origin: slow.origin, azure_origin: slow.origin };
  for (const name of ["pagerduty", "slack", "webhook"]) all[`${name}_origin`] = notifications.origin;
  for (const environment of ["production", "staging"]) {
    for (const name of ["registry", "kubernetes", "prometheus"]) all[`${environment}_${name}_origin`] = slow.origin;
    all[environment] = JSON.stringify({
      environment,
      registry: { server: slow.origin },
      azure: { management: slow.origin, entra: slow.origin, tenant: "tenant", subscription: "s", resourceGroup: "g" },
      kubernetes: { api: slow.origin, namespace: "shop" },
      prometheus: { api: slow.origin },
      applications: [{ name: "orders", deployment: "orders", container: "api", image: "team/orders" }],
      notify: { pagerduty: notifications.origin, webhook: `${notifications.origin}/webhook` },
    });
    all[`${environment}_credentials`] = JSON.stringify({
      environment,
      azure: { clientId: "client", clientSecret: "secret" },
      kubernetes: "token",
      pagerduty: SECRETS.routingKey,
      slack: notifications.origin + SECRETS.slackPath,
      webhook: SECRETS.webhookSecret,
    });
  }
  return all;
}

function config(origin) {
  const http_config = { authorization: { credentials: TOKEN } };
  return {
    route: { receiver: "hubline", group_by: ["alertname"], group_wait: "200ms", group_interval: "1s", repeat_interval: "1h" },
    receivers: [{ name: "hubline", webhook_configs: [{ url: `${origin}/ops/alerts`, send_resolved: true, http_config }] }],
  };
}

/** Rows of the database of operations. */
const rows = (text, values) => cluster.postgres.query(text, values, DATABASE);

/** Lets an alert fire: the incident that it opens, and when it was dispatched. */
async function fires(name, { environment = "production", startsAt = new Date() } = {}) {
  const labels = { alertname: name, severity: "critical", environment };
  await manager.post([{ labels, startsAt: startsAt.toISOString() }]);
  const taken = await eventually(() => tap.about(name).find(({ status }) => status === 200), { otherwise: () => node.output });
  return { id: taken.answer.incidents[0].id, dispatched: tap.about(name)[0].at };
}

/** What the people of a channel were told of an incident's opening. */
function opening(channel, id) {
  const of = {
    pagerduty: ({ dedup_key: key, event_action: action }) => key === id && action === "trigger",
    slack: ({ text }) => text.includes(id) && text.includes("an incident is open"),
    webhook: ({ record }) => record.subject.incident === id && record.event.type === "incident_opened",
  };
  return notifications.told.find((told) => told.channel === channel && of[channel](told.body));
}

/** How long after its dispatch the last channel was told, in milliseconds. */
async function told({ id, dispatched }) {
  const all = () => CHANNELS.map((channel) => opening(channel, id)).every(Boolean);
  await eventually(all, { patience: 30_000, otherwise: () => `not everybody is told of ${id}: ${node.output}` });
  return Math.max(...CHANNELS.map((channel) => opening(channel, id).at - dispatched));
}

/** Somebody has taken an incident up, and asked for a rollback. */
async function rollsBack(id) {
  await olga.post(`/ops/incidents/${id}/acknowledge`);
  await olga.post(`/ops/incidents/${id}/decision`, { strategy: "application", reason: "it looks like it" });
  await olga.post(`/ops/incidents/${id}/runs`, { kind: "application", application: "orders" });
}

const isStep = ({ path }) => path.includes("/oauth2/");

test("people are told within 10 s of the dispatch", async (context) => {
  const took = await told(await fires("Alone"));
  context.diagnostic(`${took} ms`);
  assert.ok(took < IN_TIME, `it took ${took} ms`);
});

test("they are told in time while steps of other runs wait for a slow system", async (context) => {
  for (const environment of ["production", "staging"]) await rollsBack((await fires(`Cause in ${environment}`, { environment })).id);
  await eventually(() => slow.at(Date.now()).some(isStep), { patience: 20_000, otherwise: () => node.output });
  const incidents = [];
  for (const number of range(1, 8)) {
    incidents.push(await fires(`Later ${number}`, { environment: number % 2 ? "production" : "staging" }));
    await new Promise((resolve) => setTimeout(resolve, 1_200));
  }
  const times = await Promise.all(incidents.map(told));
  const busy = incidents.map(({ dispatched }) => slow.at(dispatched));
  context.diagnostic(`${times.join(", ")} ms, with ${busy.map((calls) => calls.length).join(", ")} slow calls under way`);
  assert.ok(busy.every((calls) => calls.length > 0), "the worker was busy all the time");
  assert.ok(busy.some((calls) => calls.some(isStep)), "with a step of a run, too");
  assert.ok(Math.max(...times) < IN_TIME, `it took ${Math.max(...times)} ms`);
});

test("people are told in time while Redis is away and every other worker is busy", async (context) => {
  await cluster.redis.stop();
  const times = [];
  for (const number of range(1, 3)) times.push(await told(await fires(`Unheard ${number}`)));
  context.diagnostic(`${times.join(", ")} ms`);
  assert.ok(Math.max(...times) < IN_TIME, `it took ${Math.max(...times)} ms`);
  await cluster.redis.start();
  slow.hurry();
});

test("the commander is paged, once, when nothing is decided ten minutes after the alert", async () => {
  const { id } = await fires("Undecided", { startsAt: new Date(Date.now() - 11 * 60_000) });
  const warned = ({ channel, body }) => channel === "pagerduty" && body.dedup_key === `${id}:commander`;
  const page = await eventually(() => notifications.told.find(warned), { patience: 60_000, otherwise: () => node.output });
  assert.match(page.body.payload.summary, /Undecided: nothing is decided ten minutes after the alert/);
  const ticks = () => rows("select fence from operations.job where key = $1", [`clock:${id}`]).then(([{ fence }]) => Number(fence));
  const before = await ticks();
  await eventually(async () => (await ticks()) >= before + 2, { patience: 60_000 });
  const [{ count }] = await rows("select count(*) from operations.audit where incident = $1 and text like '%undecided%'", [id]);
  assert.equal(Number(count), 1);
});

test("people are warned, once each, at half and at four fifths of the time for recovery, and at its end", async () => {
  const { id } = await fires("Running late");
  const about = ({ channel, body }) => channel === "webhook" && body.record.subject.incident === id && body.record.event.type === "warned";
  const warnings = () => notifications.told.filter(about).map(({ body }) => body.record.event.warning);
  const opened = "jsonb_set(document, '{moments,openedAt}', to_jsonb(clock_timestamp() - make_interval(mins => $2)))";
  for (const [minutes, expected] of [[16, ["rto_50"]], [25, ["rto_50", "rto_80"]], [31, ["rto_50", "rto_80", "rto_breached"]]]) {
    // Whoever decides meanwhile has read the incident as it was.
    await rows(`update operations.incident set document = ${opened} where id = $1`, [id, minutes]);
    await eventually(() => warnings().length >= expected.length, { patience: 60_000, otherwise: () => `${warnings()}: ${node.output}` });
    assert.deepEqual(warnings(), expected);
  }
  const summary = notifications.told.filter(about).at(-1).body.text;
  assert.match(summary, /Running late: the time for recovery is over, and the system is not back/);
});

test("people are reminded of overdue drills: once a week and kind", async () => {
  const reminded = () => notifications.told.filter(({ channel, body }) => channel === "webhook" && body.record.event.type === "drill_overdue");
  const looked = () => rows("select fence from operations.job where key = 'drill'").then(([{ fence }]) => Number(fence));
  const look = async () => {
    const before = await looked();
    await rows("update operations.job set due_at = clock_timestamp() where key = 'drill'");
    await eventually(async () => (await looked()) > before, { patience: 60_000 });
  };
  await look();
  assert.deepEqual(reminded(), [], "a Hubline that is new owes none");
  await rows("update operations.installation set at = clock_timestamp() - interval '1 year'");
  await look();
  const kinds = ["application", "database", "infrastructure"];
  const once = await eventually(() => reminded().length >= 3 && reminded(), { patience: 30_000, otherwise: () => node.output });
  assert.deepEqual(once.map(({ body }) => body.record.event.kind).sort(), kinds);
  assert.match(once[0].body.text, /the drill of the kind \w+ is overdue: \d{4}-Q\d passed without one/);
  await look();
  await look();
  await rows("update operations.drill_reminder set at = at - interval '8 days' where kind = 'database'");
  await look();
  const again = await eventually(() => reminded().length > 3 && reminded(), { patience: 30_000 });
  assert.deepEqual(again.slice(3).map(({ body }) => body.record.event.kind), ["database"]);
  assert.equal(await overdue(), 3);
});

const overdue = () => node.metric("hubline_operations_drill", 'standing="overdue"');

test("what happens in operations is measured", async () => {
  const open = Number((await rows("select count(*) from operations.incident where open"))[0].count);
  assert.ok(open > 10);
  await eventually(async () => (await node.metric("hubline_operations_incidents", 'state="open"')) === open - 2, {
    otherwise: () => `${open} incidents are open, two of which were taken up`,
  });
  assert.equal(await node.metric("hubline_operations_up"), 1);
  assert.equal(await node.metric("hubline_operations_runs", 'kind="application"'), 2);
  assert.equal(await node.metric("hubline_operations_alerts_total"), Number((await rows("select count(*) from operations.alert"))[0].count));
  assert.equal(await node.metric("hubline_operations_rto_seconds", 'kind="database"'), 4 * 3600);
  const spent = await node.metric("hubline_operations_recovery_spent_ratio", 'environment="production",mode="live"');
  assert.ok(spent > 1 && spent < 1.5, `the latest one is 31 of 30 minutes old, and a little more: ${spent}`);
  assert.equal(await node.metric("hubline_operations_notifications_left"), 0);
  await eventually(async () => (await node.metric("hubline_operations_notifications_waiting")) === 0, { patience: 60_000 });
  // How long what is over took. A resolution takes the whole procedure, so its moments are written as the database has them.
  const moments = "'alertedAt', now() - interval '50 min', 'openedAt', now() - interval '49 min', 'validatedAt', now() - interval '20 min'";
  const over = () => rows(`update operations.incident set state = 'resolved', open = false, document = jsonb_set(document, '{moments}', document->'moments' || jsonb_build_object(${moments})) where document->>'name' = 'Alone'`);
  await eventually(async () => {
    // Written again each time: a commit of the worker that began before knows nothing of it.
    await over();
    return (await node.metric("hubline_operations_clock_mean_seconds", 'clock="restore"')) === 1800;
  }, { patience: 20_000 });
  assert.equal(await node.metric("hubline_operations_clock_max_seconds", 'clock="recovery"'), 29 * 60);
});

test("a database of operations that is away is seen, and keeps nobody waiting", async () => {
  await cluster.postgres.stop();
  await eventually(async () => (await (await fetch(`${node.origin}/metrics`)).text()).includes("hubline_operations_up 0"), { patience: 20_000 });
  const start = Date.now();
  await Promise.all(range(1, 20).map(() => fetch(`${node.origin}/metrics`)));
  assert.ok(Date.now() - start < 5_000);
  await cluster.postgres.start();
  await eventually(async () => (await node.metric("hubline_operations_up")) === 1, { patience: 20_000 });
});
