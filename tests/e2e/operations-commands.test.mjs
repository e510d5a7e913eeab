// Must hold: a command is done once, on what whoever commands has seen, or it is refused with a reason and nothing has changed.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { eventually, range } from "../system/eventually.mjs";
import { ROOT } from "../system/node.mjs";
import { Operations } from "../system/operations.mjs";

const DIGEST = `sha256:${"ab".repeat(32)}`;
const APPLICATION = { kind: "application", application: "api" };

let operations;
let olga;
let carla;

before(async () => {
  operations = await Operations.start();
  ({ olga, carla } = operations);
});
after(() => operations?.stop());

const path = (incident, move) => `/ops/incidents/${incident}/${move}`;
const code = ({ status, body }) => [status, body.code];
const happened = async (incident, type) => (await operations.timeline(incident)).filter(({ event }) => event.type === type).length;
const fields = ({ body }) => body.errors.map(({ field }) => field);

// Once

test("the same command under the same key gets the first answer, whatever has happened since", async () => {
  const incident = await operations.incident();
  const key = randomUUID();
  const first = await olga.post(path(incident, "acknowledge"), {}, { key });
  assert.deepEqual([first.status, first.body.state], [200, "acknowledged"]);
  await olga.does(path(incident, "decision"), { strategy: "application", reason: "it is slow" });
  const again = await olga.post(path(incident, "acknowledge"), {}, { key });
  assert.deepEqual([again.status, again.body, again.type], [200, first.body, first.type]);
  assert.equal(await happened(incident, "acknowledged"), 1);
});

test("the same key for anything else is refused, and somebody else may use it", async () => {
  const [incident, other] = [await operations.incident(), await operations.incident()];
  const key = randomUUID();
  await olga.post(path(incident, "escalate"), { reason: "nobody knows" }, { key });
  const before = await operations.standing();
  for (const [where, body] of [
    [path(incident, "escalate"), { reason: "nobody knows!" }],
    [path(other, "escalate"), { reason: "nobody knows" }],
    [path(incident, "acknowledge"), {}],
  ]) {
    assert.deepEqual(code(await olga.post(where, body, { key })), [422, "idempotency_key_reused"], where);
  }
  assert.deepEqual(await operations.standing(), before);
  assert.equal((await carla.post(path(incident, "escalate"), { reason: "nobody knows" }, { key })).status, 200);
  assert.equal(await happened(incident, "escalated"), 2);
});

test("many at once under one key have one effect and one answer", async () => {
  const incident = await operations.decided("application");
  const key = randomUUID();
  const answers = await Promise.all(range(1, 8).map(() => olga.post(path(incident, "runs"), APPLICATION, { key })));
  assert.deepEqual(answers.map(({ status }) => status), Array(8).fill(201));
  assert.deepEqual([...new Set(answers.map(({ body }) => body.id))].length, 1);
  assert.equal(await happened(incident, "run_opened"), 1);
  await olga.does(`/ops/runs/${answers[0].body.id}/cancel`, { reason: "a test" });
});

test("many at once under keys of their own have one effect, and the others are told", async () => {
  const incident = await operations.decided("application");
  const answers = await Promise.all(range(1, 4).map(() => olga.post(path(incident, "runs"), APPLICATION)));
  assert.deepEqual(answers.map(({ status }) => status).sort(), [201, 409, 409, 409]);
  const { body: run } = answers.find(({ status }) => status === 201);
  for (const { body } of answers.filter(({ status }) => status === 409)) assert.deepEqual([body.code, body.run], ["run_not_over", run.id]);
  assert.equal(await happened(incident, "run_opened"), 1);
  await olga.does(`/ops/runs/${run.id}/cancel`, { reason: "a test" });
});

test("what was refused is not kept: under the same key it may be tried again", async () => {
  const incident = await operations.incident();
  const key = randomUUID();
  const before = await operations.standing();
  assert.equal((await olga.post(path(incident, "decision"), { strategy: "application", reason: "early" }, { key })).status, 409);
  assert.deepEqual(await operations.standing(), before);
  await olga.does(path(incident, "acknowledge"));
  assert.equal((await olga.post(path(incident, "decision"), { strategy: "application", reason: "early" }, { key })).status, 200);
});

test("an answer is given again only to somebody who may still ask", async () => {
  await operations.grant("oskar", ["operator"]);
  const oskar = operations.as("oskar", "operator");
  const incident = await operations.incident();
  const key = randomUUID();
  assert.equal((await oskar.post(path(incident, "acknowledge"), {}, { key })).status, 200);
  await operations.revoke("oskar");
  assert.deepEqual(code(await oskar.post(path(incident, "acknowledge"), {}, { key })), [403, "forbidden"]);
});

