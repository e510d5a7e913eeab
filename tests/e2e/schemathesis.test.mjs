// Must hold: whatever is asked of the chat and of operations, the answer is one that docs/openapi.yaml describes.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Outside } from "../lab/outside.mjs";
import { eventually, range } from "../system/eventually.mjs";
import { ALERT_TOKEN, Operations, PEOPLE } from "../system/operations.mjs";
import { attempt } from "../system/schemathesis.mjs";

const ROLES = ["operator", "approver", "commander", "auditor"];
const ADDRESS = "terraform_data.ingress";
const STAGING = { labels: { environment: "staging" } };

let outside;
let operations;
let document;

before(async () => {
  outside = await Outside.open();
  const people = { ...PEOPLE, all: { roles: ROLES, scopes: ["infrastructure"] } };
  operations = await Operations.start({ people, variables: outside.variables });
  document = await (await fetch(`${operations.origin}/openapi.json`)).json();
});
after(() => Promise.all([operations?.stop(), outside?.close()]));

function trial(name, more) {
  return attempt({ origin: operations.origin, document, folder: operations.cluster.folder(`schemathesis-${name}`), ...more });
}

/** Nothing was found, and there was something to find it in: each of these operations was done at least once. */
function clean({ ended, output, seen }, done) {
  assert.equal(ended, 0, output);
  const undone = done.filter((name) => !Object.keys(seen[name] ?? {}).some((status) => status.startsWith("2")));
  assert.deepEqual(undone, [], `never done: ${JSON.stringify(seen)}`);
}

/** The operations that the document describes under these tags. */
function described(...tags) {
  const all = Object.values(document.paths).flatMap((path) => Object.values(path));
  return all.filter((operation) => operation.tags?.some((tag) => tags.includes(tag))).map(({ operationId }) => operationId);
}

test("the chat answers its parties as described, and the process answers anybody", async () => {
  const { cluster, node } = operations;
  const parties = { customerId: "customer-a", technicianId: "technician-a", serviceCenterId: "center-a" };
  const requests = [];
  for (const number of range(1, 8)) requests.push(await cluster.open(node, { id: `chat-${number}`, ...parties }));
  const [own, reported] = [requests.slice(0, 5), requests.slice(5)];
  await own[4].report(node, { status: "closed" });
  const known = (requests) => ({ "/v1/service-requests/": requests.map(({ id }) => id) });
  const [chat, all] = [["service requests", "messages"], ["service requests", "messages", "process"]];
  const [party, platform] = await Promise.all([
    trial("party", { tags: all, known: known(own), token: requests[0].customer, examples: 15 }),
    trial("platform", { tags: chat, known: known(reported), token: requests[0].platform, examples: 15 }),
  ]);
  clean(party, described(...all).filter((name) => name !== "putServiceRequest"));
  clean(platform, described(...chat).filter((name) => name !== "sendMessage"));
  // Who may not is told so, and what is closed stays closed.
  assert.ok(party.seen.putServiceRequest["403 forbidden"] > 0 && party.seen.sendMessage["409 closed"] > 0, JSON.stringify(party.seen));
  assert.ok(platform.seen.sendMessage["403 forbidden"] > 0, JSON.stringify(platform.seen));
});

/** A run whose preview is there, put before the approvers when `submitted`, and open before those who approve. */
async function run(request, { labels, submitted = true, read = [] } = {}) {
  const { olga } = operations;
  const incident = await operations.decided(request.kind, { labels });
  const { id } = await olga.does(`/ops/incidents/${incident}/runs`, request);
  const { preview } = await operations.reaches(id, "previewed");
  const { hazards } = await olga.sees(`/ops/runs/${id}/preview`);
  const approval = { digest: preview.digest, acknowledged: hazards };
  if (submitted) await olga.does(`/ops/runs/${id}/submit`, approval);
  for (const name of read) await operations[name].sees(`/ops/runs/${id}/preview`);
  return { id, incident, approval };
}

