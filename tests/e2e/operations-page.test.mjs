// Must hold: people take an incident from its alert to its rolled back infrastructure on the page, without another tool,
// and on a phone; and the page never does what somebody meant for an earlier state of things.
//
// Everything is real but GitHub, whose fake runs the repository's own workflows, and with them Terraform.

import assert from "node:assert/strict";
import { createHash, generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Repository } from "../lab/git.mjs";
import { GitHub } from "../lab/github.mjs";
import { Infrastructure, directory } from "../lab/infrastructure.mjs";
import { Runner } from "../lab/runner.mjs";
import { launchBrowser } from "../system/browser.mjs";
import { ROOT } from "../system/node.mjs";
import { Operations, PEOPLE } from "../system/operations.mjs";
import { OperationsDesk, PHONE } from "../system/operations-desk.mjs";

/** A value that Terraform knows to be sensitive: nobody may see it on the page. */
const CANARY = `canary-${randomBytes(8).toString("hex")}`;

const ENVIRONMENT = "production";
const WEBHOOK_KEY = randomBytes(24).toString("hex");
const REPOSITORY = "warranty/platform";
const REPLACED = ["terraform_data.ingress", "terraform_data.routes"];

const folder = mkdtempSync(join(tmpdir(), "hubline-test-"));
const place = (name) => {
  mkdirSync(join(folder, name), { recursive: true });
  return join(folder, name);
};

let operations;
let browser;
let github;
let infrastructure;
/** The commit that is gone back to. */
let sound;

before(async () => {
  browser = await launchBrowser();
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const repository = await Repository.create(place("repository"));
  repository.copy(join(ROOT, "deploy/github"), ".github/workflows");
  const artifacts = place("artifacts");
  const app = { id: "Iv23hubline", installation: 4711, publicKey: publicKey.export({ type: "spki", format: "pem" }) };
  const runner = new Runner(place("runner"), () => ({ LAB_ARTIFACTS: artifacts }));
  github = await GitHub.start({ repository: REPOSITORY, origin: repository.folder, runner, folder: artifacts, app });
  for (const name of [ENVIRONMENT, `${ENVIRONMENT}-plan`]) github.vault.set("variable", name, "TERRAFORM_DIRECTORY", directory(ENVIRONMENT));
  infrastructure = new Infrastructure(repository, { [ENVIRONMENT]: { settings: join(folder, "ingress.json") } }, place("terraform"));
  const key = `resource "terraform_data" "key" {\n  input = sensitive("${CANARY}-\${local.refuse}")\n}\n`;
  await repository.commit("Keep a key", { [`${directory(ENVIRONMENT)}/key.tf`]: key });
  sound = await infrastructure.commit("Turn nobody away", { [ENVIRONMENT]: { refuse: 0 } });
  await apply(sound);
  await spoil(30);

  const targets = {
    environment: ENVIRONMENT,
    github: { api: github.origin, artifacts: github.artifacts.store.origin, app: { id: app.id, installation: app.installation }, repository: REPOSITORY },
  };
  const credentials = { environment: ENVIRONMENT, github: { appKey: privateKey.export({ type: "pkcs1", format: "pem" }) } };
  operations = await Operations.start({
    variables: {
      github_origin: github.origin,
      github_artifact_origin: github.artifacts.store.origin,
      github_webhook_secret: WEBHOOK_KEY,
      [ENVIRONMENT]: JSON.stringify(targets),
      [`${ENVIRONMENT}_credentials`]: JSON.stringify(credentials),
    },
  });
  github.hook(`${operations.origin}/ops/github`, WEBHOOK_KEY);
});
after(async () => {
  await browser?.close();
  await operations?.stop();
  await github?.stop();
  rmSync(folder, { recursive: true, force: true });
});

/** Runs a workflow as a person of the team would. */
async function dispatch(file, inputs) {
  const workflow = await github.workflow(file, inputs.commit);
  const run = github.begin(workflow, inputs.commit, workflow.completed({ correlation: `by-hand-${randomBytes(4).toString("hex")}`, environment: ENVIRONMENT, ...inputs }), { byHand: true });
  await run.done;
  assert.equal(run.conclusion, "success", run.log);
  return run;
}

