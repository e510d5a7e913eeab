// Must hold: people see everything about an incident and what they may do next, and the audit log shows when it was touched.

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { range } from "../system/eventually.mjs";
import { Operations } from "../system/operations.mjs";

let operations;
let olga;
let carla;

before(async () => {
  operations = await Operations.start();
  ({ olga, carla } = operations);
});
after(() => operations?.stop());

const path = (incident, move) => `/ops/incidents/${incident}/${move}`;

// Incidents

test("incidents are listed newest first, in parts, by state and by environment", async () => {
  const staging = { environment: "staging" };
  const made = [];
  for (const number of range(1, 6)) made.unshift(await operations.incident(`Listed${number}`, number % 2 ? staging : {}));
  const acknowledged = [made[1], made[4]];
  for (const id of acknowledged) await olga.does(path(id, "acknowledge"));
  const list = async (query) => (await operations.audrey.sees(`/ops/incidents${query}`)).incidents.map(({ id }) => id);
  assert.deepEqual(await list(""), made);
  assert.deepEqual(await list("?state=acknowledged"), acknowledged);
  assert.deepEqual(await list("?state=open"), made.filter((id) => !acknowledged.includes(id)));
  assert.deepEqual(await list("?state=open,acknowledged"), made);
  assert.deepEqual(await list("?state=open%2Cacknowledged"), made);
  assert.deepEqual(await list("?state=resolved"), []);
  assert.deepEqual(await list("?environment=staging"), made.filter((_, index) => index % 2));
  assert.deepEqual(await list("?environment=staging&state=open"), made.filter((id, index) => index % 2 && !acknowledged.includes(id)));
  const pages = [await list("?limit=4"), await list(`?limit=4&before=${made[3]}`), await list(`?before=${made[5]}`)];
  assert.deepEqual(pages, [made.slice(0, 4), made.slice(4), []]);
  assert.deepEqual(await list(`?before=${randomUUID()}`), [], "before one that there is not");
  for (const query of ["state=shut", "state=open,", "environment=test", "limit=0", "limit=201", "limit=ten", "before=1", "state=open&state=open", "stat=open"]) {
    const { status, body } = await olga.get(`/ops/incidents?${query}`);
    assert.deepEqual([status, body.code, body.errors[0].field], [422, "invalid", query.split("=")[0]], query);
  }
});

test("an incident's file shows all of it, and is not kept by anybody", async () => {
  const id = await operations.decided("application", { labels: { service: "api" } });
  const run = await olga.does(path(id, "runs"), { kind: "application", application: "api" });
  const { status, headers, body: file } = await operations.audrey.get(`/ops/incidents/${id}`);
  assert.deepEqual([status, headers.get("cache-control"), headers.get("etag")], [200, "no-store", `"${file.incident.version}"`]);
  const members = ["alerts", "clocks", "incident", "messages", "moves", "next", "now", "objectives", "pending", "recommendation", "runs", "timeline", "triage", "validations"];
  assert.deepEqual(Object.keys(file).sort(), members);
  assert.deepEqual([file.incident.id, file.incident.state, file.incident.run.id], [id, "acknowledged", run.id]);
  assert.deepEqual([file.incident.decision.strategy, file.incident.decision.decider], ["application", "olga"]);
  assert.deepEqual([file.alerts.length, file.alerts[0].consequence, file.alerts[0].alert.labels.service], [1, "opened", "api"]);
  assert.deepEqual(file.runs, [run]);
  assert.deepEqual(file.timeline.map(({ actor, event }) => [actor, event.type]), [[null, "incident_opened"], ["olga", "acknowledged"], ["olga", "decided"], ["olga", "run_opened"]]);
  assert.deepEqual(await operations.timeline(id), file.timeline.map(({ hash, ...record }) => record), "it is what the audit log has");
  assert.deepEqual(file.messages.map(({ audience }) => audience), ["on_call", "followers", "followers"]);
  assert.ok(file.pending.some(({ kind, key }) => kind === "step" && key === `step:${run.id}`));
  assert.deepEqual(file.objectives.rto, { allowedSeconds: 1_800, takenSeconds: file.clocks.recovery.seconds, running: true });
  assert.deepEqual(file.objectives.rpo, { allowedSeconds: 900, askedSeconds: null, measuredSeconds: null });
  const running = Object.entries(file.clocks).filter(([, clock]) => clock?.running).map(([name]) => name);
  assert.deepEqual(running.sort(), ["approve", "recovery", "restore"]);
  await olga.does(`/ops/runs/${run.id}/cancel`, { reason: "a test" });
});

