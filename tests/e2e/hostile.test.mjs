// Must hold: whatever one user does without measure, or one address with many users, 50 others don't notice: the 99th
// percentile of what they wait for an acknowledgement is within 1.5 times that of the same seconds without. And the node's
// memory stays within what docs/limits.md says of a user.
//
// `HOSTILE=full node --test tests/e2e/hostile.test.mjs` takes each attack alone and longer, once with limits that are met
// within seconds and once with the product's own, and prints what it measured. `HOSTILE=open` does so with that attack alone.
//
// What many users at one address do before they meet a limit of the address is their due, and costs what users cost. So the
// attack by an address is measured from when its limits are met; with the product's own it meets none of them in that time, and
// what it costs is told but no failure. What one user may do is measured from its beginning.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { pause, range } from "../system/eventually.mjs";
import { quantile } from "../system/latency.mjs";
import { Party } from "../system/party.mjs";
import { Program } from "../system/program.mjs";

const { HOSTILE } = process.env;
const FULL = HOSTILE !== undefined;

/**
 * As low as a user of an app could still live with, so that each is met within the first second or so. An address has less,
 * and more connections.
 */
const LOW = {
  user_limits: "messages=600, joins=300, negotiations=100, connections=120, reads=100, posts=100, open=64",
  address_limits: "messages=130, joins=60, negotiations=60, connections=200, reads=40, posts=40, open=128",
};

/** With which limits all of it is done. */
const PASSES = FULL ? { low: LOW, "the product's": {} } : { low: LOW };

/**
 * What is done, how often a second, and on how many connections; which limits it meets; how many connections it holds at most,
 * from which follows its share of a node's memory. What says nothing else is done by one user, from everywhere.
 */
const ATTACKS = {
  messages: { rate: 1500, connections: 32, holds: 32 },
  joins: { rate: 400, connections: 16, holds: 16 },
  negotiations: { rate: 150, holds: 0 },
  connections: { rate: 150, holds: 64 },
  reads: { rate: 150, holds: 0 },
  posts: { rate: 150, holds: 0 },
  open: { rate: 300, connections: 96, holds: 64, meets: ["open connections"] },
  address: {
    kind: "everything",
    guests: 32,
    rate: 720,
    connections: 72,
    holds: 168,
    settles: true,
    meets: ["messages", "joins", "negotiations", "connections", "reads", "posts", "open connections"],
  },
};

/** How much a second all others say together, and for how long at a time. */
const RATE = 100;
const SECONDS = FULL ? 5 : 1.5;
const ROUNDS = FULL ? 4 : 3;

/**
 * What is allowed besides, in milliseconds: as much as a busy machine adds to anything. The short form has so few messages that
 * five of them are its percentile: it finds what is grossly wrong, and the long one measures.
 */
const NOISE = FULL ? 3 : 6;

/** What one user takes of a node at most, in MiB, with as many connections as a user has. */
const OF_A_USER = Number(
  /one user takes at most (\d+) MiB of a node/.exec(readFileSync(new URL("../../docs/limits.md", import.meta.url), "utf8"))[1],
);
const CONNECTIONS_OF_A_USER = 64;

/** What is allowed besides, in MiB: what functions and the allocator keep for the next who call, whoever did. */
const ALLOWANCE = 32;

/** Which attacks are made together: as many as one machine can make beside the node. */
const TOGETHER = FULL
  ? Object.keys(ATTACKS).filter((name) => [name, "full"].includes(HOSTILE)).map((name) => [name])
  : [["messages", "joins", "negotiations"], ["connections", "reads", "posts"], ["open"], ["address"]];

let addresses = 0;

/** An address that nobody has had. */
function newAddress() {
  addresses += 1;
  return `203.0.${Math.floor(addresses / 250)}.${(addresses % 250) + 1}`;
}