test("a key is visible and not too long", async () => {
  const incident = await operations.incident();
  for (const key of ["a b", "x".repeat(129), "schl\u00fcssel"]) {
    const answer = await olga.post(path(incident, "acknowledge"), {}, { key });
    assert.deepEqual([answer.status, fields(answer)], [422, ["Idempotency-Key"]], key);
  }
  assert.equal(await happened(incident, "acknowledged"), 0);
});

// On what was seen

test("a command on an older version than there is is refused", async () => {
  const incident = await operations.incident();
  const seen = (await olga.get(`/ops/incidents/${incident}`)).headers.get("etag");
  assert.match(seen, /^"\d+"$/);
  const acknowledged = await olga.post(path(incident, "acknowledge"), {}, { "if-match": seen });
  assert.equal(acknowledged.status, 200);
  const escalate = (match) => olga.post(path(incident, "escalate"), { reason: "nobody knows" }, { "if-match": match });
  const stale = await escalate(seen);
  assert.deepEqual(code(stale), [409, "version_mismatch"]);
  assert.deepEqual([`"${stale.body.expected}"`, `"${stale.body.actual}"`], [seen, acknowledged.headers.get("etag")]);
  assert.equal((await escalate(acknowledged.headers.get("etag"))).status, 200);
  assert.equal((await escalate("*")).status, 200);
  for (const wrong of ["7", "W/\"7\"", "\"x\"", "\"1\", \"2\""]) {
    const answer = await escalate(wrong);
    assert.deepEqual([answer.status, fields(answer)], [422, ["If-Match"]], wrong);
  }
  assert.equal(await happened(incident, "escalated"), 2);
});

test("a run has a version of its own", async () => {
  const incident = await operations.decided("application");
  const opened = await olga.post(path(incident, "runs"), APPLICATION);
  const etag = (await olga.get(`/ops/runs/${opened.body.id}`)).headers.get("etag");
  const cancel = (match) => olga.post(`/ops/runs/${opened.body.id}/cancel`, { reason: "a test" }, { "if-match": match });
  assert.deepEqual(code(await cancel("\"99\"")), [409, "version_mismatch"]);
  assert.equal((await cancel(etag)).status, 200);
});

// What can't be done

test("a move that can't be made as things stand names where it stands and what came", async () => {
  const open = await operations.incident();
  const acknowledged = await operations.incident();
  await olga.does(path(acknowledged, "acknowledge"));
  const over = await operations.incident();
  await carla.does(path(over, "dismiss"), { cause: "false_positive", reason: "a test" });
  await operations.conrad.does(path(over, "dismiss"), { cause: "false_positive", reason: "a test" });
  const reason = { reason: "because" };
  const before = await operations.standing();
  for (const [incident, from, move, body, event] of [
    [open, "open", "decision", { strategy: "application", ...reason }, "decide"],
    [open, "open", "runs", APPLICATION, "open_run"],
    [open, "open", "validations", {}, "start_validation"],
    [open, "open", "resolve", {}, "resolve"],
    [open, "open", "review", { review: "early" }, "review"],
    [acknowledged, "acknowledged", "acknowledge", {}, "acknowledge"],
    [acknowledged, "acknowledged", "resolve", {}, "resolve"],
    [over, "dismissed", "acknowledge", {}, "acknowledge"],
    [over, "dismissed", "escalate", reason, "escalate"],
    [over, "dismissed", "dismiss", { cause: "expected", ...reason }, "propose_dismissal"],
  ]) {
    const { status, body: told, type } = await carla.post(path(incident, move), body);
    assert.deepEqual([status, told.code, told.machine, told.from, told.event], [409, "illegal_transition", "incident", from, event], move);
    assert.deepEqual([type, told.status, told.type], ["application/problem+json", 409, "urn:hubline:error:illegal_transition"]);
  }
  const undecided = await olga.post(path(acknowledged, "runs"), APPLICATION);
  assert.deepEqual(code(undecided), [409, "undecided"]);
  assert.deepEqual(await operations.standing(), before);
});

