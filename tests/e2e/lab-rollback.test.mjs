// Must hold: the worker's steps, through the pipeline of deploy/github and against systems that are what they should be, roll
// back what has gone bad; and each failure stops the run where it should.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { APPLICATIONS } from "../lab/environment.mjs";
import { Office } from "../lab/office.mjs";
import { DESTROYED, REPLACED, worsen } from "../lab/scenes/bad-infrastructure.mjs";
import { spoil } from "../lab/scenes/bad-data.mjs";
import { NEVER_READY, SLOW, Stage } from "../lab/stage.mjs";
import { Cluster } from "../system/cluster.mjs";

let stage;
let cluster;
const offices = {};

before(async () => {
  [stage, cluster] = await Promise.all([Stage.open(), Cluster.start()]);
  await stage.watch("http://127.0.0.1:1");
  for (const environment of Object.values(stage.environments)) environment.open(5);
  for (const name of ["production", "staging"]) offices[name] = await Office.open(stage, cluster.postgres, name);
}, { timeout: 120_000 });
after(async () => {
  await Promise.all(Object.values(offices).map((office) => office.stop()));
  await Promise.all([stage?.close(), cluster?.stop()]);
});

async function deploySlow(environment) {
  const [imageTag, release] = SLOW;
  const imageDigest = await stage.push("api", imageTag, release);
  await stage.dispatch("deploy.yml", { environment, application: "api", imageTag, imageDigest });
  return imageDigest;
}

const text = ({ state, steps }) => `${state}: ${steps.map(({ name, status, failure }) => `${name} ${status} ${failure?.detail ?? ""}`).join(", ")}`;

const images = (environment) => stage.environments[environment].cluster.serving("api").map(({ imageID }) => imageID);

/** The run has stopped at a step, and nothing after it has begun. */
function assertStopped(run, step, code) {
  const at = run.steps.findIndex(({ status }) => status === "failed");
  assert.deepEqual([run.steps[at]?.name, run.steps[at]?.failure.code], [step, code], text(run));
  assert.ok(run.steps.slice(at + 1).every(({ status }) => status === "pending"), text(run));
  assert.ok(["failed", "needs_manual"].includes(run.state), text(run));
}

test("in both environments at once", { concurrency: 2 }, async (t) => {
  await Promise.all([t.test("in production", { concurrency: 1 }, production), t.test("in staging", { concurrency: 1 }, staging)]);
});

async function production(t) {
  const office = offices.production;
  const place = stage.environments.production;

  await t.test("a slow release goes back to the newest stable one before it", async () => {
    await deploySlow("production");
    const run = await office.ask("HighAPILatency", { kind: "application", application: "api" });
    assert.equal(run.state, "previewed", text(run));
    assert.equal(run.preview.recipe.image.tag, "v1.2.0-stable");
    const done = await office.execute();
    assert.equal(done.state, "succeeded", text(done));
    const good = await stage.registry.digest("warranty/api", "v1.2.0-stable");
    assert.deepEqual([...new Set(images("production").map((id) => id.split("@")[1]))], [good]);
  });

  await t.test("infrastructure goes back when every loss is named, and changes nothing more", async () => {
    await worsen(stage, "production", { cache: true });
    const blocked = await office.ask("HighErrorRate", { kind: "infrastructure", commit: stage.sound });
    assert.equal(blocked.state, "rejected", text(blocked));
    assert.equal(blocked.steps.find(({ status }) => status === "failed").failure.code, "plan_blocked");
    const named = await office.ask("HighErrorRate", { kind: "infrastructure", commit: stage.sound, exceptions: [...REPLACED, DESTROYED] });
    assert.equal(named.state, "previewed", text(named));
    const done = await office.execute();
    assert.equal(done.state, "succeeded", text(done));
    const answers = await Promise.all(Array.from({ length: 30 }, () => fetch(`${place.ingress.origin}/version`).then(({ status }) => status)));
    assert.ok(answers.every((status) => status === 200), `${answers}`);
  });

  await t.test("bad data goes back to the point in time, with all five applications", async () => {
    const bad = await spoil(place);
    const run = await office.ask("BadData", { kind: "database", server: place.server, applications: APPLICATIONS });
    assert.equal(run.state, "previewed", text(run));
    const { restored, pointInTime } = run.preview.recipe;
    const done = await office.execute();
    assert.equal(done.state, "succeeded", text(done));
    const count = "select count(*)::int as n from service_request where customer like 'nobody%'";
    assert.deepEqual(await place.sql(count, [], restored), [{ n: 0 }]);
    assert.deepEqual(await place.sql(count), [{ n: bad }], "the source is as it was");
    const [{ at: last }] = await place.sql("select max(changed_at) as at from service_request where id like 'older-%'", [], restored);
    const [{ at: next }] = await place.sql("select min(changed_at) as at from service_request where changed_at > $1", [pointInTime]);
    assert.ok(last <= new Date(pointInTime) && next > new Date(pointInTime), `${last} ${pointInTime} ${next}`);
    const hosts = await Promise.all(place.cluster.live.map(async ({ origin }) => (await (await fetch(`${origin}/version`)).json()).database));
    assert.deepEqual([...new Set(hosts)], [stage.arm.server(restored).host]);
    const [{ default_transaction_read_only: frozen }] = await place.sql("show default_transaction_read_only", [], restored);
    assert.equal(frozen, "off", "the writers are back");
  });
}

