// Measures a purge beside sends: how many messages go in a second, and what that does to sends at a steady rate. In each round
// the same load is measured alone and beside a purge, in turn, and medians over the rounds count.
//
//     cargo xtask bench retention [--rounds 5] [--seconds 6] [--rate 1000] [--requests 20000] [--messages 50]
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
import { old } from "../system/history.mjs";
import { median } from "../system/latency.mjs";
import { HUBLINE } from "../system/node.mjs";

const { values } = parseArgs({
  options: Object.fromEntries(["rounds", "seconds", "rate", "requests", "messages"].map((name) => [name, { type: "string" }])),
});
const [ROUNDS, SECONDS, RATE, REQUESTS, MESSAGES] = [
  [values.rounds, 5], [values.seconds, 6], [values.rate, 1_000], [values.requests, 20_000], [values.messages, 50],
].map(([given, usual]) => Number(given ?? usual));

const cluster = await Cluster.start({ durable: true });
const node = await cluster.node("load");
// Whoever purges is a process of its own, as with several replicas.
const { functions } = await cluster.apart({ node: "purge" });
const purged = async () => Number((await cluster.sql("select messages from hubline.purge_total"))[0].messages);

/** Purges until nothing is due, as a CronJob does. */
async function purge() {
  const headers = { "x-hubline-key": cluster.relayKey };
  for (;;) {
    const { status } = await fetch(`${functions.origin}/internal/purge`, { method: "POST", headers });
    if (status === 200) return;
    assert.equal(status, 202);
  }
}

/** Sends at a steady rate; `began` and `ended` are called around the measured time. The P99 of the answers, in milliseconds. */
async function load(began = () => {}, ended = () => {}) {
  const report = join(cluster.folder("load"), "report.json");
  const args = ["open", "--rate", RATE, "--seconds", SECONDS, "--warm-up", 2, "--conversations", 100, "--url", node.origin, "--json", report];
  const env = { ...process.env, JWT_SECRET: cluster.commandOptions().env.SPIN_VARIABLE_JWT_SECRET };
  const generator = spawn(join(dirname(HUBLINE), "hubline-load"), args.map(String), { env, stdio: ["ignore", "ignore", "pipe"] });
  const closed = once(generator, "close");
  for await (const line of createInterface(generator.stderr)) {
    if (line === "measuring") await began();
    if (line === "measured") await ended();
  }
  const [code] = await closed;
  const { acknowledge, accepted, faults } = JSON.parse(readFileSync(report, "utf8"));
  assert.equal(code, 0, JSON.stringify(faults));
  assert.ok(accepted > 0.95 * RATE * SECONDS, `${accepted} sends in ${SECONDS} s`);
  return acknowledge.p99;
}

/** The P99 beside a purge, how many messages a second were purged meanwhile, and for which part of the time. */
async function beside() {
  let [at, from, done, rate, part] = [0, 0, null, 0, 0];
  const p99 = await load(
    async () => {
      [at, from] = [Date.now(), await purged()];
      done = purge().then(() => Date.now());
    },
    async () => {
      const now = Date.now();
      const end = await Promise.race([done, now]);
      [rate, part] = [((await purged()) - from) / ((end - at) / 1000), (end - at) / (now - at)];
    },
  );
  await done;
  return { p99, rate, part };
}

try {
  await load();
  const rounds = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    await old(cluster, `round-${round}`, REQUESTS, MESSAGES);
    await cluster.sql("vacuum analyze");
    await cluster.sql("checkpoint");
    let alone = round % 2 ? await load() : null;
    const { p99, rate, part } = await beside();
    alone ??= await load();
    rounds.push({ ratio: p99 / alone, rate });
    const [percent, figures] = [Math.round(part * 100), [alone, p99].map((value) => value.toFixed(2))];
    console.log(`round ${round}: P99 ${figures[0]} ms alone, ${figures[1]} ms beside ${Math.round(rate)} purged messages/s (${percent} % of the time)`);
  }
  const of = (name) => median(rounds.map((round) => round[name]));
  const [ratio, rate] = [of("ratio"), of("rate")];
  console.log(`medians of ${ROUNDS}: ${ratio.toFixed(2)} × the P99 of sends alone, ${Math.round(rate)} messages/s`);
  assert.ok(ratio <= 1.5, "sends must not wait longer than 1.5 times what they wait alone");
  assert.ok(rate >= 50_000, "a purge must delete at least 50,000 messages a second");
} finally {
  await cluster.stop();
}
