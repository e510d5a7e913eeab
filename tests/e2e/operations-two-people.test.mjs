// Must hold: what destroys something takes two people, who have seen this very plan and named each loss; a plan is applied
// once; and a rule that one person breaks in need is shown until it was talked about.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { CANARY, Outside } from "../lab/outside.mjs";
import { eventually } from "../system/eventually.mjs";
import { Operations } from "../system/operations.mjs";

const REPLACED = "terraform_data.ingress";

let outside;
let operations;

before(async () => {
  outside = await Outside.open();
  operations = await Operations.start({ variables: outside.variables });
  outside.tells(operations.origin);
});
after(() => Promise.all([operations?.stop(), outside?.close()]));

const code = ({ status, body }) => [status, body.code];
const open = (person, { run }) => person.sees(`/ops/runs/${run}/preview`);
const approve = (person, { run, digest, hazards }, more = {}) => person.post(`/ops/runs/${run}/approvals`, { digest, acknowledged: hazards, ...more });
const execute = ({ run }) => operations.olga.post(`/ops/runs/${run}/execute`);

/** A run of a kind that is asked for, and where it came to rest. */
async function asked(incident, request, ...states) {
  const { id } = await operations.olga.does(`/ops/incidents/${incident}/runs`, request);
  const seen = await operations.reaches(id, ...states);
  return { incident, run: id, seen };
}

async function submitted(incident, request) {
  const { run } = await asked(incident, request, "previewed");
  const { digest, hazards } = await open(operations.olga, { run });
  await operations.olga.does(`/ops/runs/${run}/submit`, { digest, acknowledged: hazards });
  return { incident, run, digest, hazards };
}

/** The commit's plan, put before the approvers, with what it replaces named as an exception. */
const planned = (incident) => submitted(incident, { kind: "infrastructure", commit: outside.commit, exceptions: [REPLACED] });

/** The commit's plan, approved by everybody who must. */
async function approved(incident) {
  const run = await planned(incident);
  const both = [operations.anton, operations.berta];
  for (const person of both) await open(person, run);
  // At the same moment: neither takes the other's place.
  const answers = await Promise.all(both.map((person) => approve(person, run)));
  assert.deepEqual(answers.map(({ status }) => status), [200, 200]);
  assert.equal((await operations.olga.sees(`/ops/runs/${run.run}`)).state, "approved");
  return run;
}

/** Where a run has stopped, which somebody then vouches for. */
async function stopped({ run, incident }) {
  const { steps } = await operations.reaches(run, "failed", "needs_manual", "succeeded");
  const at = steps.find(({ status }) => !["done", "pending"].includes(status));
  assert.equal((await operations.olga.sees(`/ops/incidents/${incident}`)).incident.state, "blocked", JSON.stringify(steps));
  const evidence = steps.flatMap(({ evidence }) => evidence).slice(0, 1);
  await operations.anton.does(`/ops/runs/${run}/attestations`, { statement: "nothing was applied", evidence });
  return [at.name, at.failure?.code];
}

test("a plan that destroys what nobody has named is blocked, and says what", async () => {
  const incident = await operations.decided("infrastructure");
  const { seen } = await asked(incident, { kind: "infrastructure", commit: outside.commit }, "rejected");
  const { name, failure } = seen.steps.find(({ status }) => status === "failed");
  assert.deepEqual([name, failure.code], ["I4", "plan_blocked"]);
  assert.match(failure.detail, /terraform_data\.ingress/);
  const file = await operations.olga.sees(`/ops/incidents/${incident}`);
  assert.deepEqual([file.incident.state, file.incident.run], ["acknowledged", null], "nothing has happened");
  assert.match(file.next, /step I4 has stopped with plan_blocked: name each address/);
  await operations.olga.does(`/ops/incidents/${incident}/decision`, { strategy: "no_rollback", reason: "it is repaired by hand" });
  assert.equal((await operations.olga.sees(`/ops/incidents/${incident}`)).next, "have the incident validated");
});

test("a plan takes two people, one of them trusted with infrastructure, each of whom names each loss", async () => {
  const { anton, berta, conrad } = operations;
  const incident = await operations.decided("infrastructure");
  const run = await planned(incident);
  assert.deepEqual(run.hazards, [REPLACED]);
  for (const person of [anton, berta, conrad]) await open(person, run);
  for (const acknowledged of [undefined, [], ["terraform_data.budget"], ["terraform_data"]]) {
    const refused = await anton.post(`/ops/runs/${run.run}/approvals`, { digest: run.digest, acknowledged });
    assert.deepEqual([...code(refused), refused.body.missing], [422, "unacknowledged", [REPLACED]]);
  }
  for (const person of [anton, anton, conrad]) assert.equal((await approve(person, run)).body.state, "awaiting_approval", "who is trusted with it is missing");
  assert.deepEqual(code(await execute(run)), [409, "illegal_transition"]);
  assert.equal((await approve(berta, run)).body.state, "approved");
  await operations.grant("berta", ["approver"]);
  const without = await execute(run);
  assert.ok(["not_approved", "illegal_transition"].includes(without.body.code) && without.status === 409, without.body.code);
  await operations.grant("berta", ["approver"], ["infrastructure"]);
  assert.deepEqual(outside.dispatched("terraform-apply.yml"), []);
  await operations.olga.does(`/ops/runs/${run.run}/cancel`, { reason: "a test" });
});