for (const [pass, limits] of Object.entries(PASSES)) {
  describe(`with ${pass} limits`, () => {
    let cluster;
    let node;
    let people;
    const rows = [];

    before(async () => {
      cluster = await Cluster.start({ variables: { trusted_proxies: "127.0.0.0/8", ...limits } });
      node = await cluster.node();
      people = await Promise.all(range(1, 25).map(async () => {
        const request = await cluster.open(node);
        const parties = await Promise.all([request.customer, request.technician].map((token) => {
          return Party.connect(node, token, { headers: { "x-forwarded-for": newAddress() } });
        }));
        await Promise.all(parties.map((party) => party.join(request.id, 0)));
        return parties.map((party) => ({ party, id: request.id }));
      }));
      people = people.flat();
      await talk(2);
    });
    after(async () => {
      if (FULL) console.table(rows);
      await cluster?.stop();
    });

    /** All of them talk for some seconds, in turn, each message when it is due: how long each waited for its answer. */
    async function talk(seconds) {
      const began = performance.now();
      const took = [];
      const sends = [];
      for (let number = 0; number < seconds * RATE; number += 1) {
        const due = began + (number * 1000) / RATE;
        while (performance.now() < due) await pause(Math.max(0, due - performance.now()));
        const { party, id } = people[number % people.length];
        sends.push(party.send(id, `message ${number}`).then(() => took.push(performance.now() - due)));
      }
      await Promise.all(sends);
      return took;
    }

    /** Those who attack have conversations of their own, which are there before anything is measured. */
    async function newGuests(name) {
      const requests = await Promise.all(range(1, ATTACKS[name].guests ?? 1).map(() => cluster.open(node)));
      return requests.map(({ id, customer: token }) => ({ id, token }));
    }

    /** Begins an attack, and gives what ends it and tells what was refused. */
    async function attack(name, guests) {
      const { kind = name, rate, connections = 0, settles = false } = ATTACKS[name];
      const addresses = range(1, guests.length > 1 ? 1 : 100).map(newAddress);
      const setup = { origin: node.origin, guests, addresses, rate, connections };
      // What it costs to attack is the attacker's own affair, who has another machine in life.
      const script = new URL("../system/attacker.mjs", import.meta.url).pathname;
      const program = new Program("nice", ["-n", "19", process.execPath, script, kind, JSON.stringify(setup)]);
      const signs = settles && limits === LOW ? limitsOf(name).map((limit) => `met ${limit}`) : ["attacking"];
      await program.ready(() => signs.every((sign) => program.output.includes(sign)));
      return async () => {
        await program.stop();
        return JSON.parse(/^refused (.*)$/m.exec(program.output)?.[1] ?? "{}");
      };
    }

    /** The two percentiles of rounds with and without these attacks, which take turns, and what each was refused. */
    async function compare(names) {
      const [without, beside] = [[], []];
      const refused = Object.fromEntries(names.map((name) => [name, {}]));
      for (const _ of range(1, ROUNDS)) {
        const guests = await Promise.all(names.map(newGuests));
        without.push(...(await talk(SECONDS)));
        const ends = await Promise.all(names.map((name, index) => attack(name, guests[index])));
        beside.push(...(await talk(SECONDS)));
        const all = await Promise.all(ends.map((end) => end()));
        all.forEach((counts, index) => {
          for (const [limit, count] of Object.entries(counts)) {
            const sums = refused[names[index]];
            sums[limit] = (sums[limit] ?? 0) + count;
          }
        });
        await pause(100);
      }
      return { without: quantile(without, 0.99), beside: quantile(beside, 0.99), refused };
    }

    const isFine = ({ without, beside }) => beside <= 1.5 * without + NOISE;

    function memory() {
      return Number(/^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${node.pid}/status`, "utf8"))[1]) / 1024;
    }

    /** How much the node has grown while something was done, at its largest, in MiB. */
    async function growth(work) {
      const began = memory();
      let most = began;
      const timer = setInterval(() => (most = Math.max(most, memory())), 50);
      try {
        return [await work(), most - began];
      } finally {
        clearInterval(timer);
      }
    }

    for (const names of TOGETHER) {
      const title = names.join(", ");
      test(`with ${pass} limits nobody notices who does without measure: ${title}`, { timeout: 600_000 }, async () => {
        const turns = [];
        const [row, grown] = await growth(async () => {
          // A machine that others use too is never the same for two seconds: what holds, holds in one of three.
          do {
            turns.push(await compare(names));
          } while (turns.length < 3 && !isFine(turns.at(-1)));
          return turns.at(-1);
        });
        const holds = names.reduce((sum, name) => sum + ATTACKS[name].holds, 0);
        const bound = (OF_A_USER * holds) / CONNECTIONS_OF_A_USER + ALLOWANCE;
        const { without, beside, refused } = row;
        const cut = await node.metric("hubline_relay_slow_readers_total");
        const figures = Object.entries({ without, beside, grown, bound, cut }).map(([name, value]) => [name, value.toFixed(1)]);
        rows.push({ attack: title, ...Object.fromEntries(figures), refused: JSON.stringify(refused) });
        const isDue = limits !== LOW && names.some((name) => ATTACKS[name].settles);
        assert.ok(isDue || isFine(row), JSON.stringify({ ...row, turns }));
        assert.ok(grown < bound, `the node has grown by ${grown} MiB, and may by ${bound}`);
        if (names.includes("open")) assert.ok(cut > 0, "connections that read nothing are kept for ever");
        // With the product's own limits most of this is what an address with a whole company behind it may do.
        if (limits === LOW) assertMet(names, refused);
      });
    }
  });
}

/** The limits that an attack meets, in the words of their refusals. */
function limitsOf(name) {
  const { guests = 1, meets = [name] } = ATTACKS[name];
  return meets.map((what) => `${what} ${guests > 1 ? "from one address" : "of one user"}`);
}

/** Each attack has met its own limits, and an address no limit of a user. */
function assertMet(names, refused) {
  for (const name of names) {
    const told = `${name}: ${JSON.stringify(refused[name])}`;
    for (const limit of limitsOf(name)) assert.ok(refused[name][limit] > 0, told);
    if (ATTACKS[name].guests > 1) assert.ok(!told.includes("of one user"), told);
  }
}
