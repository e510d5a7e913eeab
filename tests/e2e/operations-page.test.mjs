// Must hold: people take an incident from its alert to its end on the page, without another tool, and on a phone.
//
// The page is the one that is served. What it asks of `/ops/` is answered here, with the documents that the domain keeps: it
// is the page that is tested, and not what decides.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { launchBrowser } from "../system/browser.mjs";
import { Cluster } from "../system/cluster.mjs";

const INCIDENT = "01890a5d-ac96-774b-bcce-b302099a8057";
const RUN = "01890a5d-ac96-774b-bcce-b302099a8058";
const DIGEST = `sha256:${"ab".repeat(32)}`;
const COMMIT = "0123456789abcdef0123456789abcdef01234567";
const REPLACED = ["terraform_data.ingress", "terraform_data.routes"];

const PHONE = { width: 390, height: 780 };
const DESK = { width: 1200, height: 900 };

const ago = (minutes = 0) => new Date(Date.now() - minutes * 60_000).toISOString();

/** Answers the page, and lets an incident go its way. */
class Operations {
  /** What was commanded: `{person, path, body, key}`. */
  commands = [];
  runs = [];
  timeline = [];
  incident = {
    id: INCIDENT,
    version: 1,
    target: { environment: "production", mode: "live" },
    fingerprint: "aaaa000000000001",
    name: "HighErrorRate",
    state: "open",
    moments: { alertedAt: ago(4), openedAt: ago(3), acknowledgedAt: null, decidedAt: null, approvedAt: null, firstChangeAt: null, lastChangeAt: null, validatedAt: null, resolvedAt: null },
    firing: { firedAt: ago(3), clearedAt: null, count: 1 },
    escalation: null,
    decision: null,
    dismissal: null,
    validation: null,
    loss: { askedSeconds: null, measuredSeconds: null },
    breakGlass: [],
  };
  alert = {
    labels: { alertname: "HighErrorRate", severity: "critical", environment: "production" },
    annotations: { summary: "Requests fail in production: 30% of them", description: "Look <b>here</b> first." },
  };
  triage = {
    at: ago(3),
    metrics: [{ at: ago(19), p95Seconds: 0.12, errorRatio: 0.0001, requests: 1520 }, { at: ago(3), p95Seconds: null, errorRatio: 0.3, requests: 1490 }],
    applications: [{ application: "api", image: "shop.example/api:v1.5.0", digest: DIGEST, at: ago(500), seen: true }],
    applies: [{ commit: COMMIT, at: ago(14) }],
    unseen: ["the deployment of web"],
    recommendation: { kind: "infrastructure", application: null, reason: "infrastructure was applied 10 min before the alert" },
  };

  get run() {
    return this.runs[0];
  }

