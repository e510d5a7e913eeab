// Must hold: a client comes back for ever, after delays that grow to a bound and are spread over all below it.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { Backoff, ChatClient } from "../../components/web/assets/chat-client.js";
import { range } from "../system/eventually.mjs";

/** The longest delay, in milliseconds. */
const LONGEST = 10_000;

/** What the unluckiest gets: the bound. */
const unlucky = () => new Backoff(() => 1);

test("the bound doubles from half a second to ten seconds, and stays there", () => {
  const bounds = range(0, 7).map((attempt) => unlucky().delay(attempt));
  assert.deepEqual(bounds, [500, 1_000, 2_000, 4_000, 8_000, LONGEST, LONGEST, LONGEST]);
});

test("a delay lies anywhere below its bound", () => {
  for (const [share, delay] of [[0, 0], [0.25, 1_000], [0.5, 2_000], [0.999_9, 4_000]]) {
    assert.equal(new Backoff(() => share).delay(3), delay);
  }
  // By its own dice: of 2,000 delays each quarter of the range gets about 500, give or take seven deviations.
  const delays = range(1, 2_000).map(() => new Backoff().delay(4));
  const quarters = [0, 0, 0, 0];
  for (const delay of delays) quarters[Math.min(3, Math.floor(delay / 2_000))] += 1;
  assert.ok(delays.every((delay) => delay >= 0 && delay <= 8_000));
  assert.ok(quarters.every((count) => Math.abs(count - 500) < 140), `${quarters}`);
});

/** The library, as far as a client uses it, with a server that is there or not. */
class Library {
  isThere = false;
  starts = 0;

  HubConnectionBuilder = ((library) => class {
    withUrl = () => this;
    configureLogging = () => this;
    withAutomaticReconnect = (policy) => ((library.policy = policy), this);
    build = () => library;
  })(this);
  LogLevel = { None: 6 };

  on() {}
  onreconnecting() {}
  onreconnected() {}
  onclose(closed) {
    this.close = closed;
  }

  async start() {
    this.starts += 1;
    if (!this.isThere) throw new Error("nobody is there");
  }

  async stop() {}

  async invoke() {
    return { epoch: "e", status: "open", parties: [] };
  }
}

test("a first start that fails, and a close for good, are tried again for a day and longer", async () => {
  mock.timers.enable({ apis: ["setTimeout"] });
  const library = new Library();
  const client = new ChatClient({
    signalR: library,
    hubUrl: "http://127.0.0.1:1/hubs/chat",
    serviceRequestId: "sr",
    userId: "carla",
    accessToken: () => "token",
    backoff: unlucky(),
  });
  /** Lets so many of the longest delays pass; what a timer wakes runs before the next begins. */
  const pass = async (delays) => {
    for (let count = 0; count < delays; count += 1) {
      mock.timers.tick(LONGEST);
      await new Promise((resolve) => setImmediate(resolve));
    }
  };
  const DAY = (24 * 3600 * 1000) / LONGEST;
  try {
    for (const previousRetryCount of [0, 4, 1_000, 1e9, Number.MAX_SAFE_INTEGER]) {
      const retry = { previousRetryCount, elapsedMilliseconds: previousRetryCount * LONGEST, retryReason: new Error() };
      const delay = library.policy.nextRetryDelayInMilliseconds(retry);
      assert.equal(delay, Math.min(LONGEST, 500 * 2 ** Math.min(previousRetryCount, 10)));
    }
    client.start();
    await pass(DAY);
    assert.ok(library.starts >= DAY, `${library.starts} starts`);
    assert.deepEqual([client.connection, client.problem], ["offline", "nobody is there"]);
    library.isThere = true;
    await pass(1);
    assert.equal(client.connection, "online");

    const before = library.starts;
    library.isThere = false;
    library.close(new Error("closed by the server"));
    await pass(DAY);
    assert.ok(library.starts - before >= DAY - 1, `${library.starts - before} more starts`);
    library.isThere = true;
    await pass(1);
    assert.equal(client.connection, "online");
    assert.equal(client.problem, null);
  } finally {
    await client.stop();
    mock.timers.reset();
  }
});