/** Plans and applies a commit by the pipeline. */
async function apply(commit) {
  const plan = await dispatch("terraform-plan.yml", { commit });
  const [artifact] = github.artifacts.of(plan);
  const tfplanSha256 = createHash("sha256").update(await artifact.read("tfplan")).digest("hex");
  await dispatch("terraform-apply.yml", { commit, planRunId: String(plan.id), artifactId: String(artifact.id), tfplanSha256, approvals: "ann,ben" });
}

/** Applies what turns users away. */
async function spoil(refuse) {
  await infrastructure.applyByHand(ENVIRONMENT, await infrastructure.commit("Turn users away", { [ENVIRONMENT]: { refuse } }));
}

const token = (name) => operations.cluster.token({ sub: name, role: PEOPLE[name].roles });

function desk(name, how) {
  return OperationsDesk.open(browser, operations.origin, [token(name)], how);
}

/** Takes an incident up to the preview of the rollback that is asked for. */
async function asks(olga) {
  await olga.press("Acknowledge");
  await olga.incidentIs("acknowledged");
  await olga.tab.getByLabel("Strategy").selectOption("infrastructure");
  await olga.fill("Reason", "the ingress answers by itself, and was applied lately");
  await olga.press("Decide");
  await olga.fill("Commit", sound);
  await olga.fill("May be destroyed, replaced or forgotten", REPLACED.join("\n"));
  await olga.press("Prepare the rollback");
  await olga.runIs("previewed");
}

test("from the alert to the rolled back infrastructure, on a phone", async () => {
  const incident = await operations.incident("HighErrorRate", {}, { summary: "Requests fail in production: 30% of them", description: "Look <b>here</b> first." });
  const olga = await desk("olga", { viewport: PHONE });
  assert.ok(!olga.tab.url().includes("token"), "the token is gone from the address");
  await olga.tab.getByRole("link", { name: /HighErrorRate/ }).click();
  await olga.sees("Requests fail in production: 30% of them");
  assert.ok((await olga.text()).includes("Look <b>here</b> first."), "what an alert says is text and never HTML");
  await olga.sees("acknowledge the incident");
  await olga.picture("phone-open");
  await asks(olga);

  await olga.opensPreview();
  await olga.sees(/^Changes: \d+/);
  const seen = await olga.text();
  for (const address of REPLACED) assert.ok(seen.includes(address), address);
  assert.ok(!(await olga.tab.content()).includes(CANARY), "sensitive values are redacted");
  assert.equal(await olga.overflow(), 0, "nothing sticks out on a phone");
  await olga.tab.getByRole("checkbox").first().check();
  await olga.press("Submit");
  assert.equal(await olga.tab.locator(".run").getAttribute("data-state"), "previewed", "every address must be acknowledged by itself");
  await olga.picture("phone-preview");
  await olga.acknowledges();
  await olga.press("Submit");
  await olga.runIs("awaiting_approval");
  await olga.sees("somebody else approves");

  const anton = await desk("anton", { incident, paste: true });
  await anton.sees("who approves must have seen it");
  assert.equal(await anton.button("Approve").count(), 0);
  await anton.approves("anton");
  await anton.picture("desk-approved");
  const berta = await desk("berta", { incident });
  await berta.approves("berta");
  await berta.runIs("approved");

  await olga.press("Execute");
  await olga.runIs("succeeded");
  await olga.incidentIs("mitigated_unvalidated");
  assert.equal(JSON.parse(readFileSync(join(folder, "ingress.json"), "utf8")).refuse, 0, "the infrastructure really is back");
  assert.equal(await olga.tab.locator('.steps li[data-status="done"]').count(), 7);
  await olga.tab.locator('.timeline li[data-type="run_succeeded"]').waitFor();
  await olga.sees("left of 4 h for recovery");

  // As if it were some minutes ago: nothing can be told of the first ones after a change.
  await operations.sql(`update operations.incident set document = jsonb_set(document, '{moments,lastChangeAt}', to_jsonb(now() - interval '10 minutes')) where id = $1`, [incident]);
  await olga.press("Validate now");
  await olga.tab.locator('[aria-labelledby="validation"][data-verdict="inconclusive"]').waitFor({ timeout: 120_000 });
  assert.equal(await olga.button("Resolve").count(), 0, "what is not proven is not resolved");
  await olga.sees("have the incident validated");
  await olga.unfold("Escalate to the incident commander");
  await olga.fill("Reason", "nothing can be measured", olga.form("Escalate"));
  await olga.press("Escalate");
  await olga.sees("a commander decides now");
  assert.equal(await olga.overflow(), 0);
  await olga.picture("phone-validated");
  await berta.picture("desk-validated");
  for (const person of [olga, anton, berta]) await person.close();
});