test("each sees the moves that they may make now, and each what is next", async () => {
  const id = await operations.incident();
  /** Who may do what now, and what is next. */
  const standing = async () => {
    const files = await Promise.all(["olga", "anton", "carla", "audrey"].map((name) => operations[name].sees(`/ops/incidents/${id}`)));
    return { moves: files.map(({ moves }) => moves.sort().join(" ")), next: files[0].next };
  };
  assert.deepEqual(await standing(), { moves: ["acknowledge escalate", "", "acknowledge dismiss escalate", ""], next: "acknowledge the incident" });
  await olga.does(path(id, "acknowledge"));
  assert.deepEqual(await standing(), {
    moves: ["decide escalate validate", "", "decide dismiss escalate validate", ""],
    next: "decide what is done, or escalate",
  });
  await olga.does(path(id, "decision"), { strategy: "application", reason: "it is slow" });
  assert.deepEqual(await standing(), {
    moves: ["decide escalate open_run validate", "", "decide dismiss escalate open_run validate", ""],
    next: "ask for the rollback that was decided, or decide anew",
  });
  const run = await olga.does(path(id, "runs"), { kind: "application", application: "api" });
  assert.deepEqual(await standing(), {
    moves: ["cancel decide escalate", "", "cancel decide escalate", ""],
    next: "wait: it is being found out what would run",
  });
  await olga.does(`/ops/runs/${run.id}/cancel`, { reason: "a test" });
  await olga.does(path(id, "escalate"), { reason: "nobody knows" });
  assert.deepEqual((await standing()).moves, ["escalate open_run validate", "", "decide dismiss escalate open_run validate", ""], "a commander decides");
  await carla.does(path(id, "decision"), { strategy: "no_rollback", reason: "it has passed" });
  assert.equal((await standing()).next, "have the incident validated");
  await carla.does(path(id, "dismiss"), { cause: "false_positive", reason: "a test" });
  await operations.conrad.does(path(id, "dismiss"), { cause: "false_positive", reason: "a test" });
  assert.deepEqual(await standing(), { moves: ["", "", "", ""], next: "nothing: it is over" });
});

test("evidence is given as it was kept, and no browser runs anything of it", async () => {
  // What the worker keeps is shown elsewhere; here it is what somebody outside would like to have run.
  const page = "<script>alert(1)</script>";
  const digest = `sha256:${createHash("sha256").update(page).digest("hex")}`;
  await operations.sql("insert into operations.evidence (digest, media_type, bytes, source) values ($1, 'text/html', $2, 'outside')", [digest, Buffer.from(page)]);
  for (const spelt of [digest, digest.replace(":", "%3A")]) {
    const { status, headers, type, body } = await operations.audrey.get(`/ops/evidence/${spelt}`);
    assert.deepEqual([status, type, body], [200, "text/plain; charset=utf-8", page]);
    assert.equal(headers.get("x-content-type-options"), "nosniff");
    assert.match(headers.get("content-security-policy"), /default-src 'none'; sandbox/);
  }
  for (const other of [digest.replace(/.$/, (last) => (last === "0" ? "1" : "0")), digest.slice(7), "sha256:", "..%2f"]) {
    assert.equal((await olga.get(`/ops/evidence/${other}`)).status, 404, other);
  }
});

// The audit log

const GENESIS = createHash("sha256").update("hubline rollback audit 1").digest();

/** A number in eight bytes. */
function eight(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
}

/** The digest of a link, worked out here: each part after its length. */
function link(previous, seq, text) {
  const parts = [previous, eight(seq), Buffer.from(text)].flatMap((part) => [eight(part.length), part]);
  return createHash("sha256").update(Buffer.concat(parts)).digest();
}

const spelt = (digest) => `sha256:${digest.toString("hex")}`;

const verify = () => operations.audrey.sees("/ops/audit/verify");