test("a rollback of another kind than was decided is not asked for, and one run is at a time", async () => {
  const incident = await operations.decided("database");
  assert.deepEqual(code(await olga.post(path(incident, "runs"), APPLICATION)), [409, "undecided"]);
  await olga.does(path(incident, "decision"), { strategy: "application", reason: "the data is right" });
  const run = await olga.does(path(incident, "runs"), APPLICATION);
  const [, runbook] = readFileSync(join(ROOT, "docs/runbook/application.md"), "utf8").match(/^version: (.+)$/m);
  assert.deepEqual([run.state, run.requester, run.target, run.runbook], ["draft", "olga", { environment: "production", mode: "live" }, runbook]);
  const elsewhere = await operations.decided("application");
  const busy = await olga.post(path(elsewhere, "runs"), APPLICATION);
  assert.deepEqual([...code(busy), busy.body.run], [409, "environment_busy", run.id]);
  await olga.does(`/ops/runs/${run.id}/cancel`, { reason: "a test" });
});

test("after an escalation a commander decides", async () => {
  const incident = await operations.decided("application");
  await olga.does(path(incident, "escalate"), { reason: "two things changed" });
  const decision = { strategy: "infrastructure", reason: "it was the ingress" };
  assert.deepEqual(code(await olga.post(path(incident, "decision"), decision)), [403, "commander_decides"]);
  assert.equal((await olga.sees(`/ops/incidents/${incident}`)).incident.decision.strategy, "application");
  assert.equal((await carla.does(path(incident, "decision"), decision)).decision.decider, "carla");
  const told = await operations.sql("select audience from operations.outbox where incident = $1 and body #>> '{event,type}' = 'escalated'", [incident]);
  assert.deepEqual(told, [{ audience: "commander" }]);
});

test("while the alert fires two commanders must say that it is wrong", async () => {
  const incident = await operations.incident("Wrong");
  const dismiss = (person, cause) => person.post(path(incident, "dismiss"), { cause, reason: "the sensor is broken" });
  assert.deepEqual(code(await dismiss(carla, "expected")), [409, "alert_fires"]);
  assert.equal((await dismiss(carla, "false_positive")).body.state, "open");
  assert.deepEqual(code(await dismiss(carla, "false_positive")), [403, "second_commander"]);
  assert.equal((await dismiss(operations.conrad, "false_positive")).body.state, "dismissed");
  const again = (await operations.alert("Wrong")).incidents[0].id;
  assert.equal(again, incident, "the same event comes again and does nothing");
  const quiet = await operations.incident("Passed");
  await operations.alert("Passed", { status: "resolved" });
  assert.equal((await carla.does(path(quiet, "dismiss"), { cause: "passed", reason: "it was a blip" })).state, "dismissed");
});

// What is wrong

test("there is nothing at other addresses, and other methods name those that there are", async () => {
  const incident = await operations.incident();
  for (const [method, where] of [
    ["POST", path(incident, "delete")],
    ["POST", path(incident, "")],
    ["POST", `/ops/incidents/${incident}/acknowledge/now`],
    ["POST", `/ops/runs/${randomUUID()}/apply`],
    ["GET", `/ops/runs/${randomUUID()}/approvals/1`],
    ["GET", "/ops/runs"],
    ["GET", "/ops/audit/1"],
    ["GET", "/ops/incidents/"],
    ["DELETE", "/ops/nothing"],
  ]) {
    const { status } = await carla.call(method, where, method === "POST" ? { body: {} } : {});
    assert.ok([404, 405].includes(status) && (method === "DELETE" || status === 404), `${method} ${where}: ${status}`);
  }
  for (const [where, allowed] of [
    ["/ops/incidents", "GET"],
    [`/ops/incidents/${incident}`, "GET"],
    [path(incident, "resolve"), "POST"],
    [`/ops/runs/${randomUUID()}`, "GET"],
    [`/ops/runs/${randomUUID()}/preview`, "GET"],
    [`/ops/runs/${randomUUID()}/approvals`, "POST"],
    ["/ops/audit", "GET"],
    ["/ops/audit/verify", "GET"],
    [`/ops/evidence/${DIGEST}`, "GET"],
    ["/ops/drills", "GET, POST"],
    ["/ops/halt", "GET, POST"],
    ["/ops/github", "POST"],
  ]) {
    for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE"].filter((method) => !allowed.split(", ").includes(method))) {
      const answer = await carla.call(method, where, method === "GET" ? {} : { body: {} });
      assert.deepEqual([...code(answer), answer.headers.get("allow")], [405, "method_not_allowed", allowed], `${method} ${where}`);
    }
  }
});

