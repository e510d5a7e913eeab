// Prometheus and Alertmanager, with the rules and the configuration of deploy/prometheus, and shorter times.

import { mkdirSync, readFileSync, readdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parse, stringify } from "yaml";
import { freePort } from "../system/port.mjs";
import { Program } from "../system/program.mjs";
import { Alertmanager } from "./alertmanager.mjs";
import { tool } from "./tools.mjs";

/** How often is scraped, and rules are evaluated. */
const INTERVAL = "1s";

/** The longest that rules look back in a lab, in seconds, and by how much shorter they wait. */
const LONGEST = 15;
const HURRY = 20;

const UNITS = { ms: 0.001, s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800 };

/** A duration of Prometheus, such as `5m` or `1h30m`, in seconds. */
function seconds(text) {
  const parts = [...String(text).matchAll(/(\d+)(ms|[smhdw])/g)];
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS[unit], 0);
}

const inAHurry = (text) => `${Math.max(1, Math.round(seconds(text) / HURRY))}s`;

/** The rules of a file, which look back and wait for less long. What waits longer than another still does. */
export function hurriedRules(text) {
  const { groups } = parse(text);
  for (const group of groups) {
    group.interval = INTERVAL;
    for (const rule of group.rules) {
      rule.expr = rule.expr.replace(/\[([0-9smhdw]+)(:[0-9smhdw]*)?\]/g, (all, range) => (seconds(range) > LONGEST ? `[${LONGEST}s]` : all));
      for (const wait of ["for", "keep_firing_for"]) if (rule[wait]) rule[wait] = inAHurry(rule[wait]);
    }
  }
  return stringify({ groups });
}

/**
 * Alertmanager's configuration with this lab's addresses in the places of others, and short waits.
 *
 * @param {{hubline: string, alertToken: string, pagerduty: string, routingKey: string, slack: string, watchdog: string}} places
 */
export function hurriedAlertmanager(text, { hubline, alertToken, pagerduty, routingKey, slack, watchdog }) {
  const config = parse(text);
  const hurry = (route) => {
    for (const name of ["group_wait", "group_interval"]) if (route[name]) route[name] = route[name] === "0s" ? "0s" : "1s";
    (route.routes ?? []).forEach(hurry);
  };
  hurry(config.route);
  for (const receiver of config.receivers) {
    for (const webhook of receiver.webhook_configs ?? []) {
      webhook.url = receiver.name === "hubline" ? hubline : watchdog;
      if (webhook.http_config) webhook.http_config = { authorization: { credentials: alertToken } };
    }
    for (const page of receiver.pagerduty_configs ?? []) {
      delete page.routing_key_file;
      Object.assign(page, { url: pagerduty, routing_key: routingKey });
    }
    for (const message of receiver.slack_configs ?? []) {
      delete message.api_url_file;
      message.api_url = slack;
    }
  }
  return config;
}

export class Monitoring {
  #folder;
  #alertmanager;
  #prometheus;

  /**
   * @param {{folder: string, rules: string[], alertmanager: object, targets: () => object[]}} setup the files of the
   * rules, Alertmanager's configuration, and the targets of each look in the form of `file_sd_configs`
   */
  static async start(setup) {
    const monitoring = new Monitoring(setup);
    await monitoring.#start();
    return monitoring;
  }

  constructor({ folder, rules, alertmanager, targets }) {
    this.#folder = folder;
    this.rules = rules;
    this.alertmanager = alertmanager;
    this.targets = targets;
  }

  async #start() {
    this.#alertmanager = await Alertmanager.start({ folder: join(this.#folder, "alertmanager"), config: this.alertmanager });
    const port = await freePort();
    this.origin = `http://127.0.0.1:${port}`;
    mkdirSync(join(this.#folder, "rules"), { recursive: true });
    this.rules.forEach((text, index) => writeFileSync(join(this.#folder, "rules", `${index}.yml`), hurriedRules(text)));
    const config = {
      global: { scrape_interval: INTERVAL, evaluation_interval: INTERVAL, scrape_timeout: "900ms" },
      rule_files: [join(this.#folder, "rules/*.yml")],
      alerting: { alertmanagers: [{ static_configs: [{ targets: [new URL(this.#alertmanager.origin).host] }] }] },
      scrape_configs: [{ job_name: "lab", file_sd_configs: [{ files: [join(this.#folder, "targets.json")], refresh_interval: INTERVAL }] }],
    };
    this.#writeTargets();
    writeFileSync(join(this.#folder, "prometheus.yml"), stringify(config));
    this.#prometheus = new Program(tool("prometheus"), [
      `--config.file=${join(this.#folder, "prometheus.yml")}`,
      `--storage.tsdb.path=${join(this.#folder, "prometheus")}`,
      `--web.listen-address=127.0.0.1:${port}`,
      "--web.console.templates=/nowhere",
      "--web.console.libraries=/nowhere",
    ]);
    await this.#prometheus.ready(() => fetch(`${this.origin}/-/ready`).then(({ ok }) => ok, () => false));
    this.timer = setInterval(() => this.#writeTargets(), 250);
  }

  /** Tells Prometheus what there is to scrape: pods come and go. */
  #writeTargets() {
    const text = JSON.stringify(this.targets());
    if (text === this.written) return;
    this.written = text;
    // Prometheus must never read half a file.
    writeFileSync(join(this.#folder, "targets.json.new"), text);
    renameSync(join(this.#folder, "targets.json.new"), join(this.#folder, "targets.json"));
  }

  async stop() {
    clearInterval(this.timer);
    await Promise.all([this.#prometheus?.stop("SIGKILL"), this.#alertmanager?.stop()]);
  }

  /** What a query gives now: numbers by their labels. */
  async query(query) {
    const answer = await fetch(`${this.origin}/api/v1/query?${new URLSearchParams({ query })}`);
    const { data } = await answer.json();
    return data.result.map(({ metric, value }) => ({ metric, value: Number(value[1]) }));
  }

  /** The alerts that fire now, by name. */
  async firing() {
    const answer = await fetch(`${this.origin}/api/v1/alerts`);
    const { data } = await answer.json();
    return data.alerts.filter(({ state }) => state === "firing").map(({ labels }) => labels);
  }
}

/** The texts of the rule files in a folder. */
export function rulesIn(folder) {
  const files = readdirSync(folder).filter((name) => /\.ya?ml$/.test(name));
  const texts = files.map((name) => readFileSync(join(folder, name), "utf8"));
  return texts.filter((text) => Array.isArray(parse(text)?.groups));
}
