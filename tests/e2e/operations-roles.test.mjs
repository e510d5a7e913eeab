// Must hold: every endpoint of operations lets in whom the contract names, and nobody else; and whoever is turned away leaves
// nothing behind.

import assert from "node:assert/strict";
import { createHmac, randomUUID } from "node:crypto";
import { after, before, test } from "node:test";
import { eventually } from "../system/eventually.mjs";
import { Operations } from "../system/operations.mjs";
import { claims, hs256, unsigned } from "../system/tokens.mjs";

const ALL = ["operator", "approver", "commander", "auditor"];
const READ = ALL;
const OPERATE = ["operator", "commander"];
const APPROVE = ["approver", "commander"];
const AUDIT = ["auditor", "commander"];
const COMMAND = ["commander"];
/** For whom a user's token is never the key. */
const NOBODY = [];

const DIGEST = `sha256:${"ab".repeat(32)}`;
const KEYS = ["an old key", "the new key"];

let operations;
/** What the paths name: an incident with a run that is being prepared, one that is over, an incident to escalate. */
const at = {};

before(async () => {
  const people = {
    olga: { roles: ["operator"] },
    anton: { roles: ["approver"] },
    carla: { roles: ["commander"] },
    audrey: { roles: ["auditor"] },
    emma: { roles: ALL, scopes: ["infrastructure"] },
    rita: { roles: ALL },
  };
  operations = await Operations.start({ people, variables: { github_webhook_secret: KEYS.join(", ") } });
  const { olga } = operations;
  at.incident = await operations.decided("application");
  const ask = () => olga.does(`/ops/incidents/${at.incident}/runs`, { kind: "application", application: "api" });
  at.over = (await ask()).id;
  await olga.does(`/ops/runs/${at.over}/cancel`, { reason: "too early" });
  at.run = (await ask()).id;
  at.other = await operations.incident();
  await olga.does("/ops/drills", { kind: "application" });
  await operations.revoke("rita");
});
after(() => operations?.stop());

/**
 * Every endpoint: who is let in, and what they are then answered. Where it can be, that is a refusal of the domain, so that
 * the next one finds what this one found.
 */
const ENDPOINTS = [
  ["GET", "/ops/incidents", null, READ, 200],
  ["GET", "/ops/incidents/:incident", null, READ, 200],
  ["POST", "/ops/incidents/:incident/acknowledge", {}, OPERATE, 409, "illegal_transition"],
  ["POST", "/ops/incidents/:incident/decision", { strategy: "application", reason: "as before" }, OPERATE, 200],
  ["POST", "/ops/incidents/:incident/validations", {}, OPERATE, 409, "run_not_over"],
  ["POST", "/ops/incidents/:incident/resolve", {}, OPERATE, 409, "illegal_transition"],
  ["POST", "/ops/incidents/:incident/runs", { kind: "application", application: "api" }, OPERATE, 409, "run_not_over"],
  ["POST", "/ops/incidents/:other/escalate", { reason: "nobody knows" }, OPERATE, 200],
  ["POST", "/ops/incidents/:incident/dismiss", { cause: "false_positive", reason: "a test" }, COMMAND, 409, "run_not_over"],
  ["POST", "/ops/incidents/:incident/review", { review: "what we have learned" }, COMMAND, 409, "illegal_transition"],
  ["GET", "/ops/runs/:run", null, READ, 200],
  ["GET", "/ops/runs/:run/preview", null, READ, 409, "not_previewed"],
  ["POST", "/ops/runs/:over/submit", { digest: DIGEST }, OPERATE, 409, "illegal_transition"],
  ["POST", "/ops/runs/:over/execute", {}, OPERATE, 409, "not_previewed"],
  ["POST", "/ops/runs/:over/cancel", { reason: "again" }, OPERATE, 409, "illegal_transition"],
  ["POST", "/ops/runs/:over/retry", { step: "A3" }, OPERATE, 409, "illegal_transition"],
  ["POST", "/ops/runs/:over/approvals", { digest: DIGEST }, APPROVE, 409, "illegal_transition"],
  ["POST", "/ops/runs/:over/reject", { reason: "no" }, APPROVE, 409, "illegal_transition"],
  ["POST", "/ops/runs/:over/attestations", { statement: "I looked", evidence: [DIGEST] }, APPROVE, 409, "illegal_transition"],
  ["GET", "/ops/audit", null, AUDIT, 200],
  ["GET", "/ops/audit/verify", null, AUDIT, 200],
  ["GET", `/ops/evidence/${DIGEST}`, null, READ, 404, "not_found"],
  ["GET", "/ops/drills", null, OPERATE, 200],
  ["POST", "/ops/drills", { kind: "application" }, OPERATE, 409, "drill_running"],
  ["GET", "/ops/halt", null, READ, 200],
  ["POST", "/ops/halt", { halted: false, reason: "nothing is wrong" }, COMMAND, 200],
  ["POST", "/ops/alerts", {}, NOBODY],
  ["POST", "/ops/github", {}, NOBODY],
];