async function staging(t) {
  const office = offices.staging;
  const place = stage.environments.staging;
  const back = () => ({ kind: "infrastructure", commit: stage.sound, exceptions: REPLACED });

  await t.test("a release that never gets ready is undone, and the run has failed", async () => {
    const slow = await deploySlow("staging");
    await stage.push("api", ...NEVER_READY);
    const run = await office.ask("HighAPILatency", { kind: "application", application: "api", tag: NEVER_READY[0] });
    assert.equal(run.state, "previewed", text(run));
    assertStopped(await office.execute(), "A4", "rollout_failed");
    assert.deepEqual([...new Set(images("staging").map((id) => id.split("@")[1]))], [slow]);
    await office.attest();
  });

  await t.test("a plan that somebody's apply has made stale is not applied", async () => {
    await worsen(stage, "staging", { cache: false });
    const run = await office.ask("HighErrorRate", back());
    assert.equal(run.state, "previewed", text(run));
    const meanwhile = await stage.infrastructure.commit("By hand", { staging: { refuse: 25 } });
    await stage.infrastructure.applyByHand("staging", meanwhile);
    assertStopped(await office.execute(), "I6", "plan_stale");
    await office.attest();
  });

  await t.test("an apply that dies half-way stops for people", async () => {
    const run = await office.ask("HighErrorRate", back());
    assert.equal(run.state, "previewed", text(run));
    stage.infrastructure.light("staging");
    assertStopped(await office.execute(), "I6", "apply_failed");
    stage.infrastructure.putOut("staging");
    await stage.infrastructure.applyByHand("staging", stage.sound);
    await office.attest();
  });

  await t.test("one of five applications does not get ready: the rest stays, and so does the freeze", async () => {
    const run = await office.ask("BadData", { kind: "database", server: place.server, applications: APPLICATIONS });
    assert.equal(run.state, "previewed", text(run));
    place.cluster.cordon("billing");
    assertStopped(await office.execute(), "D7:billing:A4", "redeployment_failed");
    const revision = (name) => place.cluster.get("deployments", name).spec.template.metadata.annotations?.["hubline.dev/database-revision"];
    assert.deepEqual(APPLICATIONS.map((name) => revision(name) === run.id), [true, true, false, false, false]);
    const [frozen] = await place.sql("show default_transaction_read_only", [], run.preview.recipe.restored);
    assert.equal(frozen.default_transaction_read_only, "on");
  });
}

test("every request to GitHub was as GitHub describes it", () => {
  assert.deepEqual(stage.github.faults, []);
});
