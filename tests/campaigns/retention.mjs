// Measures a purge beside sends: how many messages go in a second, and what that does to sends at a steady rate. One load goes on
// all the time, and a purge works for some seconds of it in turn with as many in which nothing is purged: so both meet the same
// state of the machine, and the medians over the seconds of either kind are compared.
//
//     cargo xtask bench retention [--rounds 6] [--rate 1000] [--requests 60000] [--messages 50]
//
// Commits wait for the disk. The load comes from `hubline-load`, which stands beside `hubline`.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { Cluster } from "../system/cluster.mjs";
import { pause } from "../system/eventually.mjs";
import { old } from "../system/history.mjs";
import { median } from "../system/latency.mjs";
import { HUBLINE } from "../system/node.mjs";

const { values } = parseArgs({
  options: Object.fromEntries(["rounds", "rate", "requests", "messages"].map((name) => [name, { type: "string" }])),
});
const [ROUNDS, RATE, REQUESTS, MESSAGES] = [
  [values.rounds, 6], [values.rate, 1_000], [values.requests, 60_000], [values.messages, 50],
].map(([given, usual]) => Number(given ?? usual));

/** How long a call of the purge works, and how long nothing is purged after it. */
const SECONDS = 5;

// The product's own clock would purge every five minutes: it has no time to.
const cluster = await Cluster.start({ durable: true, variables: { purge_patience: "0" } });
const node = await cluster.node("load");
// Whoever purges is a process of its own, as with several replicas.
const { functions } = await cluster.apart({ node: "purge" });
const purged = async () => Number((await cluster.sql("select messages from hubline.purge_total"))[0].messages);

/** One call, as a CronJob makes it: from when to when it worked, and how many messages a second went. */
async function purge() {
  const [from, before] = [performance.now(), await purged()];
  const headers = { "x-hubline-key": cluster.relayKey };
  const { status } = await fetch(`${functions.origin}/internal/purge`, { method: "POST", headers });
  assert.ok([200, 202].includes(status), `answered ${status}`);
  const to = performance.now();
  return { from, to, rate: ((await purged()) - before) / ((to - from) / 1000) };
}

/** Sends at a steady rate for so many seconds; `meanwhile` runs beside. When it began, and the P99 of each second's answers in ms. */
async function load(seconds, meanwhile) {
  const report = join(cluster.folder("load"), "report.json");
  const args = ["open", "--rate", RATE, "--seconds", seconds, "--warm-up", 5, "--conversations", 100, "--url", node.origin, "--json", report];
  const env = { ...process.env, JWT_SECRET: cluster.commandOptions().env.SPIN_VARIABLE_JWT_SECRET };
  const generator = spawn(join(dirname(HUBLINE), "hubline-load"), args.map(String), { env, stdio: ["ignore", "ignore", "pipe"] });
  const closed = once(generator, "close");
  let [began, beside] = [0, null];
  for await (const line of createInterface(generator.stderr)) {
    if (line === "measuring") [began, beside] = [performance.now(), meanwhile()];
  }
  const [code] = await closed;
  await beside;
  const { accepted, acknowledgeP99BySecond, faults } = JSON.parse(readFileSync(report, "utf8"));
  assert.equal(code, 0, JSON.stringify(faults));
  assert.ok(accepted > 0.95 * RATE * seconds, `${accepted} sends in ${seconds} s`);
  return { began, p99s: acknowledgeP99BySecond };
}

try {
  await old(cluster, "due", REQUESTS, MESSAGES);
  await cluster.sql("vacuum analyze");
  await cluster.sql("checkpoint");
  const calls = [];
  const { began, p99s } = await load(ROUNDS * 2 * SECONDS + 2, async () => {
    for (let round = 1; round <= ROUNDS; round += 1) {
      await pause(SECONDS * 1_000);
      calls.push(await purge());
    }
  });
  // A second counts if all of it was one or the other.
  const kinds = { alone: [], beside: [] };
  for (const [second, p99] of p99s.entries()) {
    const [from, to] = [began + second * 1_000, began + (second + 1) * 1_000];
    if (calls.some((call) => call.from <= from && to <= call.to)) kinds.beside.push(p99);
    else if (calls.every((call) => to <= call.from || call.to <= from)) kinds.alone.push(p99);
  }
  const [alone, beside] = [median(kinds.alone), median(kinds.beside)];
  for (const [name, seconds] of Object.entries(kinds)) console.log(`${name}: ${seconds.map((p99) => p99.toFixed(1)).join(" ")}`);
  const rate = median(calls.map((call) => call.rate));
  console.log(`P99 of ${kinds.alone.length} s alone ${alone.toFixed(2)} ms, of ${kinds.beside.length} s beside a purge ${beside.toFixed(2)} ms`);
  console.log(`medians: ${(beside / alone).toFixed(2)} × the P99 of sends alone, ${Math.round(rate)} messages/s`);
  console.log(`calls: ${calls.map((call) => `${Math.round(call.rate)}/s for ${Math.round(call.to - call.from)} ms`).join(", ")}`);
  assert.ok(kinds.beside.length >= ROUNDS, "too little was due to measure a purge");
  assert.ok(beside / alone <= 1.5, "sends must not wait longer than 1.5 times what they wait alone");
  assert.ok(rate >= 50_000, "a purge must delete at least 50,000 messages a second");
} finally {
  await cluster.stop();
}
