// Must hold: who is there is seen by everybody within ten seconds, whatever is lost on the way: nodes, rings, the database's
// memory of who is where. And no clock of a node has a say in it.
//
// PRESENCE_ROUNDS=20 repeats each so often.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { tool } from "../lab/tools.mjs";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause, range } from "../system/eventually.mjs";
import { PublishSink } from "../system/publish-sink.mjs";
import { Watcher } from "../system/watcher.mjs";

const ROUNDS = Number(process.env.PRESENCE_ROUNDS ?? 1);
const CONVERSATIONS = 20;

/** How soon everybody sees the truth, in milliseconds. */
const SOON = 10_000;

let cluster;
let a;
let b;

before(async () => {
  cluster = await Cluster.start();
  [a, b] = await Promise.all([cluster.node("a"), cluster.node("b")]);
});
after(() => cluster?.stop());

const each = (rooms, act) => Promise.all(rooms.map(act));

/** Conversations in which the customer watches on one node, and the service centre's desk on another. */
function rooms(customerNode, deskNode) {
  return each(range(1, CONVERSATIONS), async () => {
    const request = await cluster.open(a);
    const customer = await Watcher.join(customerNode, request.customer, request);
    const desk = deskNode && (await Watcher.join(deskNode, request.center, request));
    return { request, customer, watchers: desk ? [customer, desk] : [customer], desk };
  });
}

async function technicianComes(room, node) {
  room.technician = await Watcher.join(node, room.request.technician, room.request);
}

/** Everybody in the room sees the technician come or go; answers how long that took them. */
function allSee({ request, watchers }, online) {
  return Promise.all(watchers.map((watcher) => watcher.willSee(request.technicianId, online, SOON)));
}

async function close(all) {
  await each(all, ({ watchers, technician }) => Promise.all([...watchers, technician].map((watcher) => watcher?.stop())));
}

const registrations = async (node) => {
  const count = "select count(*)::int as count from hubline.conversation_node where node = $1";
  return (await cluster.sql(count, [node]))[0].count;
};

test(`a node is killed, and its users are offline on the others, ${ROUNDS} times`, async (context) => {
  const c = await cluster.node("c");
  const all = await rooms(a, b);
  const took = [];
  for (let round = 1; round <= ROUNDS; round += 1) {
    await each(all, (room) => technicianComes(room, c));
    await each(all, (room) => allSee(room, true));
    await c.kill();
    took.push(...(await each(all, (room) => allSee(room, false))).flat());
    if (round < ROUNDS) await c.start();
  }
  context.diagnostic(`gone after ${Math.round(Math.min(...took))} to ${Math.round(Math.max(...took))} ms`);
  assert.ok(all.every(({ customer, request }) => customer.sees(request.serviceCenterId)), "the others are there all the while");
  await close(all);
});

test(`a node's rings are lost, and who comes and goes there is seen, ${ROUNDS} times`, async (context) => {
  const sink = await PublishSink.start(cluster.redis);
  const mute = await cluster.node("mute", { redisUrl: sink.url });
  const all = await rooms(a, b);
  context.after(async () => {
    await close(all);
    await mute.stop();
    sink.stop();
  });
  const comeAndGo = async (some) => {
    await each(some, (room) => technicianComes(room, mute));
    await each(some, (room) => allSee(room, true));
    await each(some, ({ technician }) => technician.stop());
    await each(some, (room) => allSee(room, false));
  };
  // On a busy machine a first ring may be given up because its connection takes too long, and then none is lost on the way.
  const isLost = async () => {
    await comeAndGo(all.slice(0, 1));
    return sink.lost > 0;
  };
  await eventually(isLost, { patience: 60_000, otherwise: () => "no ring gets as far as to be lost" });
  for (let round = 1; round <= ROUNDS; round += 1) await comeAndGo(all);
});

test(`the database crashes and forgets who is where, ${ROUNDS} times`, async () => {
  for (let round = 1; round <= ROUNDS; round += 1) {
    const c = await cluster.node(`c-${round}`);
    const all = await rooms(a, b);
    const [leaving, killed, staying] = [all.slice(0, 5), all.slice(5, 10), all.slice(10)];
    await each([...leaving, ...staying], (room) => technicianComes(room, b));
    await each(killed, (room) => technicianComes(room, c));
    await each(all, (room) => allSee(room, true));
    const heardBefore = staying.map(({ watchers }) => watchers.map(({ heard }) => heard.length));

    await cluster.postgres.stop();
    await Promise.all([c.kill(), ...leaving.map(({ technician }) => technician.stop())]);
    await cluster.postgres.start();
    // Who went meanwhile is gone, by whichever way, and who stayed has not flickered.
    await each([...leaving, ...killed], (room) => allSee(room, false));
    assert.ok(all.every(({ watchers }) => watchers.every(({ isConnected }) => isConnected)), "the sockets live");
    await eventually(async () => (await registrations("b")) === all.length + staying.length, {
      otherwise: () => "the registrations are not as they were",
    });
    assert.deepEqual(staying.map(({ watchers }) => watchers.map(({ heard }) => heard.length)), heardBefore);
    // And what is registered again is true: it goes when they go.
    await each(staying, ({ technician }) => technician.stop());
    await each(staying, (room) => allSee(room, false));
    await close(all);
  }
});

test("the clocks of the nodes are minutes apart", async () => {
  const clock = (offset) => ({
    environment: { LD_PRELOAD: tool("libfaketime.so.1"), FAKETIME: offset, FAKETIME_DONT_FAKE_MONOTONIC: "1" },
  });
  const [slow, fast] = await Promise.all([cluster.node("slow", clock("-7m")), cluster.node("fast", clock("+7m"))]);
  const [onSlow, onFast] = await Promise.all([rooms(slow, a), rooms(fast, a)]);
  for (let round = 1; round <= ROUNDS; round += 1) {
    for (const online of [true, false]) {
      if (online) {
        await each(onSlow, (room) => technicianComes(room, fast));
        await each(onFast, (room) => technicianComes(room, slow));
      } else {
        await each([...onSlow, ...onFast], ({ technician }) => technician.stop());
      }
      await each([...onSlow, ...onFast], (room) => allSee(room, online));
    }
    // Straight back in, and out again, by way of the other clock.
    await each(onSlow, async (room) => {
      await technicianComes(room, fast);
      await room.technician.stop();
      await technicianComes(room, slow);
    });
    await each(onSlow, (room) => allSee(room, true));
    await pause(500);
    assert.ok(onSlow.every(({ request, watchers }) => watchers.every((watcher) => watcher.sees(request.technicianId))));
    await each(onSlow, ({ technician }) => technician.stop());
    await each(onSlow, (room) => allSee(room, false));
  }
  await close([...onSlow, ...onFast]);
});