test("an apply that dies half-way says what to do, and a second person attests to what they have seen", async () => {
  await spoil(40);
  const incident = await operations.incident();
  const olga = await desk("olga", { incident });
  await asks(olga);
  await olga.opensPreview();
  await olga.acknowledges();
  await olga.press("Submit");
  await olga.runIs("awaiting_approval");
  const anton = await desk("anton", { incident });
  await anton.approves("anton");
  const berta = await desk("berta", { incident });
  await berta.approves("berta");
  infrastructure.light(ENVIRONMENT);
  await olga.press("Execute");
  await olga.incidentIs("blocked");
  await olga.sees(/I6 has stopped with apply_failed: the plan is spent and half of it may have happened/);
  assert.equal(await olga.button("Attest").count(), 0, "who asked for it does not attest");
  infrastructure.putOut(ENVIRONMENT);

  await anton.incidentIs("blocked");
  await anton.fill("What you found, and what you did", "the ingress was replaced, the routes were not; finished by hand");
  await anton.press("Attest");
  await anton.sees("Open a piece of evidence first");
  const evidence = anton.form("Attest").locator("button.evidence").last();
  const digest = await evidence.getAttribute("data-digest");
  await evidence.click();
  await anton.tab.getByRole("dialog").getByText("its SHA-256 is this digest").waitFor();
  assert.ok((await anton.tab.getByRole("dialog").innerText()).includes(digest));
  await anton.picture("desk-evidence");
  await anton.press("Close");
  await anton.form("Attest").getByRole("button", { name: /, opened$/ }).first().waitFor();
  await anton.picture("desk-blocked");
  await anton.press("Attest");
  await anton.incidentIs("acknowledged");
  await anton.runIs("attested");
  const attested = (await operations.timeline(incident)).find(({ event }) => event.type === "attested");
  assert.deepEqual(attested.event.evidence, [digest]);
  assert.match(attested.event.statement, /finished by hand/, "what was written stayed while the page went on");
  for (const person of [olga, anton, berta]) await person.close();
});

test("what was meant for an earlier state of things is not done", async () => {
  const incident = await operations.incident();
  const olga = await desk("olga", { incident });
  await olga.unfold("Escalate to the incident commander");
  await olga.fill("Reason", "I can't tell what it is", olga.form("Escalate"));
  // Her page hears nothing more for a while.
  await olga.tab.route(`**/ops/incidents/${incident}`, (route) => route.abort());
  await olga.sees("Hubline can't be reached");
  await operations.carla.does(`/ops/incidents/${incident}/acknowledge`);
  await olga.press("Escalate");
  await olga.sees("It was not done: something has changed since you looked.");
  await olga.tab.unroute(`**/ops/incidents/${incident}`);
  await olga.incidentIs("acknowledged");
  assert.equal((await operations.carla.sees(`/ops/incidents/${incident}`)).incident.escalation, null);
  await olga.press("Escalate");
  await olga.sees("a commander decides now");
  assert.ok(!(await olga.text()).includes("It was not done"));
  await olga.close();
});

test("a command whose answer is lost is done once", async () => {
  const incident = await operations.incident();
  const olga = await desk("olga", { incident });
  const keys = [];
  await olga.tab.route("**/ops/incidents/*/acknowledge", async (route) => {
    keys.push(route.request().headers()["idempotency-key"]);
    // It is done, and nobody is told.
    if (keys.length < 3) await route.fetch();
    await (keys.length < 3 ? route.abort() : route.continue());
  });
  // The page itself does not hear of it either.
  await olga.tab.route(`**/ops/incidents/${incident}`, (route) => route.abort());
  await olga.press("Acknowledge");
  await olga.tab.locator(".form-trouble").getByText("Hubline can't be reached").waitFor();
  await olga.press("Acknowledge");
  await olga.tab.unroute(`**/ops/incidents/${incident}`);
  await olga.incidentIs("acknowledged");
  assert.equal(keys.length, 3);
  assert.equal(new Set(keys).size, 1, "it keeps its key for as long as there is no answer");
  assert.equal((await operations.timeline(incident)).filter(({ event }) => event.type === "acknowledged").length, 1);
  await olga.close();
});