test("a body that is not what it must be is refused, and says of every member what is wrong", async () => {
  const incident = await operations.incident();
  await olga.does(path(incident, "acknowledge"));
  const before = await operations.standing();
  const decision = path(incident, "decision");
  const reason = "it looks like it";
  for (const [said, where, options, status, expected] of [
    ["no JSON", decision, { body: "{" }, 400, "malformed"],
    ["nothing", decision, { body: "" }, 400, "malformed"],
    ["a list", decision, { body: "[]" }, 400, "malformed"],
    ["a text", decision, { body: '"application"' }, 400, "malformed"],
    ["too deep", decision, { body: `{"reason": ${"[".repeat(2_000)}` }, 400, "malformed"],
    ["another media type", decision, { body: JSON.stringify({ strategy: "application", reason }), type: "text/plain" }, 415, "unsupported_media_type"],
    ["no media type", decision, { body: new TextEncoder().encode("{}"), type: null }, 415, "unsupported_media_type"],
    ["100 KB", decision, { body: { strategy: "application", reason: "x".repeat(100_000) } }, 413, "too_large"],
    ["nothing in it", decision, { body: {} }, 422, ["strategy", "reason"]],
    ["an unknown strategy", decision, { body: { strategy: "restart", reason } }, 422, ["strategy"]],
    ["an empty reason", decision, { body: { strategy: "application", reason: "  " } }, 422, ["reason"]],
    ["a reason of 2,001 characters", decision, { body: { strategy: "application", reason: "x".repeat(2_001) } }, 422, ["reason"]],
    ["a reason with a control character", decision, { body: { strategy: "application", reason: "a\u0000b" } }, 422, ["reason"]],
    ["a reason that is a number", decision, { body: { strategy: "application", reason: 7 } }, 422, ["reason"]],
    ["a decider", decision, { body: { strategy: "application", reason, decider: "carla" } }, 422, ["decider"]],
    ["a member too many", path(incident, "acknowledge"), { body: { person: "carla" } }, 422, ["person"]],
    ["a policy of one's own", path(incident, "validations"), { body: { policy: { p95Milliseconds: 9_999 } } }, 422, ["policy"]],
    ["proof of one's own", path(incident, "resolve"), { body: { force: true } }, 422, ["force"]],
    ["a rollback of nothing", path(incident, "runs"), { body: {} }, 422, ["kind"]],
    ["another environment", path(incident, "runs"), { body: { ...APPLICATION, environment: "staging" } }, 422, ["environment"]],
    ["a tag that is none", path(incident, "runs"), { body: { ...APPLICATION, tag: "../v1" } }, 422, ["tag"]],
    ["a branch in the place of a commit", path(incident, "runs"), { body: { kind: "infrastructure", commit: "main" } }, 422, ["commit"]],
    ["half a hash", path(incident, "runs"), { body: { kind: "infrastructure", commit: "0123456" } }, 422, ["commit"]],
    ["a database without applications", path(incident, "runs"), { body: { kind: "database", server: "orders-db", applications: [], pointInTime: "yesterday" } }, 422, ["applications", "pointInTime"]],
    ["no digest of an approval", `/ops/runs/${randomUUID()}/approvals`, { body: { acknowledged: "all" } }, 422, ["digest", "acknowledged"]],
    ["a short digest", `/ops/runs/${randomUUID()}/approvals`, { body: { digest: "sha256:00" } }, 422, ["digest"]],
    ["an attestation of nothing", `/ops/runs/${randomUUID()}/attestations`, { body: {} }, 422, ["statement", "evidence"]],
    ["a step that there is not", `/ops/runs/${randomUUID()}/retry`, { body: { step: "A9" } }, 422, ["step"]],
    ["a drill of nothing", "/ops/drills", { body: {} }, 422, ["kind"]],
    ["a drill in production", "/ops/drills", { body: { kind: "application", environment: "production" } }, 422, ["environment"]],
    ["a halt without a word", "/ops/halt", { body: { halted: "yes" } }, 422, ["halted", "reason"]],
  ]) {
    const answer = await carla.call("POST", where, options);
    assert.equal(answer.status, status, `${said}: ${JSON.stringify(answer.body)}`);
    if (Array.isArray(expected)) assert.deepEqual([answer.body.code, fields(answer).sort()], ["invalid", [...expected].sort()], said);
    else assert.equal(answer.body.code, expected, said);
  }
  assert.deepEqual(await operations.standing(), before);
});

// Halting