  #happened(actor, event) {
    this.timeline.push({ seq: this.timeline.length + 1, at: ago(), actor, event });
  }

  /** Takes a request of the page: `[status, body]`. */
  answer(person, method, path, body, key) {
    const [kind, id, move] = path.split("/");
    if (!person) return [401, { code: "unauthenticated", title: "no valid token" }];
    if (method === "POST") {
      this.commands.push({ person, path, body, key });
      const act = this[`${kind}/${move}`];
      return act?.call(this, person, body) ?? [200, {}];
    }
    if (kind === "incidents" && !id) return [200, { incidents: [this.incident] }];
    if (kind === "incidents") return [200, { incident: this.incident, triage: this.triage, runs: this.runs, alerts: [{ alert: this.alert }], timeline: this.timeline }];
    if (kind === "runs") return [200, this.#preview(person)];
    if (kind === "evidence") return [200, PLAN];
    return [404, { code: "not_found", title: "nothing here" }];
  }

  #preview(person) {
    this.run.readings.push({ person, digest: DIGEST, at: ago() });
    const pipeline = { repository: "shop/platform", workflow: "terraform-apply.yml", gitRef: "main" };
    const recipe = { kind: "infrastructure", commit: COMMIT, terraform: "1.15.5", plan: DIGEST, artifact: `77@${DIGEST}`, plannedBy: "4711", exceptions: REPLACED, losses: REPLACED, pipeline };
    return { run: RUN, target: this.incident.target, recipe, steps: ["I1", "I6"], runbook: "1", madeAt: ago(), digest: DIGEST };
  }

  "incidents/acknowledge"(person) {
    this.incident.state = "acknowledged";
    this.#happened(person, { type: "acknowledged" });
  }

  "incidents/decision"(person, { strategy, reason }) {
    this.incident.decision = { strategy, reason, decider: person, at: ago() };
    this.#happened(person, { type: "decided", strategy, reason });
  }

  "incidents/escalate"(person, { reason }) {
    this.incident.escalation = { person, reason, at: ago() };
    this.#happened(person, { type: "escalated", reason });
  }

  "incidents/runs"(person, request) {
    const step = (name, index) => ({ name, status: index < 4 ? "done" : "pending", attempt: 1, evidence: name === "I3" ? [DIGEST] : [], endedAt: index < 4 ? ago() : null });
    const steps = ["I1", "I2", "I3", "I4", "I5", "I6", "I7"].map(step);
    this.runs = [{ id: RUN, target: this.incident.target, request, requester: person, runbook: "1", openedAt: ago(), state: "previewed", steps, preview: { digest: DIGEST }, readings: [], approvals: [] }];
  }

  "runs/submit"() {
    this.run.state = "awaiting_approval";
  }

  "runs/approvals"(person, { digest, acknowledged }) {
    if (person === "refused") return [409, { code: "preview_expired", detail: "the preview has expired" }];
    this.run.approvals.push({ person, digest, acknowledged, at: ago() });
    if (this.run.approvals.length === 2) this.run.state = "approved";
    this.#happened(person, { type: "approved", enough: this.run.state === "approved" });
    return null;
  }

  "runs/execute"(person) {
    Object.assign(this.run, { state: "failed", executedAt: ago(), executedBy: person, firstEffectAt: ago() });
    const failure = { code: "apply_failed", detail: "the workflow run 4712 ended with failure at the step Apply the plan" };
    Object.assign(this.run.steps[5], { status: "failed", failure, endedAt: ago() });
    this.incident.state = "blocked";
    this.#happened(null, { type: "run_failed", step: "I6", failure, executed: true });
  }

  "runs/attestations"(person, { statement, evidence }) {
    Object.assign(this.run, { state: "attested", attestation: { person, statement, evidence, at: ago() } });
    this.incident.state = "acknowledged";
  }

  "incidents/validations"(person) {
    const results = [["latency", "pass", "120 ms, must be below 500 ms"], ["alert", "inconclusive", "nobody can tell whether it fires"]];
    const verdict = this.validated ? "pass" : "inconclusive";
    this.incident.validation = { startedAt: ago(), startedBy: person, finishedAt: ago(), verdict, required: [], results: results.map(([check, found, detail]) => ({ check, verdict: this.validated ? "pass" : found, detail })) };
    this.incident.state = this.validated ? "validated" : "mitigated_unvalidated";
    this.validated = true;
  }

  "incidents/resolve"() {
    this.incident.state = "resolved";
  }
}

/** A plan as the domain classifies it: redacted. */
const PLAN = {
  changes: [
    ...REPLACED.map((address) => ({ address, previousAddress: null, resourceType: "terraform_data", action: "replace", reason: "replace_because_cannot_update", protected: false, before: { triggers_replace: [30] }, after: { triggers_replace: [0] } })),
    { address: 'terraform_data.key["<i>"]', resourceType: "terraform_data", action: "update", reason: null, protected: true, before: { input: "(sensitive)" }, after: { input: "(sensitive) changed" } },
  ],
  drift: [],
  outputs: [],
  losses: REPLACED,
  blocks: [],
};

let cluster;
let node;
let browser;

before(async () => {
  [cluster, browser] = await Promise.all([Cluster.start(), launchBrowser()]);
  node = await cluster.node();
});
after(async () => {
  await browser?.close();
  await cluster?.stop();
});

/** The page, as one person sees it. */
class Desk {
  complaints = [];

