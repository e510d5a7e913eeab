// The drill: every rollback from its alert to its proof, and every way in which one must stop.
//
// In production a release, infrastructure and data go bad, one after another, and each is rolled back. In staging, at the
// same time, rollbacks meet what they must stop at, and the quarter's drill is held. Everything here is real but what
// docs/lab.md names.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { launchBrowser } from "../system/browser.mjs";
import { ROOT } from "../system/node.mjs";
import { Hubline } from "./hubline.mjs";
import { report } from "./report.mjs";
import { badData } from "./scenes/bad-data.mjs";
import { badInfrastructure } from "./scenes/bad-infrastructure.mjs";
import { badRelease } from "./scenes/bad-release.mjs";
import { neverReady } from "./scenes/never-ready.mjs";
import { oneOfFive } from "./scenes/one-of-five.mjs";
import { quarterlyDrill } from "./scenes/quarterly-drill.mjs";
import { stalePlan } from "./scenes/stale-plan.mjs";
import { Stage } from "./stage.mjs";

/** How many requests a second users make, by environment. */
const PACE = { production: 20, staging: 10 };

/** The longest from the opening of an incident to the first notification of it. */
const TELLING_MS = 10_000;

/** What is played in each environment, one after the other. */
const SCENES = {
  production: [badRelease, badInfrastructure, badData],
  staging: [neverReady, stalePlan, oneOfFive, quarterlyDrill],
};

/** Where the report and what helps after a failure are left. */
const FOLDER = join(ROOT, "target/drill");

export class Rehearsal {
  began = new Date();
  /** The incidents, each with its lines and proofs. */
  stories = [];
  /** What must hold for all of it: `{text, holds}`. */
  checks = [];
  /** Why it is not passed. */
  failures = [];

  #say;
  #stage;
  #hubline;
  #browser;

  /** Plays everything, and answers how it went. @param {(text: string) => void} print */
  static async play(print) {
    const rehearsal = new Rehearsal(print);
    await rehearsal.#play();
    return rehearsal;
  }

  constructor(print) {
    this.#say = (text) => print(`${((Date.now() - this.began) / 1000).toFixed(1).padStart(6)} s  ${text}`);
  }

  async #play() {
    try {
      this.#stage = await Stage.open((text) => this.#say(`the lab    ${text}`));
      this.#hubline = await Hubline.start(this.#stage);
      this.#say("the lab    Hubline runs");
      this.#browser = await launchBrowser();
      for (const [name, pace] of Object.entries(PACE)) this.#stage.environments[name].open(pace);
      const environments = await Promise.allSettled(Object.keys(SCENES).map((environment) => this.#scenes(environment)));
      this.failures.push(...environments.filter(({ status }) => status === "rejected").map(({ reason }) => reason));
      await this.#inspect();
    } catch (error) {
      this.failures.push(error);
    } finally {
      if (this.failures.length > 0) this.#keepLogs();
      await this.#browser?.close();
      await this.#hubline?.stop();
      await this.#stage?.close();
    }
    mkdirSync(FOLDER, { recursive: true });
    this.report = report({ ...this, ended: new Date() });
    writeFileSync(join(FOLDER, "report.md"), this.report);
  }

  /** Takes the scenes of an environment one after the other, then proves what was rolled back while nothing changes any more. */
  async #scenes(environment) {
    const { people } = this.#hubline;
    const opened = (story) => this.stories.push(story);
    const played = [];
    for (const scene of SCENES[environment]) {
      played.push(await scene({ stage: this.#stage, browser: this.#browser, people, say: this.#say, environment, opened }));
    }
    const mitigated = played.filter(({ recovers }) => recovers);
    const incidents = await Promise.all(mitigated.map((story) => story.validated()));
    for (const [index, story] of mitigated.entries()) {
      story.proves("the validation passes", incidents[index].state === "validated", incidents[index]);
      await story.resolved(people.commander);
      const { state } = (await story.incident()).incident;
      story.proves("the incident is resolved", state === "resolved", state);
      await story.afterwards?.();
    }
  }

  #holds(text, truth, otherwise = "") {
    this.checks.push({ text, holds: Boolean(truth) });
    if (!truth) this.failures.push(new Error(`${text}: it does not. ${JSON.stringify(otherwise)}`));
  }

  /** What must hold for all of it. */
  async #inspect() {
    const stories = this.stories.filter(({ id }) => id);
    for (const story of stories) story.end = (await story.incident()).incident;
    await this.#inspectAudit();
    await this.#inspectNotifications(stories);
    await this.#inspectTraces();
  }

  async #inspectAudit() {
    const verified = await this.#hubline.people.auditor.get("/ops/audit/verify");
    this.#holds(`the audit chain of ${verified.length} records is whole`, verified.intact, verified);
    await this.#hubline.command(["verify-audit", "--operations-database-url", this.#hubline.operationsUrl]).then(
      (text) => this.#holds(`\`hubline verify-audit\` says so too: ${text.trim().split("\n").at(-1)}`, true),
      (error) => this.#holds("`hubline verify-audit` says so too", false, error.message),
    );
  }

  async #inspectNotifications(stories) {
    const { told } = this.#stage.notifications;
    for (const story of stories) {
      const first = told.find(({ body }) => JSON.stringify(body).includes(story.id));
      const took = first ? Math.max(0, first.at - new Date(story.openedAt)) : Number.NaN;
      this.#holds(`people are told of ${story.alert} in ${story.environment} ${(took / 1000).toFixed(2)} s after it was opened`, took < TELLING_MS, told.length);
    }
    const pages = told.filter(({ channel, body }) => channel === "pagerduty" && body.client === "Alertmanager");
    this.#holds(`Alertmanager pages by itself too: ${pages.length} times`, pages.length > 0);
  }

  async #inspectTraces() {
    const { environments, arm, github, credentials, notifications } = this.#stage;
    const rows = await Promise.all(
      Object.values(environments).flatMap((environment) =>
        arm.names.filter((name) => name.startsWith(environment.server)).map((name) => environment.sql("select count(*)::int as n from customer where id like 'smoke-%'", [], name)),
      ),
    );
    this.#holds("smoke tests have cleaned up after themselves", rows.flat().every(({ n }) => n === 0), rows);
    this.#holds(`GitHub's ${github.asked.length} requests, answers and events are as GitHub describes them`, github.faults.length === 0, github.faults.slice(0, 3));
    const audit = JSON.stringify(await this.#hubline.audit());
    const written = this.#hubline.output + JSON.stringify(notifications.told) + audit;
    const { databasePassword, clientSecret, apiToken, appKey } = credentials;
    const secrets = [databasePassword, clientSecret, apiToken, appKey.slice(100, 160)];
    this.#holds("no secret is in a log, a notification or the audit", !secrets.some((secret) => written.includes(secret)));
  }

  /** What helps to find out why it failed. */
  #keepLogs() {
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(join(FOLDER, "hubline.log"), this.#hubline?.output ?? "");
    const runs = (this.#stage?.github?.runs ?? []).map(({ id, workflow, inputs, conclusion, log }) => `${id} ${workflow.file} ${JSON.stringify(inputs)} ${conclusion}\n${log ?? ""}`);
    writeFileSync(join(FOLDER, "workflows.log"), runs.join("\n\n"));
  }
}