/** Tokens that hold, by what is said of their bearers, and which roles these have. */
function callers() {
  const by = (sub, role, more = {}) => operations.cluster.token({ sub, role, ...more });
  return [
    ["an operator", by("olga", "operator"), ["operator"]],
    ["an approver", by("anton", ["approver"]), ["approver"]],
    ["a commander", by("carla", "commander"), ["commander"]],
    ["an auditor", by("audrey", "auditor"), ["auditor"]],
    ["who is everything, as an auditor", by("emma", "auditor"), ["auditor"]],
    ["who is everything, as an approver and a customer", by("emma", ["customer", "approver"]), ["approver"]],
    ["an operator who claims everything", by("olga", ALL), ["operator"]],
    ["an operator who claims to be a commander", by("olga", "commander"), []],
    ["an auditor who claims to be an approver", by("audrey", "approver"), []],
    ["somebody whom nobody has granted anything", by("nora", ALL), []],
    ["a name that differs by a letter's case", by("Olga", "operator"), []],
    ["somebody of whom everything was withdrawn", by("rita", ALL), []],
    ["who is everything, as a customer", by("emma", "customer"), []],
    ["a customer", by("kai", "customer"), []],
    ["a technician", by("tom", "technician", { center: "north" }), []],
    ["a service centre", by("sven", "service-center", { center: "north" }), []],
    ["the platform", by("platform", "platform"), []],
    ["a role that there is not", by("olga", "administrator"), []],
  ];
}

/** What is no token that holds. */
function strangers() {
  const olga = claims({ sub: "olga", role: ALL });
  const past = Math.floor(Date.now() / 1000) - 3600;
  const good = operations.cluster.sign(olga);
  const [head, payload, signature] = good.split(".");
  const altered = Buffer.from(JSON.stringify({ ...olga, sub: "carla" })).toString("base64url");
  return [
    ["no token", undefined],
    ["an expired token", operations.cluster.sign({ ...olga, exp: past })],
    ["a token without an end", operations.cluster.sign({ ...olga, exp: undefined })],
    ["a token that is not valid yet", operations.cluster.sign({ ...olga, nbf: past + 7200 })],
    ["a token of another key", hs256(olga, "another secret that is long enough for it")],
    ["an unsigned token", unsigned(olga)],
    ["a token with another's name", [head, altered, signature].join(".")],
    ["half a token", `${head}.${payload}`],
    ["no token of ours", "the token of the receive"],
  ];
}

const place = (path, names = at) => path.replace(/:(\w+)/g, (_, name) => names[name]);

function ask(token, [method, path, body], names) {
  return operations.node.as(token).call(method, place(path, names), body === null ? {} : { body });
}

test("nobody is let in without a token that holds", async () => {
  for (const [said, token] of strangers()) {
    for (const endpoint of ENDPOINTS) {
      const { status, headers, type, body } = await ask(token, endpoint);
      const about = `${said}: ${endpoint[0]} ${endpoint[1]}`;
      assert.deepEqual([status, body.code, type], [401, "unauthenticated", "application/problem+json"], about);
      assert.equal(headers.get("www-authenticate"), "Bearer", about);
    }
  }
});

test("who has no role for it is turned away, and that leaves nothing behind", async () => {
  const before = await operations.standing();
  let turnedAway = 0;
  for (const [said, token, roles] of callers()) {
    for (const endpoint of ENDPOINTS) {
      const [method, path, , allowed] = endpoint;
      if (allowed.some((role) => roles.includes(role))) continue;
      const { status, body } = await ask(token, endpoint);
      const expected = allowed === NOBODY ? [401, "unauthenticated"] : [403, "forbidden"];
      assert.deepEqual([status, body.code], expected, `${said}: ${method} ${path}`);
      turnedAway += 1;
    }
  }
  assert.ok(turnedAway > 300, String(turnedAway));
  assert.deepEqual(await operations.standing(), before);
});

test("who has a role for it is let in", async () => {
  for (const [said, token, roles] of callers()) {
    for (const endpoint of ENDPOINTS) {
      const [method, path, , allowed, expected, code] = endpoint;
      if (!allowed.some((role) => roles.includes(role))) continue;
      const { status, body } = await ask(token, endpoint);
      assert.deepEqual([status, body.code], [expected, code], `${said}: ${method} ${path} ${JSON.stringify(body)}`);
    }
  }
});

test("whether something is there is told only to those who may know", async () => {
  const nowhere = { incident: randomUUID(), other: randomUUID(), run: randomUUID(), over: randomUUID() };
  const nonsense = { incident: "1", other: "..%2f", run: "'", over: "-" };
  const named = ENDPOINTS.filter(([, path]) => path.includes(":"));
  for (const [said, token, roles] of callers()) {
    for (const endpoint of named) {
      const [method, path, , allowed] = endpoint;
      const expected = allowed.some((role) => roles.includes(role)) ? [404, "not_found"] : [403, "forbidden"];
      for (const names of [nowhere, nonsense]) {
        const { status, body } = await ask(token, endpoint, names);
        assert.deepEqual([status, body.code], expected, `${said}: ${method} ${place(path, names)}`);
      }
    }
  }
});

