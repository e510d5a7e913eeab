// Must hold: functions work in the database as the role that is meant, or not at all, whatever stands in between; and whether a
// node is ready is asked of a function.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually } from "../system/eventually.mjs";
import { old } from "../system/history.mjs";
import { Party, refusalOf } from "../system/party.mjs";
import { PgBouncer } from "../system/pgbouncer.mjs";

const LOGIN = "chat_app";
const PURGER = "purge_app";
const OPERATOR = "operations_app";

let cluster;
let pooler;

before(async () => {
  cluster = await Cluster.start();
  await cluster.hubline(["migrate"]);
  await cluster.sql(`create role ${LOGIN} login in role hubline_chat; create role everything login in role hubline_chat, hubline_owner; create role nothing login`);
  await cluster.sql(`create role ${PURGER} login in role hubline_purge`);
  pooler = await PgBouncer.start(cluster.folder("pgbouncer"), cluster.postgres, "chat", ["owner", LOGIN]);
});
after(async () => {
  await pooler?.stop();
  await cluster?.stop();
});

/** Both parties talk, which takes every function of the chat. */
async function talk(node) {
  const request = await cluster.open(node);
  const customer = await Party.connect(node, request.customer);
  const technician = await Party.connect(node, request.technician);
  await customer.join(request.id, 0);
  await technician.join(request.id, 0);
  await customer.send(request.id, "hello");
  await technician.receives(request.id, 1);
  assert.equal((await node.as(request.technician).history(request.id)).length, 1);
}

/** A node runs, says that it isn't ready and in its log why, and does nothing for anybody. */
async function refuses(name, setup, reason) {
  const node = await cluster.node(name, { ...setup, until: "alive" });
  await eventually(() => reason.test(node.output), { otherwise: () => node.output });
  assert.equal((await fetch(`${node.origin}/readyz`)).status, 503);
  const form = { customerId: "a", serviceCenterId: "b", status: "open" };
  const put = await node.as(cluster.token({ sub: "platform", role: "platform" })).report("of-nobody", form);
  assert.deepEqual([put.status, put.body.code], [503, "unavailable"]);
  const party = await Party.connect(node, cluster.token({ sub: "a", role: "customer" }));
  assert.equal(await refusalOf(party.join("of-nobody", 0)), "unavailable");
  assert.equal(await refusalOf(party.send("of-nobody", "hello")), "unavailable");
  assert.deepEqual(await cluster.sql("select from hubline.service_request where id = 'of-nobody'"), []);
  await node.kill();
}

test("behind a pooler that drops options, nothing runs as the database's owner", async () => {
  const databaseUrl = pooler.url("owner", "chat");
  await refuses("dropped", { databaseUrl }, /works? as `owner` and not as `hubline_chat`/);
});

test("a login that may do more than the chat is refused, and so is one that may do less", async () => {
  for (const login of ["owner", "everything", "nothing"]) {
    const variables = { database_url: cluster.databaseUrl.replace("owner@", `${login}@`) };
    await refuses(login, { databaseUrl: undefined, variables }, new RegExp(`as \`${login}\` .*not as \`hubline_chat\``));
  }
});

test("the chat's own login works behind the same pooler", async () => {
  const variables = { database_url: pooler.url(LOGIN, "chat") };
  const node = await cluster.node("pooled", { databaseUrl: undefined, variables });
  await talk(node);
  await node.stop();
});

test("postgresql:// is postgres://", async () => {
  const databaseUrl = cluster.databaseUrl.replace("postgres://", "postgresql://");
  const owned = await cluster.node("owned", { databaseUrl });
  await talk(owned);
  await owned.stop();
  const variables = {
    database_url: databaseUrl.replace("owner@", `${LOGIN}@`),
    database_origin: new URL(databaseUrl.replace("postgresql", "http")).origin.replace("http", "postgresql"),
  };
  const logged = await cluster.node("logged", { databaseUrl: undefined, variables });
  await talk(logged);
  await logged.stop();
});

/** An address with another login, and with the longer name of the scheme. */
const longer = (url, login) => url.replace("postgres://", "postgresql://").replace("owner@", `${login}@`);

