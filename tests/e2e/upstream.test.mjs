// Must hold: the relay in front of functions that run elsewhere is the same chat, and each may end without the other.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Notifications } from "../lab/notifications.mjs";
import { Cluster } from "../system/cluster.mjs";
import { eventually, range } from "../system/eventually.mjs";
import { ROOT } from "../system/node.mjs";
import { Party, refusalOf } from "../system/party.mjs";
import { freePort } from "../system/port.mjs";
import { run } from "../system/program.mjs";
import { Talker } from "../system/talker.mjs";

let cluster;
let functions;
let relay;
let beside;
let notifications;

const ALERT_TOKEN = "the token of the receiver";
const SECRET = "the secret of the webhook";

before(async () => {
  cluster = await Cluster.start({ variables: { alert_token: ALERT_TOKEN } });
  notifications = await Notifications.start({ routingKey: "none", slackPath: "/slack", webhookSecret: SECRET });
  const operationsDatabaseUrl = await cluster.postgres.createDatabase("operations");
  const variables = {
    webhook_origin: notifications.origin,
    production: JSON.stringify({ environment: "production", notify: { webhook: `${notifications.origin}/webhook` } }),
    production_credentials: JSON.stringify({ environment: "production", webhook: SECRET }),
  };
  ({ functions, relay, beside } = await cluster.apart({ operationsDatabaseUrl, variables }));
  await cluster.hubline(["principal", "grant", "olga", "--role", "operator", "--operations-database-url", operationsDatabaseUrl]);
});
after(async () => {
  await notifications?.stop();
  await cluster?.stop();
});

/** Calls an internal route as a cluster's own clock does. */
const post = (route) => fetch(`${functions.origin}/internal/${route}`, { method: "POST", headers: { "x-hubline-key": cluster.relayKey } });

/** The same, for an answer that says that everything is done. */
async function tick(route) {
  const answer = await post(route);
  assert.equal(answer.status, 200);
  return answer.json();
}

async function joined(token, request, options) {
  const party = await Party.connect(relay, token, options);
  await party.join(request.id, 0);
  return party;
}