test("that the glass was broken is shown until a review names it", async () => {
  const incident = await operations.incident();
  await operations.olga.does(`/ops/incidents/${incident}/acknowledge`);
  // As a rollback leaves it that the commander approved alone.
  const glass = { run: crypto.randomUUID(), person: "carla", reason: "nobody else could be reached", at: new Date().toISOString(), reviewed: false };
  const more = { state: "resolved", breakGlass: [glass] };
  await operations.sql("update operations.incident set open = false, state = 'resolved', document = document || $2 where id = $1", [incident, more]);
  const conrad = await desk("conrad");
  await conrad.card("over").locator(`[data-incident="${incident}"]`).getByText("glass broken, not reviewed").waitFor();
  await conrad.card("over").locator(`[data-incident="${incident}"]`).getByRole("link").click();
  await conrad.sees("The glass was broken by carla, and no review has named it yet: nobody else could be reached");
  await conrad.fill("What was learnt", "two people are on call from now on");
  await conrad.press("Close the review");
  assert.equal(await conrad.tab.locator(".incident-head").getAttribute("data-state"), "resolved", "the review must name it");
  await conrad.acknowledges();
  await conrad.press("Close the review");
  await conrad.incidentIs("reviewed");
  assert.equal(await conrad.tab.locator(".glass").count(), 0);
  await conrad.close();
});

test("commanders halt and release, start drills, and see whether the audit log holds", async () => {
  const carla = await desk("carla");
  await carla.unfold("Halt all rollbacks");
  await carla.fill("Reason", "the cloud itself is in trouble", carla.form("Halt all rollbacks"));
  await carla.press("Halt");
  await carla.card("halt").getByText("no step that changes an environment leaves").waitFor();
  const olga = await desk("olga", { viewport: PHONE });
  await olga.card("halt").getByText("Rollbacks are halted").first().waitFor();
  assert.equal(await olga.button("Release").count(), 0, "a commander releases them");
  await olga.card("drills").locator('li[data-kind="database"][data-standing="due"]').waitFor();
  await olga.press("Start: database");
  await olga.card("drills").getByText("rollbacks are halted").waitFor();
  await carla.fill("Reason", "the cloud is well again", carla.form("Release rollbacks"));
  await carla.press("Release");
  await carla.unfold("Halt all rollbacks");
  await olga.press("Start: database");
  await olga.incidentIs("open");
  await olga.tab.locator(".incident-head .badge").getByText("drill").waitFor();
  await olga.tab.getByRole("link", { name: "All incidents" }).click();
  await olga.press("Start: database");
  await olga.card("drills").getByText("a drill of this kind is under way").waitFor();
  assert.equal(await olga.overflow(), 0);
  await olga.picture("phone-list");
  assert.equal(await olga.card("audit").count(), 0, "the log is for auditors and commanders");

  await carla.press("Check the audit log");
  await carla.sees("The log is whole");
  await carla.picture("desk-list");
  const audrey = await desk("audrey");
  await audrey.press("Check the audit log");
  await audrey.sees("The log is whole");
  await operations.sql("alter table operations.audit disable trigger all");
  await operations.sql(`update operations.audit set text = replace(text, 'cloud', 'weather') where text like '%"halted"%'`);
  await audrey.press("Check the audit log");
  await audrey.sees("The log is broken");
  for (const person of [carla, olga, audrey]) await person.close();
});

test("somebody with several tokens changes persons", async () => {
  const incident = await operations.incident();
  const people = await OperationsDesk.open(browser, operations.origin, [token("olga"), token("audrey")], { incident, viewport: PHONE });
  await people.button("Acknowledge").waitFor();
  await people.tab.getByLabel("You are").selectOption("audrey");
  await people.sees("There is nothing of it that you could do now");
  assert.equal(await people.button("Acknowledge").count(), 0);
  await people.tab.reload();
  await people.sees("There is nothing of it that you could do now");
  await people.tab.getByLabel("You are").selectOption("olga");
  await people.press("Acknowledge");
  await people.incidentIs("acknowledged");
  assert.equal((await operations.timeline(incident)).at(-1).actor, "olga");
  assert.equal(await people.overflow(), 0);
  await people.picture("phone-people");
  await people.close();
});

test("who has no valid token sees the login and what is wrong", async () => {
  const stranger = await OperationsDesk.open(browser, operations.origin, ["nonsense"], { viewport: PHONE });
  await stranger.sees("The token does not hold");
  assert.equal(await stranger.tab.getByLabel("Token").count(), 1);
  await stranger.close();
});
