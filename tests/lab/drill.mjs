// `cargo xtask drill`: every rollback from its alert to its proof, and every way in which one must stop.
//
// In production a release, infrastructure and data go bad, one after another, and each is rolled back. In staging, at the
// same time, rollbacks meet what they must stop at. Everything here is real but what docs/lab.md names.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "../system/node.mjs";
import { Hubline } from "./hubline.mjs";
import { report } from "./report.mjs";
import { badData } from "./scenes/bad-data.mjs";
import { badInfrastructure } from "./scenes/bad-infrastructure.mjs";
import { badRelease } from "./scenes/bad-release.mjs";
import { neverReady } from "./scenes/never-ready.mjs";
import { oneOfFive } from "./scenes/one-of-five.mjs";
import { stalePlan } from "./scenes/stale-plan.mjs";
import { Stage } from "./stage.mjs";

/** How many requests a second users make, by environment. */
const PACE = { production: 20, staging: 10 };

/** The longest from Alertmanager's dispatch to the first notification of an incident. */
const TELLING_MS = 10_000;

const LANES = {
  production: [badRelease, badInfrastructure, badData],
  staging: [neverReady, stalePlan, oneOfFive],
};

const began = new Date();
const stories = [];
const checks = [];
const failures = [];

const say = (text) => console.log(`${((Date.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`);

function holds(text, truth, otherwise = "") {
  checks.push({ text, holds: Boolean(truth) });
  if (!truth) failures.push(new Error(`${text}: it does not. ${JSON.stringify(otherwise)}`));
}

/** Takes the scenes of an environment one after the other. */
async function play(environment, setup) {
  const played = [];
  for (const scene of LANES[environment]) {
    const opened = (story) => stories.push(story);
    played.push(await scene({ ...setup, environment, opened }));
  }
  return played;
}

/** The proof of every rollback of production: nothing changes any more while its window is measured. */
async function prove(played, { stage, people }) {
  const incidents = await Promise.all(played.map((story) => story.validated()));
  for (const [index, story] of played.entries()) {
    story.proves("the validation passes", incidents[index].state === "validated", incidents[index]);
    await story.resolved(people.commander);
    const { state } = await story.incident().then((answer) => answer.incident ?? answer);
    story.proves("the incident is resolved", state === "resolved", state);
  }
  const rows = await Promise.all(
    Object.values(stage.environments).flatMap((environment) =>
      stage.arm.names.filter((name) => name.startsWith(environment.server)).map((name) => environment.sql("select count(*)::int as n from customer where id like 'smoke-%'", [], name)),
    ),
  );
  holds("smoke tests have cleaned up after themselves", rows.flat().every(({ n }) => n === 0), rows);
}

/** What must hold for the whole drill. */
async function inspect({ stage, hubline }) {
  const { auditor } = hubline.people;
  const verified = await auditor.get("/ops/audit/verify");
  holds(`the audit chain is whole: ${JSON.stringify(verified)}`, verified.valid ?? verified.ok ?? verified.intact, verified);
  await hubline.command(["verify-audit", "--operations-database-url", hubline.operationsUrl]).then(
    (text) => holds(`\`hubline verify-audit\` says so too: ${text.trim().split("\n").at(-1)}`, true),
    (error) => holds("`hubline verify-audit` says so too", false, error.message),
  );
  for (const story of stories.filter(({ id }) => id)) {
    const told = stage.notifications.told.filter(({ body }) => JSON.stringify(body).includes(story.id));
    const first = told[0]?.at - new Date(story.openedAt);
    holds(`people are told of ${story.alert} in ${story.environment} after ${(first / 1000).toFixed(1)} s`, first < TELLING_MS, told.length);
  }
  const pages = stage.notifications.told.filter(({ channel, body }) => channel === "pagerduty" && body.client === "Alertmanager");
  holds(`Alertmanager pages by itself too: ${pages.length} times`, pages.length > 0);
  holds(`GitHub's ${stage.github.asked.length} requests, answers and events are as GitHub describes them`, stage.github.faults.length === 0, stage.github.faults.slice(0, 3));
  const written = hubline.output + JSON.stringify(stage.notifications.told) + JSON.stringify(await auditor.get("/ops/audit?after=0"));
  const { databasePassword, clientSecret, apiToken, appKey } = stage.credentials;
  const secrets = [databasePassword, clientSecret, apiToken, appKey.slice(100, 160)];
  holds("no secret is in a log, a notification or the audit", !secrets.some((secret) => written.includes(secret)));
}

async function main() {
  const stage = await Stage.open((text) => say(`the lab   ${text}`));
  let hubline;
  try {
    hubline = await Hubline.start(stage);
    say("the lab   Hubline runs");
    const { people } = hubline;
    for (const [name, pace] of Object.entries(PACE)) stage.environments[name].open(pace);
    const setup = { stage, people, say };
    const lanes = await Promise.allSettled([
      play("production", setup).then((played) => prove(played, setup)),
      play("staging", setup),
    ]);
    failures.push(...lanes.filter(({ status }) => status === "rejected").map(({ reason }) => reason));
    for (const story of stories.filter(({ id }) => id)) {
      const answer = await story.incident();
      story.end = answer.incident ?? answer;
    }
    await inspect({ stage, hubline });
  } catch (error) {
    failures.push(error);
  } finally {
    if (failures.length > 0) keepLogs(stage, hubline);
    await hubline?.stop();
    await stage.close();
  }
  const text = report({ began, ended: new Date(), stories, checks, failures });
  mkdirSync(join(ROOT, "target/drill"), { recursive: true });
  writeFileSync(join(ROOT, "target/drill/report.md"), text);
  console.log(`\n${text}\nThis report is in target/drill/report.md.`);
  process.exit(failures.length === 0 ? 0 : 1);
}

/** What helps to find out why it failed. */
function keepLogs(stage, hubline) {
  mkdirSync(join(ROOT, "target/drill"), { recursive: true });
  writeFileSync(join(ROOT, "target/drill/hubline.log"), hubline?.output ?? "");
  const runs = (stage.github?.runs ?? []).map(({ id, workflow, inputs, conclusion, log }) => `${id} ${workflow.file} ${JSON.stringify(inputs)} ${conclusion}\n${log ?? ""}`);
  writeFileSync(join(ROOT, "target/drill/workflows.log"), runs.join("\n\n"));
}

await main();