/** A run that has stopped half-way: its deployment has failed. */
async function stopped(request) {
  const failed = await run(request, { read: ["anton"] });
  await operations.anton.does(`/ops/runs/${failed.id}/approvals`, failed.approval);
  await operations.olga.does(`/ops/runs/${failed.id}/execute`);
  return { ...failed, ...(await operations.reaches(failed.id, "failed", "needs_manual")) };
}

/** An incident that has passed by itself, and is proven stable. */
async function validated() {
  const { olga } = operations;
  const id = await operations.decided("no_rollback", STAGING);
  await operations.alert(operations.lastAlert, { status: "resolved", ...STAGING });
  await olga.does(`/ops/incidents/${id}/validations`);
  await eventually(async () => (await olga.sees(`/ops/incidents/${id}`)).incident.state === "validated", { patience: 30_000 });
  return id;
}

async function resolved() {
  const id = await validated();
  await operations.olga.does(`/ops/incidents/${id}/resolve`);
  return id;
}

test("operations answer somebody with every role as described", async () => {
  // While nothing has changed yet in staging.
  const over = await resolved();
  const proven = await validated();
  const application = { kind: "application", application: "api" };
  const infrastructure = { kind: "infrastructure", commit: outside.commit, exceptions: [ADDRESS] };
  const [failed, approvable, previewed, cancellable] = await Promise.all([
    stopped(application),
    run(application, { ...STAGING, read: ["all"] }),
    run(infrastructure, { submitted: false }),
    run(infrastructure, STAGING),
  ]);
  const open = await Promise.all(range(1, 8).map(() => operations.incident()));
  const passed = await operations.incident("Passed");
  await operations.alert("Passed", { status: "resolved" });
  const decided = [await operations.decided("infrastructure", STAGING)];
  for (const strategy of ["application", "database", "infrastructure", "no_rollback"]) decided.push(await operations.decided(strategy));
  const all = [failed, approvable, previewed, cancellable];
  const evidence = failed.steps.flatMap((step) => step.evidence);
  const [incidents, runs] = ["/ops/incidents/", "/ops/runs/"];
  // The examples of the document are tried first, in its order, and each with the first of its names.
  const known = {
    [incidents]: [...open, ...decided, over, proven, ...all.map(({ incident }) => incident)],
    [`${incidents}{id}/acknowledge`]: open,
    [`${incidents}{id}/decision`]: decided.slice(4),
    [`${incidents}{id}/dismiss`]: [passed, ...open],
    [`${incidents}{id}/resolve`]: [proven],
    [`${incidents}{id}/review`]: [over],
    // The two environments that are free again when the examples have been tried.
    [`${incidents}{id}/runs`]: { infrastructure: decided[0], application: decided[1], database: decided[2] },
    [`${incidents}{id}/validations`]: decided.slice(4),
    [runs]: all.map(({ id }) => id),
    [`${runs}{id}/approvals`]: [approvable.id],
    [`${runs}{id}/attestations`]: [failed.id],
    [`${runs}{id}/cancel`]: [cancellable.id],
    [`${runs}{id}/execute`]: [approvable.id],
    // What was submitted.
    [`${runs}{id}/reject`]: [],
    [`${runs}{id}/submit`]: [previewed.id],
    "/ops/evidence/": evidence,
  };
  const approvals = Object.fromEntries(all.map(({ id, approval }) => [id, approval]));
  const token = operations.cluster.token({ sub: "all", role: ROLES });
  const secrets = { ALERT_TOKEN, GITHUB_SECRET: outside.variables.github_webhook_secret };
  const tags = ["incidents", "runs", "audit", "drills"];
  const found = await trial("operations", { tags, known, approvals, token, secrets, examples: 10 });
  // For a step to be sent again, it must be seen for three minutes to have left no trace.
  clean(found, described(...tags).filter((name) => name !== "retryStep"));
});
