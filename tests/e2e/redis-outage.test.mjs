// Must hold: without Redis sends succeed as fast as before, and every message still reaches every node in order.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause, range } from "../system/eventually.mjs";
import { durations, median } from "../system/latency.mjs";
import { Party } from "../system/party.mjs";

const SENDS = 200;

/** What a publish may take, in milliseconds; then it is given up. */
const PUBLISH = 100;

/** Medians on a machine that does other things as well differ by less. */
const AS_FAST = 2;

let cluster;
let here;
let there;

before(async () => {
  cluster = await Cluster.start();
  [here, there] = await Promise.all([cluster.node("here"), cluster.node("there")]);
});
after(() => cluster?.stop());

/** A conversation of three on two nodes: who talks, who listens beside, and who listens on the other node. */
async function scene() {
  const request = await cluster.open(here);
  const customer = await Party.connect(here, request.customer);
  const neighbour = await Party.connect(here, request.center);
  const technician = await Party.connect(there, request.technician);
  const everybody = [customer, neighbour, technician];
  for (const party of everybody) await party.join(request.id, 0);

  /** Sends, and gives how long each send took; everybody has everything within 5 s of the last one. */
  const talk = async (first) => {
    const took = await durations(SENDS, (count) => customer.send(request.id, `text ${first + count}`));
    for (const party of [neighbour, technician]) await party.receives(request.id, first + SENDS - 1, 5_000);
    return took;
  };
  /** Fan-out is quick: not by the sweep's luck, five times in a row. */
  const quick = async () => {
    for (let round = 0; round < 5; round += 1) {
      const { seq } = await customer.send(request.id, "quick?");
      const arrived = () => technician.seqs(request.id).includes(seq);
      try {
        await eventually(arrived, { patience: 300 });
      } catch {
        await eventually(arrived);
        return false;
      }
    }
    return true;
  };
  const isBack = () => eventually(quick, { patience: 45_000, otherwise: () => "fan-out did not come back" });
  const leave = () => Promise.all(everybody.map((party) => party.stop()));
  await talk(1); // Warms everything up.
  return { request, customer, neighbour, technician, talk, isBack, leave };
}

test("Redis stops, and starts again", async () => {
  const { request, customer, neighbour, technician, talk, isBack, leave } = await scene();
  const before = await talk(SENDS + 1);

  await cluster.redis.stop();
  const during = await talk(2 * SENDS + 1);
  assert.ok(
    median(during) < AS_FAST * median(before),
    `a send took ${median(during)} ms without Redis and ${median(before)} ms with it`,
  );
  assert.ok(Math.max(...during) < 1_000, `one send took ${Math.max(...during)} ms`);
  // From the other node too, and over HTTP.
  const reply = await technician.send(request.id, "a reply");
  const posted = await there.as(request.technician).send(request.id, "a posted one");
  assert.equal(posted.status, 201);
  await customer.receives(request.id, 2, 5_000);
  assert.deepEqual(customer.received(request.id), [reply, posted.body]);

  await cluster.redis.start();
  await isBack();
  const history = await here.as(request.customer).history(request.id);
  assert.deepEqual(history.map(({ seq }) => seq), range(1, history.length));
  await neighbour.receives(request.id, history.length);
  assert.deepEqual(neighbour.received(request.id), history);
  // The technician's own reply came as the answer to its invocation.
  await technician.receives(request.id, history.length - 1);
  assert.deepEqual(technician.received(request.id), history.filter(({ id }) => id !== reply.id));
  await leave();
});

test("Redis hangs, and goes on", async () => {
  const { request, neighbour, technician, talk, isBack, leave } = await scene();
  const before = await talk(SENDS + 1);
  cluster.redis.hang();
  try {
    const during = await talk(2 * SENDS + 1);
    assert.ok(
      median(during) < AS_FAST * median(before),
      `a send took ${median(during)} ms with a Redis that hangs and ${median(before)} ms with one that answers`,
    );
    // Longer than before by a publish at most, even if one had been waited for.
    const slowest = Math.max(...before) + PUBLISH;
    assert.ok(Math.max(...during) < slowest, `one send took ${Math.max(...during)} ms, ${Math.max(...before)} ms before`);
  } finally {
    cluster.redis.goOn();
  }
  await isBack();
  const history = await here.as(request.customer).history(request.id);
  assert.deepEqual(history.map(({ seq }) => seq), range(1, history.length));
  for (const party of [neighbour, technician]) {
    await party.receives(request.id, history.length);
    assert.deepEqual(party.received(request.id), history);
  }
  await leave();
});

/** What may stand where a limit is counted: `[name, the command that puts it there]`. */
const RUBBISH = [
  ["words", ["set", "rubbish"]],
  ["nothing", ["set", ""]],
  ["no number", ["set", "nan"]],
  ["minus infinity", ["set", "-inf"]],
  ["a number below 0", ["set", "-5"]],
  ["bytes", ["set", Buffer.from([0, 255, 10, 128])]],
  ["a megabyte", ["set", "x".repeat(1_000_000)]],
  ["a list", ["rpush", "1"]],
  ["a hash", ["hset", "a", "1"]],
  ["a set", ["sadd", "1"]],
];

test("rubbish where limits are counted holds nobody up, and gives way to a count", async () => {
  // So few that some messages are worth telling the other nodes of.
  const counting = await cluster.node("counting", { variables: { user_limits: "messages=120" } });
  const activities = ["messages", "joins", "negotiations", "connections", "reads", "posts"];
  const countAt = (key) => cluster.redis.use((client) => client.get(key)).then(Number, () => NaN);
  for (const [name, [command, ...what]] of RUBBISH) {
    const request = await cluster.open(counting);
    const keyOf = (activity) => `hubline.limit ${activity} user ${request.customerId}`;
    await cluster.redis.use(async (client) => {
      for (const activity of activities) await client[command](keyOf(activity), ...what);
    });
    const customer = await Party.connect(counting, request.customer);
    await customer.join(request.id, 0);
    for (const count of range(1, 20)) await customer.send(request.id, `${name} ${count}`);
    assert.equal((await counting.as(request.customer).send(request.id, name)).status, 201, name);
    assert.equal((await there.as(request.customer).page(request.id)).status, 200, name);
    const isCounted = async () => {
      await pause(250);
      assert.equal((await counting.as(request.customer).send(request.id, "again")).status, 201, name);
      await customer.send(request.id, "again");
      const counts = await Promise.all(["posts", "messages"].map((activity) => countAt(keyOf(activity))));
      // When it is whole again, in microseconds since 1970.
      return counts.every((full) => Math.abs(full / 1_000 - Date.now()) < 180_000);
    };
    const otherwise = () => `${name}: nobody counts where it stood: ${counting.output.slice(-500)}`;
    await eventually(isCounted, { patience: 15_000, otherwise });
    await customer.stop();
  }
  await counting.stop();
});

test("a node starts and works while Redis is away", async () => {
  await cluster.redis.stop();
  const lonely = await cluster.node("lonely");
  const request = await cluster.open(lonely);
  const customer = await Party.connect(lonely, request.customer);
  const technician = await Party.connect(here, request.technician);
  await customer.join(request.id, 0);
  await technician.join(request.id, 0);
  await customer.send(request.id, "hello");
  await technician.receives(request.id, 1, 5_000);
  await technician.send(request.id, "hello yourself");
  await customer.receives(request.id, 1, 5_000);
  await Promise.all([customer, technician].map((party) => party.stop()));
  await cluster.redis.start();
});