  static async open(operations, sub, role, { viewport = DESK, incident, paste = false } = {}) {
    const desk = new Desk();
    const context = await browser.newContext({ viewport });
    desk.tab = await context.newPage();
    desk.tab.setDefaultTimeout(20_000);
    desk.tab.on("pageerror", (error) => desk.complaints.push(String(error)));
    // The browser reports every refusal of the server to the console; the page shows them itself.
    desk.tab.on("console", (line) => line.type() === "error" && !/the server responded with a status/.test(line.text()) && desk.complaints.push(line.text()));
    await context.route("**/ops/**", async (route) => {
      const request = route.request();
      const token = request.headers().authorization?.split(" ")[1] ?? "";
      const [, claims = ""] = token.split(".");
      const person = claims && JSON.parse(Buffer.from(claims, "base64url").toString()).sub;
      const path = new URL(request.url()).pathname.replace("/ops/", "");
      const [status, body] = operations.answer(person, request.method(), path, request.postDataJSON(), request.headers()["idempotency-key"]);
      await route.fulfill({ status, contentType: status < 400 ? "application/json" : "application/problem+json", body: JSON.stringify(body) });
    });
    const token = cluster.token({ sub, role });
    if (paste) {
      await desk.tab.goto(`${node.origin}/operations${incident ? `#${incident}` : ""}`);
      await desk.tab.getByLabel("Token").fill(token);
      await desk.press("Log in");
    } else {
      await desk.tab.goto(`${node.origin}/operations#${new URLSearchParams({ token, ...(incident && { incident }) })}`);
    }
    return desk;
  }

  press(name) {
    return this.tab.getByRole("button", { name, exact: true }).click();
  }

  fill(label, text) {
    return this.tab.getByLabel(label, { exact: true }).first().fill(text);
  }

  incidentIs(state) {
    return this.tab.locator(`.incident-head[data-state="${state}"]`).waitFor();
  }

  runIs(state) {
    return this.tab.locator(`.run[data-state="${state}"]`).waitFor();
  }

  async acknowledges() {
    await this.tab.getByRole("checkbox").first().waitFor();
    for (const box of await this.tab.getByRole("checkbox").all()) await box.check();
  }

  text() {
    return this.tab.locator("body").innerText();
  }

  async close() {
    assert.deepEqual(this.complaints, []);
    await this.tab.context().close();
  }
}

/** Takes an incident up to a rollback that waits for approvals. */
async function submits(olga) {
  await olga.press("Acknowledge");
  await olga.incidentIs("acknowledged");
  await olga.tab.getByLabel("Strategy").selectOption("infrastructure");
  await olga.fill("Reason", "the ingress answers by itself, and was applied lately");
  await olga.press("Decide");
  await olga.fill("Commit", COMMIT);
  await olga.fill("May be destroyed, replaced or forgotten", REPLACED.join("\n"));
  await olga.press("Prepare the rollback");
  await olga.press("Open the preview");
  await olga.acknowledges();
  await olga.press("Submit");
  await olga.runIs("awaiting_approval");
}

test("an operator reads, decides and submits on a phone", async () => {
  const operations = new Operations();
  const olga = await Desk.open(operations, "olga", "operator", { viewport: PHONE });
  await olga.tab.getByRole("link", { name: /HighErrorRate/ }).click();
  assert.ok(!olga.tab.url().includes("token"), "the token is gone from the address");
  await olga.tab.getByText("Requests fail in production: 30% of them").waitFor();
  const text = await olga.text();
  assert.ok(text.includes("Look <b>here</b> first."), "what an alert says is text and never HTML");
  assert.ok(text.includes("infrastructure was applied 10 min before the alert") && text.includes("no answer"));
  assert.match(text, /2[67] min( \d+ s)? left of 30 min for recovery/);
  await submits(olga);
  assert.equal(await olga.tab.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth), 0, "nothing sticks out");
  await olga.tab.getByText("left of 4 h for recovery").waitFor();
  assert.equal(await olga.tab.getByRole("button", { name: "Approve", exact: true }).count(), 0, "who asks does not approve");
  const [, decision, request, submission] = operations.commands;
  assert.equal(decision.body.strategy, "infrastructure");
  assert.deepEqual(request.body, { kind: "infrastructure", commit: COMMIT, exceptions: REPLACED });
  assert.deepEqual(submission.body, { digest: DIGEST, acknowledged: REPLACED });
  assert.equal(new Set(operations.commands.map(({ key }) => key)).size, operations.commands.length, "every command has a key of its own");
  await olga.close();
});