test("what is withdrawn is withdrawn at once, and what is granted holds at once", async () => {
  const rita = operations.as("rita", "auditor");
  assert.equal((await rita.get("/ops/audit")).status, 403);
  await operations.grant("rita", ["auditor"]);
  assert.equal((await rita.get("/ops/audit")).status, 200);
  assert.equal((await operations.as("rita", ALL).get("/ops/drills")).status, 403, "what was granted before is granted no more");
  await operations.revoke("rita");
  assert.equal((await rita.get("/ops/audit")).status, 403);
});

test("GitHub is known by its signature", async (t) => {
  const sign = (body, key) => `sha256=${createHmac("sha256", key).update(body).digest("hex")}`;
  const deliver = (body, signature, { event = "workflow_run", delivery = randomUUID() } = {}) => {
    const headers = { "x-github-event": event, ...(delivery && { "x-github-delivery": delivery }), ...(signature && { "x-hub-signature-256": signature }) };
    return operations.node.as().call("POST", "/ops/github", { body, headers });
  };
  const about = (run) => {
    const workflow = { id: 7, run_attempt: 1, status: "completed", conclusion: "success", display_title: `Deploy api (${run}:A3:api:1)`, created_at: new Date().toISOString() };
    return JSON.stringify({ action: "completed", repository: { full_name: "warranty/platform" }, workflow_run: workflow });
  };
  /** How often the worker has looked at the run. Nothing else wakes it soon: nothing is configured here to go on with. */
  const looks = async () => Number((await operations.sql("select fence from operations.job where key = $1", [`step:${at.run}`]))[0].fence);
  const deliveries = async () => Number((await operations.sql("select count(*) from operations.delivery"))[0].count);
  const woken = (times) => eventually(async () => (await looks()) === times, { otherwise: () => "the worker was not woken" });
  const body = about(at.run);

  await t.test("without its key nothing is believed", async () => {
    const [seen, looked] = [await deliveries(), await looks()];
    const good = sign(body, KEYS[1]);
    const others = [null, "", "sha256=", good.slice(7), good.slice(0, -2), good.replace("sha256", "sha1"), sign(body, "another key"), sign(body, ""), sign(body, KEYS.join(", "))];
    for (const signature of others) assert.equal((await deliver(body, signature)).status, 401, signature);
    assert.equal((await deliver(body.replace("success", "failure"), good)).status, 401, "an altered body");
    assert.equal((await deliver(`${body} `, good)).status, 401, "a body with a blank more");
    assert.equal((await deliver("", good)).status, 401, "no body");
    assert.deepEqual([await deliveries(), await looks()], [seen, looked]);
  });

  await t.test("with either key it wakes the run that it names, once for each delivery", async () => {
    for (const key of KEYS) {
      const [delivery, before] = [randomUUID(), await looks()];
      const first = await deliver(body, sign(body, key), { delivery });
      assert.deepEqual([first.status, first.body], [200, { woken: true }]);
      await woken(before + 1);
      const again = await deliver(body, sign(body, key), { delivery });
      assert.deepEqual([again.status, again.body], [200, { woken: false }]);
      assert.equal(await looks(), before + 1);
    }
  });

  await t.test("of one delivery that comes many times at once one is taken in", async () => {
    const delivery = randomUUID();
    const answers = await Promise.all(Array.from({ length: 8 }, () => deliver(body, sign(body, KEYS[1]), { delivery })));
    assert.deepEqual(answers.map(({ status }) => status), Array(8).fill(200));
    assert.equal(answers.filter(({ body }) => body.woken).length, 1);
  });

  await t.test("another's run is not woken, and what is no event of a run wakes nothing", async () => {
    const before = await looks();
    const other = about(randomUUID());
    assert.deepEqual((await deliver(other, sign(other, KEYS[1]))).body, { woken: true });
    for (const event of ["ping", "star"]) {
      assert.deepEqual((await deliver("{}", sign("{}", KEYS[1]), { event })).body, { woken: false });
    }
    assert.equal(await looks(), before);
  });

  await t.test("what is signed and is nonsense is refused", async () => {
    for (const nonsense of ["{", "[]", '{"action": "completed"}']) {
      assert.deepEqual((await deliver(nonsense, sign(nonsense, KEYS[1]))).body.code, "malformed", nonsense);
    }
    const nameless = await deliver(body, sign(body, KEYS[1]), { delivery: null });
    assert.deepEqual([nameless.status, nameless.body.errors[0].field], [422, "X-GitHub-Delivery"]);
  });
});