test("both parties chat, over the hub and over HTTP, and history says the same", async () => {
  const request = await cluster.open(relay);
  const customer = await joined(request.customer, request);
  const technician = await joined(request.technician, request);
  await Promise.all(range(1, 300).flatMap((count) => [
    customer.send(request.id, `customer ${count}`),
    technician.send(request.id, `technician ${count}`),
  ]));
  await Promise.all([customer.receives(request.id, 300), technician.receives(request.id, 300)]);

  // A post's event comes through Redis, the function that it triggers, and the relay's internal listener.
  const rung = () => relay.metric("hubline_relay_events_total");
  const before = await rung();
  const posted = await relay.as(request.center).send(request.id, "by post");
  assert.deepEqual([posted.status, posted.body.seq], [201, 601]);
  await Promise.all([customer.receives(request.id, 301), technician.receives(request.id, 301)]);
  assert.ok((await rung()) > before, "the relay was rung");

  const history = await relay.as(request.center).history(request.id);
  assert.deepEqual(history.map(({ seq }) => seq), range(1, 601));
  const without = (user) => history.filter(({ senderId }) => senderId !== user);
  assert.deepEqual(customer.received(request.id), without(request.customerId));
  assert.deepEqual(technician.received(request.id), without(request.technicianId));

  const page = await fetch(`${relay.origin}/`);
  assert.deepEqual([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);

  const stranger = await Party.connect(relay, cluster.token({ sub: "stranger", role: "customer" }));
  assert.equal(await refusalOf(stranger.join(request.id, 0)), "not_found");
  assert.equal(await refusalOf(stranger.send(request.id, "me too")), "not_found");
  await Promise.all([customer, technician, stranger].map((party) => party.stop()));
});

test("the largest batch fits, and what the client makes of it: 64 messages of 4,000 bytes at once", async () => {
  const request = await cluster.open(relay);
  const customer = await joined(request.customer, request);
  const technician = await joined(request.technician, request);
  const sent = await Promise.all(range(1, 64).map(() => customer.send(request.id, "x".repeat(4_000))));
  assert.deepEqual(sent.map(({ seq }) => seq), range(1, 64));
  await technician.receives(request.id, 64);
  await Promise.all([customer, technician].map((party) => party.stop()));
});

test("who was away gets what they missed, from the number and epoch that they had", async () => {
  const request = await cluster.open(relay);
  const technician = await joined(request.technician, request);
  const customer = await Party.connect(relay, request.customer);
  const { epoch } = await customer.join(request.id, 0);
  await technician.send(request.id, "while there");
  await customer.receives(request.id, 1);
  await customer.stop();
  for (const count of range(1, 20)) await technician.send(request.id, `while away ${count}`);

  const again = await Party.connect(relay, request.customer);
  await again.join(request.id, 1, epoch);
  await again.receives(request.id, 20);
  assert.deepEqual(again.seqs(request.id), range(2, 21));
  await Promise.all([again, technician].map((party) => party.stop()));
});

for (const [what, process] of [["functions", () => functions], ["relay", () => relay]]) {
  for (const signal of ["SIGTERM", "SIGKILL"]) {
    test(`nothing is lost when the ${what} end by ${signal} in the middle and start again`, async () => {
      const request = await cluster.open(relay);
      const customer = await Talker.join([relay], request, request.customer);
      const technician = await Talker.join([relay], request, request.technician);
      const talkers = [customer, technician];
      talkers.forEach((talker) => talker.talk("text"));
      const acknowledged = () => talkers.reduce((sum, talker) => sum + talker.acknowledged.length, 0);
      const more = async () => {
        const before = acknowledged();
        await eventually(() => acknowledged() > before + 200, { patience: 20_000, otherwise: () => talkers.join("; ") });
      };
      await more();
      await process().stop(signal);
      await process().start();
      await more();
      await Promise.all(talkers.map((talker) => talker.quiet()));

      const history = await relay.as(request.center).history(request.id);
      // Each text once, although some were sent again.
      assert.deepEqual(history.map(({ seq }) => seq), range(1, customer.said + technician.said));
      const stored = new Map(history.map((message) => [message.seq, message]));
      for (const talker of talkers) {
        for (const message of talker.acknowledged) assert.deepEqual(stored.get(message.seq), message);
        const known = () => new Set([...talker.received, ...talker.acknowledged].map(({ seq }) => seq));
        await eventually(() => known().size === history.length, { otherwise: () => String(talker) });
        const seqs = talker.received.map(({ seq }) => seq);
        assert.deepEqual(seqs, [...new Set(seqs)].sort((one, other) => one - other), "in order, each once");
      }
      await Promise.all(talkers.map((talker) => talker.stop()));
    });
  }
}

test("without the functions a send is refused soon, and sent again with its id it is one message", async () => {
  const request = await cluster.open(relay);
  const customer = await joined(request.customer, request);
  const technician = await joined(request.technician, request);
  const id = crypto.randomUUID();
  await functions.kill();
  const begin = performance.now();
  assert.equal(await refusalOf(customer.send(request.id, "is anybody there?", id)), "unavailable");
  assert.ok(performance.now() - begin < 5_000);
  const posted = await relay.as(request.customer).send(request.id, "or here?");
  assert.deepEqual([posted.status, posted.body.code], [503, "unavailable"]);
  assert.equal((await fetch(`${relay.origin}/readyz`)).status, 503);
  assert.equal((await fetch(`${relay.origin}/healthz`)).status, 200);

  await functions.start();
  const message = await customer.send(request.id, "is anybody there?", id);
  assert.deepEqual(await customer.send(request.id, "is anybody there?", id), message);
  await technician.receives(request.id, 1);
  assert.deepEqual(await relay.as(request.center).history(request.id), [message]);
  assert.equal((await fetch(`${relay.origin}/readyz`)).status, 200);
  await Promise.all([customer, technician].map((party) => party.stop()));
});

test("a relay with a wrong key gets nothing, whoever its users are", async () => {
  const request = await cluster.open(relay);
  await relay.as(request.customer).send(request.id, "a secret");
  const stranger = await beside("stranger", await freePort(), { relay_key: "of another system and just as long" });
  const customer = await Party.connect(stranger, request.customer);
  assert.equal(await refusalOf(customer.join(request.id, 0)), "unavailable");
  assert.equal(await refusalOf(customer.send(request.id, "let me in")), "unavailable");
  assert.match(stranger.output, /the functions refuse this relay's key/, "whoever runs it is told why");
  assert.deepEqual(customer.received(request.id), []);
  assert.equal((await relay.as(request.customer).history(request.id)).length, 1);
  await customer.stop();
  await stranger.stop();
});

test("internal routes want the key, and there are none on the relay's public side", async () => {
  const join = (origin, key) => {
    const headers = { "content-type": "application/json", ...(key && { "x-hubline-key": key }) };
    return fetch(`${origin}/internal/leave`, { method: "POST", headers, body: "{}" });
  };
  for (const key of [null, "", "wrong", `${cluster.relayKey}x`]) assert.equal((await join(functions.origin, key)).status, 401);
  // With the key the body is read, and this one is refused.
  assert.equal((await join(functions.origin, cluster.relayKey)).status, 400);
  for (const key of [null, cluster.relayKey]) assert.equal((await join(relay.origin, key)).status, 404);
  // The relay takes events that are signed, and no others.
  const event = await fetch(`${relay.origin}/internal/events`, { method: "POST", body: "{}" });
  assert.equal(event.status, 404);
});

test("history that is due is purged when a cluster's clock calls", async () => {
  const request = await cluster.open(relay);
  for (const count of range(1, 3)) await relay.as(request.customer).send(request.id, `text ${count}`);
  await request.report(relay, { status: "closed" });
  const backdated = "now() - interval '1 year'";
  await cluster.sql(`update hubline.service_request set closed_at = ${backdated}, closing_recorded_at = ${backdated} where id = $1`, [request.id]);
  const nothing = { serviceRequests: 0, messages: 0, batches: 0, done: true, due: 0, overdueSeconds: 0 };
  assert.deepEqual(await tick("purge"), { ...nothing, serviceRequests: 1, messages: 3, batches: 1 });
  assert.deepEqual(await tick("purge"), nothing);
  assert.deepEqual(await relay.as(request.platform).history(request.id), []);
});

test("a CronJob that loops as the documentation says ends when nothing is due", async () => {
  const page = readFileSync(join(ROOT, "docs/deploying.md"), "utf8");
  const [, loop] = page.match(/```sh\n(until status=[\s\S]*?)```/);
  const MESSAGES = 3_000;
  await cluster.sql(`insert into hubline.service_request (id, customer_id, service_center_id, closed_at, closing_recorded_at, last_seq)
    values ('looped', 'c', 'n', '2001-01-01', '2001-01-01', ${MESSAGES})`);
  await cluster.sql(`insert into hubline.message (service_request, seq, id, client_message_id, sent_at, sender_id, sender_role, body, digest, chain)
    select s.key, n, gen_random_uuid(), gen_random_uuid(), now(), 'c', 'customer', 'old', sha256('old'), sha256('old')
    from hubline.service_request s, generate_series(1, ${MESSAGES}) n where s.id = 'looped'`);
  // A disk so slow that one call does not get through.
  await cluster.sql("create function hubline.slow() returns trigger language plpgsql as 'begin perform pg_sleep(0.3); return null; end'");
  await cluster.sql("create trigger slow after delete on hubline.message for each statement execute function hubline.slow()");
  const first = await post("purge");
  assert.deepEqual([first.status, first.headers.get("retry-after")], [202, "0"]);
  const { done, due, messages, overdueSeconds } = await first.json();
  assert.deepEqual([done, due, messages < MESSAGES, overdueSeconds > 20 * 365 * 86_400], [false, 1, true, true]);
  const env = { ...process.env, RELAY_KEY: cluster.relayKey, FUNCTIONS: functions.origin };
  await run("timeout", ["60", "sh", "-c", `set -eu; ${loop}`], { env });
  await cluster.sql("drop trigger slow on hubline.message");
  assert.deepEqual(await cluster.sql("select count(*)::int from hubline.message where body = 'old'"), [{ count: 0 }]);
  assert.equal((await relay.as(cluster.token({ sub: "platform", role: "platform" })).read("looped")).body.customerId, null);
});

test("an alert opens an incident, people work on it, and are told", async () => {
  const alert = { status: "firing", labels: { alertname: "Down", severity: "critical", environment: "production" }, annotations: {}, startsAt: new Date().toISOString(), endsAt: "0001-01-01T00:00:00Z", fingerprint: "0123456789abcdef" };
  const body = { version: "4", receiver: "hubline", groupKey: "{}", truncatedAlerts: 0, alerts: [alert] };
  assert.equal((await relay.as("another token").call("POST", "/ops/alerts", { body })).status, 401);
  const told = await relay.as(ALERT_TOKEN).call("POST", "/ops/alerts", { body });
  assert.equal(told.status, 200);
  const [{ id }] = told.body.incidents;

  const olga = relay.as(cluster.token({ sub: "olga", role: ["operator"] }));
  const acknowledged = await olga.call("POST", `/ops/incidents/${id}/acknowledge`, { body: {}, headers: { "idempotency-key": crypto.randomUUID() } });
  assert.equal(acknowledged.status, 200, JSON.stringify(acknowledged.body));
  const { body: file } = await olga.call("GET", `/ops/incidents/${id}`);
  assert.deepEqual([file.incident.state, file.timeline.map(({ event }) => event.type)], ["acknowledged", ["incident_opened", "acknowledged"]]);
  assert.equal((await olga.call("GET", "/ops/incidents")).body.incidents.length, 1);
  const nobody = relay.as(cluster.token({ sub: "nobody", role: ["operator"] }));
  assert.equal((await nobody.call("POST", `/ops/incidents/${id}/decision`, { body: { strategy: "application", reason: "mine" } })).status, 403);

  // The ring has woken the worker.
  const heard = () => notifications.told.filter(({ channel }) => channel === "webhook");
  await eventually(() => heard().length > 0, { patience: 20_000, otherwise: () => "nobody was told" });
  assert.ok(heard().every(({ body }) => JSON.stringify(body).includes(id)), JSON.stringify(heard()));
  assert.equal((await tick("work")).done, true);
});
