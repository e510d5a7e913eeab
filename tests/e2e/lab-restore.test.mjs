// Must hold: the lab's resource manager is one for Azure's own client, and its restore is a restore.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Arm } from "../lab/arm.mjs";
import { Entra } from "../lab/entra.mjs";
import { python } from "../lab/python.mjs";
import { pause } from "../system/eventually.mjs";
import { freePort } from "../system/port.mjs";

const APPLICATION = { tenant: "contoso", clientId: "hubline", clientSecret: "a secret" };
const folder = mkdtempSync(join(tmpdir(), "hubline-test-"));
chmodSync(folder, 0o755);

let entra;
let arm;
let source;

before(async () => {
  entra = await Entra.start(APPLICATION);
  arm = await Arm.start(entra, { subscription: "s1", group: "shop", folder, port: await freePort(), network: 45 });
  source = await arm.create("orders");
});
after(async () => {
  await Promise.all([arm?.stop(), entra?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

function restore(name, moment, token = entra.issue("https://management.azure.com/.default")) {
  return python("arm.py", arm.origin, token, "s1", "shop", "orders", name, moment.toISOString());
}

test("Azure's client restores to the moment, to a server of its own, and the source stays as it is", async () => {
  await source.query("create table note (text text, at timestamptz default clock_timestamp())");
  await source.query("insert into note (text) values ('good')");
  await pause(50);
  const [{ now: moment }] = await source.query("select clock_timestamp() as now");
  await pause(50);
  await source.query("insert into note (text) values ('bad')");
  await pause(50);
  const answer = await restore("orders-restored", moment);
  assert.equal(answer.state, "Ready", JSON.stringify(answer));
  assert.equal(answer.id, arm.id("orders-restored"));
  const restored = arm.server("orders-restored");
  assert.equal(answer.host, restored.host);
  assert.deepEqual(await restored.query("select text from note"), [{ text: "good" }]);
  await restored.query("insert into note (text) values ('and on')");
  assert.deepEqual(await source.query("select text from note order by at"), [{ text: "good" }, { text: "bad" }]);
  const polls = arm.asked.filter(({ path }) => path.includes("/azureAsyncOperation/"));
  assert.ok(polls.length > 0 && polls.every(({ status }) => status === 200), "the operation was followed");
});

test("a server with a history is restored to a time before it was made", async () => {
  const live = async (server) => {
    await server.query("create table if not exists heartbeat (at timestamptz)");
    await server.query("insert into heartbeat values (clock_timestamp())");
  };
  const old = await arm.create("old", { seconds: 900, step: 10, live });
  const moment = new Date(Math.floor(Date.now() / 1000 - 400) * 1000);
  assert.ok(old.earliestRestore < new Date(Date.now() - 800_000));
  const before = { folder: join(folder, "before"), name: "before", host: "127.45.99.1", port: old.port };
  const restored = await old.restored(before, moment);
  const [{ last }] = await restored.query("select max(at) as last from heartbeat");
  await restored.stop();
  const behind = (moment - last) / 1000;
  assert.ok(behind >= 0 && behind <= 11, `${behind} s behind`);
});

test("a moment outside the backups, no right, and no login each have their own error", async () => {
  const early = await restore("orders-early", new Date(Date.now() - 86_400_000));
  assert.deepEqual(early, { status: 400, code: "InvalidPointInTime" });
  arm.denied = true;
  assert.deepEqual(await restore("orders-denied", new Date()), { status: 403, code: "AuthorizationFailed" });
  arm.denied = false;
  assert.deepEqual(await restore("orders-anonymous", new Date(), "nonsense"), { status: 401, code: "InvalidAuthenticationToken" });
  assert.deepEqual(arm.names, ["orders", "orders-restored", "old"]);
});