test("what is shown of a plan has no sensitive value, and what is approved is this very plan", async () => {
  const incident = await operations.decided("infrastructure");
  const run = await planned(incident);
  const preview = await open(operations.audrey, run);
  assert.deepEqual([preview.recipe.commit, preview.recipe.losses, preview.recipe.exceptions], [outside.commit, [REPLACED], [REPLACED]]);
  const changes = preview.plan.changes.map(({ address, action }) => [address, action]);
  assert.deepEqual(changes.sort(), [["terraform_data.budget", "update"], [REPLACED, "replace"]]);
  assert.deepEqual([preview.plan.losses, preview.plan.blocks], [[REPLACED], []]);
  const { steps } = await operations.olga.sees(`/ops/runs/${run.run}`);
  const shown = [JSON.stringify(preview)];
  for (const digest of steps.flatMap(({ evidence }) => evidence)) shown.push(JSON.stringify((await operations.audrey.get(`/ops/evidence/${digest}`)).body));
  assert.ok(shown.length > 5 && shown.every((text) => !text.includes(CANARY)));
  for (const [table, column] of [["job", "notes"], ["audit", "text"], ["run", "document"], ["evidence", "convert_from(bytes, 'UTF8')"]]) {
    assert.deepEqual(await operations.sql(`select from operations.${table} where (${column})::text like $1`, [`%${CANARY}%`]), [], table);
  }
  assert.ok(!operations.node.output.includes(CANARY));
  await operations.olga.does(`/ops/runs/${run.run}/cancel`, { reason: "a test" });
});

test("a plan whose artifact was replaced since it was approved is not applied", async () => {
  const incident = await operations.decided("infrastructure");
  const run = await approved(incident);
  const [plan] = outside.dispatched("terraform-plan.yml");
  const [artifact] = outside.github.artifacts.of(plan);
  outside.github.artifacts.replace(artifact.id, Buffer.from("another plan"));
  assert.equal((await execute(run)).status, 200);
  assert.deepEqual(await stopped(run), ["I6", "preview_changed"]);
  assert.deepEqual(outside.dispatched("terraform-apply.yml"), []);
});

test("a plan is applied as it was approved, and never again, whatever came of it", async () => {
  const incident = await operations.decided("infrastructure");
  const run = await approved(incident);
  const { recipe } = await open(operations.olga, run);
  assert.equal((await execute(run)).status, 200);
  assert.deepEqual(await stopped(run), ["I6", "apply_failed"]);
  const [apply, ...more] = outside.dispatched("terraform-apply.yml");
  assert.deepEqual(more, []);
  const { tfplanSha256, commit, approvals } = apply.inputs;
  assert.deepEqual([`sha256:${tfplanSha256}`, commit, approvals.split(",").sort()], [recipe.plan, outside.commit, ["anton", "berta"]]);

  // The same commit, planned again to the very same plan.
  const again = await approved(incident);
  const spent = await execute(again);
  assert.deepEqual(code(spent), [409, "plan_spent"]);
  assert.equal(outside.dispatched("terraform-apply.yml").length, 1);
  await operations.olga.does(`/ops/runs/${again.run}/cancel`, { reason: "it is spent" });
});

test("a database takes two people, each of whom names what is given up", async () => {
  const { olga, anton, berta, carla } = operations;
  const incident = await operations.decided("database");
  const pointInTime = new Date(Date.now() - 20 * 60_000).toISOString();
  const request = { kind: "database", server: "shop-db", applications: ["api"], pointInTime };
  await asked(incident, request, "failed");
  assert.match((await olga.sees(`/ops/incidents/${incident}`)).next, /step D1 has stopped with beyond_rpo: choose a later point in time/);

  const given = { waiveFreeze: "nobody can write any more", acceptLoss: "the damage began earlier" };
  const run = await submitted(incident, { ...request, ...given });
  assert.deepEqual(run.hazards, ["freeze-waived", "loss-accepted"]);
  const { recipe, steps } = await open(anton, run);
  assert.deepEqual([recipe.pointInTime, recipe.waiveFreeze, recipe.acceptLoss].map(String), [pointInTime, ...Object.values(given)]);
  assert.ok(steps.includes("D3") && !steps.includes("D2"), steps.join());
  for (const hazard of run.hazards) {
    const partly = await approve(anton, { ...run, hazards: [hazard] });
    assert.deepEqual([...code(partly), partly.body.missing], [422, "unacknowledged", run.hazards.filter((it) => it !== hazard)]);
  }
  assert.equal((await approve(anton, run)).body.state, "awaiting_approval");
  assert.equal((await approve(anton, run)).body.state, "awaiting_approval", "one person twice is one person");
  assert.deepEqual(code(await execute(run)), [409, "illegal_transition"]);
  assert.deepEqual(code(await approve(carla, run)), [403, "preview_not_opened"]);
  await open(berta, run);
  assert.equal((await approve(berta, run)).body.state, "approved");
  const { rpo } = (await olga.sees(`/ops/incidents/${incident}`)).objectives;
  assert.ok(rpo.allowedSeconds === 900 && rpo.askedSeconds >= 1_199 && rpo.measuredSeconds === null, JSON.stringify(rpo));

  // While a database is restored nothing else goes back.
  const other = await operations.decided("application");
  const busy = await olga.post(`/ops/incidents/${other}/runs`, { kind: "application", application: "api" });
  assert.deepEqual([...code(busy), busy.body.run], [409, "environment_busy", run.run]);
  await olga.does(`/ops/runs/${run.run}/cancel`, { reason: "a test" });
});