/** Starts what retention's clock starts, with the address of its own database; how it ends: `{code, output}`. */
async function purged(url) {
  const trigger = cluster.startHubline(["trigger", "message-purge"], {
    SPIN_VARIABLE_PURGE_DATABASE_URL: url,
    SPIN_VARIABLE_DATABASE_ORIGIN: `postgres://${new URL(url).host}`,
  });
  const { code } = await trigger.ended();
  return { code, output: trigger.output };
}

const due = async () => {
  const isDue = "closed_at < now() - interval '1 year' and customer_id is not null";
  return (await cluster.sql(`select count(*)::int from hubline.service_request where ${isDue}`))[0].count;
};

test("postgresql:// is postgres:// for retention, whose login does its work", async () => {
  for (const [name, login, options] of [["logged", PURGER, ""], ["owned", "owner", "?options=-c%20role%3Dhubline_purge"]]) {
    await old(cluster, `purged-${name}`, 3, 5);
    assert.equal(await due(), 3);
    const { code, output } = await purged(longer(cluster.databaseUrl, login) + options);
    assert.equal(code, 0, output);
    assert.equal(await due(), 0);
  }
});

test("retention works as its role or not at all", async () => {
  await old(cluster, "kept", 2, 5);
  const role = "options=-c%20role%3Dhubline_purge";
  const pooled = `${pooler.url("owner", "chat")}?${role}`;
  for (const [name, url, reason] of [
    ["behind a pooler that drops options", pooled, /works? as `owner` and not as `hubline_purge`/],
    ["as the owner", longer(cluster.databaseUrl, "owner"), /as `owner` .*not as `hubline_purge`/],
    ["as the chat", longer(cluster.databaseUrl, LOGIN), /as `chat_app` .*not as `hubline_purge`/],
    ["as one that may do nothing", longer(cluster.databaseUrl, "nothing"), /as `nothing` .*not as `hubline_purge`/],
  ]) {
    const { code, output } = await purged(url);
    assert.notEqual(code, 0, name);
    assert.match(output, reason, name);
    assert.equal(await due(), 2, name);
  }
});

test("operations take postgresql:// too, and work as their role or not at all", async () => {
  const databaseUrl = await cluster.postgres.createDatabase("operations");
  const run = (args) => cluster.hubline([...args, "--operations-database-url", longer(databaseUrl, "owner")]);
  const olga = cluster.token({ sub: "olga", role: ["operator"] });
  const incidents = (node) => node.as(olga).call("GET", "/ops/incidents");

  const owned = await cluster.node("operated", { operationsDatabaseUrl: longer(databaseUrl, "owner") });
  await run(["principal", "grant", "olga", "--role", "operator"]);
  const seen = await incidents(owned);
  assert.deepEqual([seen.status, seen.body.incidents], [200, []]);
  await owned.stop();

  await cluster.sql(`create role ${OPERATOR} login in role hubline_operations`);
  const variables = (login) => ({ operations_database_url: longer(databaseUrl, login) });
  const origin = `postgresql://${new URL(databaseUrl).host}`;
  const logged = await cluster.node("operator", { variables: { ...variables(OPERATOR), operations_database_origin: origin } });
  const again = await incidents(logged);
  assert.deepEqual([again.status, again.body.incidents], [200, []]);
  await logged.stop();

  for (const login of ["owner", LOGIN, PURGER, "nothing"]) {
    const refusing = await cluster.node(`operations-${login}`, { variables: variables(login), until: "alive" });
    const { status, body } = await incidents(refusing);
    assert.deepEqual([status, body.code], [503, "unavailable"], login);
    const reason = new RegExp(`as \`${login}\` .*not as \`hubline_operations\``);
    await eventually(() => reason.test(refusing.output), { otherwise: () => `${login}: ${refusing.output}` });
    await refusing.kill();
  }
});

test("a node is ready when its function can serve a join, and not when the database merely answers", async () => {
  const node = await cluster.node("asked");
  const joins = "execute on function hubline.join";
  await cluster.sql(`revoke ${joins} from hubline_chat`);
  await eventually(async () => !(await node.isReady()), { otherwise: () => "readyz says that it is ready" });
  await cluster.sql(`grant ${joins} to hubline_chat`);
  await eventually(() => node.isReady(), { otherwise: () => "readyz says that it is not ready" });
  await node.stop();
});