test("an approver sees the plan, and acknowledges each address by itself", async () => {
  const operations = new Operations();
  const olga = await Desk.open(operations, "olga", "operator", { incident: INCIDENT });
  await submits(olga);
  const anton = await Desk.open(operations, "anton", "approver", { incident: INCIDENT, paste: true });
  await anton.tab.getByText("who approves must have seen it").waitFor();
  assert.equal(await anton.tab.getByRole("button", { name: "Approve", exact: true }).count(), 0, "not before the preview was opened");
  await anton.press("Open the preview");
  await anton.tab.getByText(/^Changes: \d+/).waitFor();
  const text = await anton.text();
  assert.ok(REPLACED.every((address) => text.includes(address)) && text.includes('terraform_data.key["<i>"]') && text.includes("destroy and make anew"));
  await anton.tab.getByRole("checkbox").first().check();
  await anton.press("Approve");
  assert.equal(operations.run.approvals.length, 0, "one box stands for one address");
  await anton.acknowledges();
  await anton.press("Approve");
  await anton.tab.locator('.approvals li[data-person="anton"]').waitFor();
  const refused = await Desk.open(operations, "refused", "approver", { incident: INCIDENT });
  await refused.press("Open the preview");
  await refused.acknowledges();
  await refused.press("Approve");
  await refused.tab.getByText("the preview has expired").waitFor();
  for (const desk of [olga, anton, refused]) await desk.close();
});

test("where it stops the page says what to do, and only proof lets anybody resolve", async () => {
  const operations = new Operations();
  const olga = await Desk.open(operations, "olga", "operator", { incident: INCIDENT });
  await submits(olga);
  for (const person of ["anton", "berta"]) operations.answer(person, "POST", `runs/${RUN}/approvals`, { digest: DIGEST, acknowledged: REPLACED });
  await olga.press("Execute");
  await olga.incidentIs("blocked");
  const text = await olga.text();
  assert.ok(text.includes("apply_failed") && text.includes("What to do: the plan is spent and half of it may have happened"), text);
  assert.equal(await olga.tab.getByRole("button", { name: "Attest" }).count(), 0, "who let it begin does not attest");
  const anton = await Desk.open(operations, "anton", "approver", { incident: INCIDENT });
  await anton.fill("What you found, and what you did", "the routes were missing; finished by hand");
  await anton.press("Attest");
  await anton.runIs("attested");
  await olga.incidentIs("acknowledged");
  await olga.press("Validate now");
  await olga.tab.locator('[data-verdict="inconclusive"][aria-labelledby="validation"]').waitFor();
  assert.equal(await olga.tab.getByRole("button", { name: "Resolve" }).count(), 0, "what is not proven is not resolved");
  await olga.press("Validate now");
  await olga.press("Resolve");
  await olga.incidentIs("resolved");
  for (const desk of [olga, anton]) await desk.close();
});

test("an escalated incident is the commander's to decide", async () => {
  const operations = new Operations();
  const olga = await Desk.open(operations, "olga", "operator", { incident: INCIDENT });
  await olga.press("Acknowledge");
  await olga.tab.getByText("Escalate to the incident commander").click();
  await olga.tab.getByRole("form", { name: "Escalate" }).getByLabel("Reason").fill("two things changed at once");
  await olga.press("Escalate");
  await olga.tab.getByText("a commander decides now").waitFor();
  assert.equal(await olga.tab.getByRole("button", { name: "Decide", exact: true }).count(), 0);
  const carla = await Desk.open(operations, "carla", "commander", { incident: INCIDENT });
  await carla.tab.getByRole("button", { name: "Decide", exact: true }).waitFor();
  for (const desk of [olga, carla]) await desk.close();
});

test("what somebody is writing stays while the page goes on asking", async () => {
  const operations = new Operations();
  const olga = await Desk.open(operations, "olga", "operator", { incident: INCIDENT });
  await olga.press("Acknowledge");
  await olga.fill("Reason", "half a sentence");
  operations.timeline.push({ seq: 90, at: ago(), actor: null, event: { type: "alert_fired", count: 2 } });
  operations.incident.firing = { firedAt: ago(), clearedAt: null, count: 2 };
  await olga.tab.getByText("The alert fired").waitFor();
  assert.equal(await olga.tab.getByLabel("Reason", { exact: true }).first().inputValue(), "half a sentence");
  await olga.close();
});

test("who has no valid token sees the login and what is wrong", async () => {
  const operations = new Operations();
  operations.answer = () => [401, { code: "unauthenticated", title: "no valid token" }];
  const nobody = await Desk.open(operations, "nobody", "operator", { viewport: PHONE });
  await nobody.tab.getByText("The token does not hold").waitFor();
  assert.equal(await nobody.tab.getByLabel("Token").count(), 1);
  await nobody.close();
});