test("the server that holds the record of all this is not restored", async () => {
  const incident = await operations.decided("database", { labels: { environment: "staging" } });
  const { seen } = await asked(incident, { kind: "database", server: "operations-db", applications: ["api"] }, "failed");
  assert.equal(seen.steps.find(({ status }) => status === "failed").failure.code, "operations_server");
  assert.match((await operations.olga.sees(`/ops/incidents/${incident}`)).next, /by the manual runbook: it holds the record/);
});

test("in need the commander who decided approves alone, and that is shown until the review names it", async () => {
  const { olga, carla, conrad, audrey } = operations;
  const incident = await operations.decided("application", { by: carla, labels: { environment: "staging" } });
  const run = await submitted(incident, { kind: "application", application: "api" });
  await open(carla, run);
  assert.deepEqual(code(await approve(carla, run)), [403, "decider_approval"]);
  const breakGlass = "nobody else answers the phone";
  assert.deepEqual(code(await approve(carla, run, { breakGlass })), [403, "break_glass_refused"], "there is time to ask somebody");
  const moves = async (person) => (await person.sees(`/ops/incidents/${incident}`)).moves;
  assert.ok(!(await moves(carla)).includes("approve") && (await moves(conrad)).includes("approve"));

  // Only the database knows what time it is: the incident is made older by as much as would have to be waited.
  const older = `to_jsonb(to_char(now() at time zone 'UTC' - interval '21 min', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))`;
  await operations.sql(`update operations.incident set document = jsonb_set(document, '{moments,openedAt}', ${older}) where id = '${incident}'`);
  assert.ok((await moves(carla)).includes("approve"));
  assert.deepEqual(code(await approve(carla, run)), [403, "decider_approval"], "not without a reason");
  assert.equal((await approve(carla, run, { breakGlass })).body.state, "approved");
  const glass = async () => (await audrey.sees(`/ops/incidents/${incident}`)).incident.breakGlass;
  const [broken] = await glass();
  assert.deepEqual([broken.run, broken.person, broken.reason, broken.reviewed], [run.run, "carla", breakGlass, false]);
  const recorded = (await operations.timeline(incident)).find(({ event }) => event.type === "glass_broken");
  assert.deepEqual([recorded.actor, recorded.event.digest, recorded.event.reason], ["carla", run.digest, breakGlass]);
  const told = (await audrey.sees(`/ops/incidents/${incident}`)).messages.find(({ seq }) => seq === recorded.seq);
  assert.equal(told.audience, "commander");

  // It gets better by itself: nothing is rolled back, and what was broken stays broken.
  await olga.does(`/ops/runs/${run.run}/cancel`, { reason: "it has passed" });
  await carla.does(`/ops/incidents/${incident}/decision`, { strategy: "no_rollback", reason: "it has passed" });
  await operations.alert(operations.lastAlert, { status: "resolved", labels: { environment: "staging" } });
  await olga.does(`/ops/incidents/${incident}/validations`);
  let seen;
  await eventually(async () => (seen = (await olga.sees(`/ops/incidents/${incident}`)).incident).state !== "validating", { patience: 30_000 });
  assert.equal(seen.state, "validated", JSON.stringify(seen.validation));
  await olga.does(`/ops/incidents/${incident}/resolve`);
  const review = (brokenGlass) => carla.post(`/ops/incidents/${incident}/review`, { review: "two more people are on call now", brokenGlass });
  for (const others of [undefined, [], [incident]]) {
    const unnamed = await review(others);
    assert.deepEqual([...code(unnamed), unnamed.body.run], [422, "break_glass_not_reviewed", run.run]);
  }
  assert.deepEqual((await glass()).map(({ reviewed }) => reviewed), [false]);
  assert.equal((await review([run.run])).body.state, "reviewed");
  assert.deepEqual((await glass()).map(({ reviewed }) => reviewed), [true]);
  assert.equal((await operations.audrey.sees("/ops/audit/verify")).intact, true);
});

test("GitHub was asked as it asks to be, and what it told was taken in", () => {
  assert.deepEqual(outside.github.faults, []);
  assert.ok(outside.github.delivered.length > 10);
  assert.ok(outside.github.delivered.every(({ status }) => status === 200), JSON.stringify(outside.github.delivered));
});