test("the audit log is read in parts, and each link follows from the one before", async () => {
  const { length } = await carla.sees("/ops/audit?limit=1");
  assert.ok(length > 20, String(length));
  const links = [];
  for (let after = 0; after < length; after = links.length) {
    const page = await operations.audrey.sees(`/ops/audit?after=${after}&limit=7`);
    assert.equal(page.length, length);
    links.push(...page.links);
  }
  let head = GENESIS;
  for (const [index, { seq, previous, text, hash, record }] of links.entries()) {
    assert.deepEqual([seq, previous], [index + 1, spelt(head)]);
    head = link(head, seq, text);
    assert.equal(hash, spelt(head));
    assert.deepEqual({ ...JSON.parse(text), seq, hash }, record);
  }
  assert.equal((await carla.sees("/ops/audit")).head, spelt(head));
  assert.deepEqual(await verify(), { intact: true, length, head: spelt(head), broken: null });
  assert.deepEqual((await carla.sees(`/ops/audit?after=${length}`)).links, []);
  for (const [query, field] of [["after=-1", "after"], ["after=x", "after"], ["after=99999999999999999999", "after"], ["limit=0", "limit"], ["limit=1001", "limit"]]) {
    const { status, body } = await carla.get(`/ops/audit?${query}`);
    assert.deepEqual([status, body.errors[0].field], [422, field], query);
  }
});

test("nobody who works for Hubline changes the audit log, not even its owner by mistake", async () => {
  for (const [role, refused] of [["hubline_operations", /permission denied/], ["hubline_owner", /the audit log is never changed/]]) {
    for (const change of ["update operations.audit set text = '{}'", "delete from operations.audit", "truncate operations.audit cascade"]) {
      await assert.rejects(operations.sql(`set role ${role}; ${change}`), refused, `${role}: ${change}`);
    }
  }
  for (const addition of [
    "insert into operations.audit (seq, previous, text, hash, at) select seq + 1000, previous, text, hash, at from operations.audit limit 1",
    "select operations.append('[]')",
    "insert into operations.principal values ('mallory', '{approver}', '{}', false)",
    "select operations.put_principal('mallory', '{approver}', '{}', false, '{}')",
  ]) {
    await assert.rejects(operations.sql(`set role hubline_operations; ${addition}`), /permission denied/, addition);
  }
});

test("whoever is stronger than the database is found out, and where", async (t) => {
  const { length, head } = await verify();
  const middle = Math.floor(length / 2);
  await operations.sql("create table saved as select * from operations.audit");
  /** Changes the log as only the server's superuser can, with the triggers away, has it verified, and puts it back. */
  const touched = async (change, check) => {
    const superuser = (statements) => operations.sql(`begin; set local session_replication_role = replica; ${statements}; commit`);
    await superuser(change);
    await check();
    await superuser("delete from operations.audit; insert into operations.audit select * from saved");
    assert.equal((await verify()).head, head);
  };
  const broken = (at, why) => async () => {
    const told = await verify();
    assert.deepEqual([told.intact, told.length, told.broken], [false, at - 1, why]);
    await assert.rejects(operations.command("verify-audit"), new RegExp(`the audit log is broken[\\s\\S]*${why}`));
  };
  const forged = (await operations.sql("select replace(text, '\"actor\":', '\"actor\": ') as text, previous from operations.audit where seq = $1", [middle]))[0];
  const hash = link(forged.previous, middle, forged.text).toString("hex");
  const anew = "select jsonb_agg(jsonb_build_object('text', replace(text, 'olga', 'carla')) order by seq) from saved";

  await t.test("a changed record", () =>
    touched(`update operations.audit set text = replace(text, '"actor":', '"actor": ') where seq = ${middle}`, broken(middle, `link ${middle} was changed`)));
  await t.test("a changed record with a digest to it", () =>
    touched(`update operations.audit set text = $$${forged.text}$$, hash = '\\x${hash}' where seq = ${middle}`, broken(middle + 1, `link ${middle + 1} does not follow the one before it`)));
  await t.test("a record that is gone", () =>
    touched(`delete from operations.audit where seq = ${middle}`, broken(middle, `link ${middle} is missing: ${middle + 1} is in its place`)));
  await t.test("a first record that is gone", () =>
    touched("delete from operations.audit where seq = 1", broken(1, "link 1 is missing: 2 is in its place")));
  await t.test("an end that is cut off, by the head that was kept elsewhere", () =>
    touched(`delete from operations.audit where seq > ${middle}`, async () => {
      assert.deepEqual((await verify()).length, middle, "in itself it holds");
      await operations.command("verify-audit");
      await assert.rejects(operations.command("verify-audit", "--known", `${length}:${head}`), /the audit log was cut off/);
    }));
  await t.test("a log that was written anew, by the same", () =>
    touched(`delete from operations.audit; select operations.append((${anew}))`, async () => {
      assert.deepEqual([(await verify()).intact, (await verify()).length], [true, length]);
      await assert.rejects(operations.command("verify-audit", "--known", `${length}:${head}`), /written anew/);
    }));
  assert.match(await operations.command("verify-audit", "--known", `${length}:${head}`), new RegExp(`holds: ${length}:${head}`));
});
