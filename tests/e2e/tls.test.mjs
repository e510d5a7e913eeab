// Must hold: managed databases are reached as they are offered, PostgreSQL with sslmode=verify-full and Redis as rediss://
// with a password, and a server that can't prove its name is not spoken to.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually } from "../system/eventually.mjs";
import { Party } from "../system/party.mjs";

let cluster;

before(async () => {
  cluster = await Cluster.start({ tls: true });
});
after(() => cluster?.stop());

const root = () => `sslrootcert=${cluster.authority.root}`;
const databaseUrl = (host) => `${cluster.databaseUrl.replace("127.0.0.1", host)}?sslmode=verify-full&${root()}`;

test("two nodes talk over TLS to both", async () => {
  const setup = { databaseUrl: databaseUrl("localhost"), redisUrl: `${cluster.redis.url}?${root()}` };
  const [a, b] = await Promise.all([cluster.node("a", setup), cluster.node("b", setup)]);
  const request = await cluster.open(a);
  const customer = await Party.connect(a, request.customer);
  const technician = await Party.connect(b, request.technician);
  await customer.join(request.id, 0);
  await technician.join(request.id, 0);
  const quick = async () => {
    const { seq } = await customer.send(request.id, "encrypted");
    await technician.receives(request.id, seq);
    return (await b.metric("hubline_function_calls_total", 'component="message-fanout"')) > 0;
  };
  await eventually(quick, { otherwise: () => "Redis rang nobody" });
  const sessions = await cluster.sql(
    `select s.ssl, a.usename from pg_stat_ssl s join pg_stat_activity a using (pid)
     where a.backend_type = 'client backend' and a.datname is not null and a.pid <> pg_backend_pid()`,
  );
  assert.ok(sessions.length > 0 && sessions.every(({ ssl }) => ssl), JSON.stringify(sessions));
  await Promise.all([customer, technician].map((party) => party.stop()));
});

test("a server under a name that its certificate does not have is refused", async () => {
  const setup = { databaseUrl: databaseUrl("127.0.0.1"), redisUrl: `${cluster.redis.url}?${root()}` };
  await assert.rejects(cluster.node("wary", setup), /ended \({"code":1/);
});