test("a halt holds for everybody until a commander lets rollbacks go on, and a late repetition does not undo it", async () => {
  const halt = (halted, key) => carla.post("/ops/halt", { halted, reason: "the cloud is down" }, { key });
  const released = randomUUID();
  assert.deepEqual((await halt(false, released)).body, { halted: false });
  assert.deepEqual((await halt(true)).body, { halted: true });
  assert.deepEqual(await operations.audrey.sees("/ops/halt"), { halted: true });
  assert.deepEqual(code(await olga.post("/ops/drills", { kind: "infrastructure" })), [409, "halted"]);
  const late = await halt(false, released);
  assert.deepEqual([late.status, late.body], [200, { halted: false }], "the answer of then");
  assert.deepEqual(await olga.sees("/ops/halt"), { halted: true });
  assert.deepEqual(code(await halt(true, released)), [422, "idempotency_key_reused"]);
  await halt(false);
  assert.deepEqual(await olga.sees("/ops/halt"), { halted: false });
  const events = "select actor, text::jsonb #>> '{event,type}' as type from operations.audit";
  const rows = await operations.sql(`${events} where text like '%the cloud is down%' order by seq`);
  assert.deepEqual(rows.map(({ type }) => type), ["released", "halted", "released"]);
  assert.ok(rows.every(({ actor }) => actor === "carla"));
});

// Drills

test("a drill is an incident in staging, one of a kind at a time, and is done once under its key", async () => {
  const { drills } = await olga.sees("/ops/drills");
  assert.deepEqual(drills.map(({ kind, standing }) => [kind, standing]), [["application", "due"], ["database", "due"], ["infrastructure", "due"]]);
  assert.ok(drills.every(({ by }) => new Date(by) > new Date()));
  const key = randomUUID();
  const first = await olga.post("/ops/drills", { kind: "database" }, { key });
  assert.equal(first.status, 201);
  const { drill, incident } = first.body;
  assert.deepEqual([drill.kind, drill.incident, incident.drill, incident.state], ["database", incident.id, drill.id, "open"]);
  assert.deepEqual(incident.target, { environment: "staging", mode: "drill" });
  assert.equal(incident.firing.firedAt, null);
  assert.deepEqual((await olga.post("/ops/drills", { kind: "database" }, { key })).body, first.body);
  assert.deepEqual(code(await olga.post("/ops/drills", { kind: "application" }, { key })), [422, "idempotency_key_reused"]);
  const before = await operations.standing();
  assert.deepEqual(code(await carla.post("/ops/drills", { kind: "database" })), [409, "drill_running"]);
  assert.deepEqual(await operations.standing(), before);
  assert.deepEqual((await olga.sees("/ops/drills")).history, [drill]);
  const types = (await operations.timeline(incident.id)).map(({ event }) => event.type);
  assert.deepEqual(types, ["incident_opened", "drill_started"]);
  const others = await Promise.all(range(1, 4).map(() => olga.post("/ops/drills", { kind: "application" })));
  assert.deepEqual(others.map(({ status }) => status).sort(), [201, 409, 409, 409], "at once");
  await carla.does(path(incident.id, "dismiss"), { cause: "expected", reason: "enough for today" });
  assert.equal((await olga.post("/ops/drills", { kind: "database" })).status, 201, "when the one before is over");
});

// When something is down

test("many people at once, each with an incident of their own, are all served", async () => {
  const incidents = [];
  for (const number of range(1, 10)) incidents.push(await operations.incident(`Crowd${number}`));
  const answers = await Promise.all(incidents.map((incident) => olga.post(path(incident, "acknowledge"), {})));
  assert.deepEqual(answers.map(({ status }) => status), Array(10).fill(200));
});

test("without Redis people can command: the worker looks by itself", async () => {
  const incident = await operations.incident();
  await operations.cluster.redis.stop();
  const { status } = await olga.post(path(incident, "acknowledge"));
  assert.equal(status, 200);
  await operations.cluster.redis.start();
});

test("without the database it is not known whether a command was done; under its key it is done once", async () => {
  const incident = await operations.incident();
  const key = randomUUID();
  await operations.cluster.postgres.stop();
  const lost = await olga.post(path(incident, "escalate"), { reason: "nobody knows" }, { key });
  assert.deepEqual([...code(lost), lost.headers.get("retry-after")], [503, "unavailable", "1"]);
  await operations.cluster.postgres.start();
  await eventually(async () => (await olga.post(path(incident, "escalate"), { reason: "nobody knows" }, { key })).status === 200, { patience: 20_000 });
  assert.equal(await happened(incident, "escalated"), 1);
});
