// Must hold: limits belong to a user, wherever they come from; whoever meets one is told when to come again, and nobody else
// notices.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause, range } from "../system/eventually.mjs";
import { hubCode, Party, refusalOf } from "../system/party.mjs";
import { connectionStatus, RawHub, SEPARATOR } from "../system/raw-hub.mjs";

/** Small enough to be met at once; each grows again within seconds. */
const USER_LIMITS = "messages=60, joins=20, negotiations=30, connections=20, reads=30, posts=30, open=4";

let cluster;
let a;
let b;

before(async () => {
  cluster = await Cluster.start({ variables: { user_limits: USER_LIMITS } });
  [a, b] = await Promise.all([cluster.node("a"), cluster.node("b")]);
});
after(() => cluster?.stop());

/** The seconds that a refusal says to wait. */
const seconds = (text) => Number(/try again in (\d+) s$/.exec(text)?.[1]);

/** Does something until it is refused with 429: how often it went well, and the refusal. */
async function exhaust(work, most) {
  for (let count = 0; count <= most; count += 1) {
    const answer = await work();
    if (answer.status === 429) return { count, answer };
    assert.ok(answer.status < 300, `${answer.status}: ${JSON.stringify(answer.body)}`);
  }
  throw new Error(`not refused after ${most}`);
}

function assertLimited({ status, headers, body, type }) {
  assert.deepEqual([status, body.code, type.split(";")[0]], [429, "rate_limited", "application/problem+json"]);
  const wait = Number(headers.get("retry-after"));
  assert.ok(Number.isInteger(wait) && wait >= 1 && wait <= 60, `retry-after ${wait}`);
  assert.equal(seconds(body.detail), wait);
  return wait;
}

test("posts and reads over HTTP are counted by user, on all nodes together", async () => {
  const request = await cluster.open(a);
  const [customer, technician] = [a.as(request.customer), a.as(request.technician)];
  // A bucket grows while it is emptied, so a few more go through than it holds.
  const posts = await exhaust(() => customer.send(request.id, "again"), 60);
  assert.ok(posts.count >= 30, `${posts.count}`);
  const wait = assertLimited(posts.answer);
  const reads = await exhaust(() => customer.page(request.id), 60);
  assert.ok(reads.count >= 30, `${reads.count}`);
  assertLimited(reads.answer);
  assert.equal((await technician.send(request.id, "hello")).status, 201, "another user");
  assert.equal((await technician.page(request.id)).status, 200);
  // The other node has heard of it: it counts what is left, and not all of it again.
  const elsewhere = await exhaust(() => b.as(request.customer).send(request.id, "there"), 60);
  assert.ok(elsewhere.count <= 10, `${elsewhere.count} more on the other node`);
  await pause(wait * 1000);
  await eventually(async () => (await customer.send(request.id, "later")).status === 201);
});

test("a post that was refused is not stored, and its repeat is", async () => {
  const request = await cluster.open(a);
  const api = a.as(request.customer);
  const { answer, count } = await exhaust(() => api.send(request.id, "full"), 60);
  const id = crypto.randomUUID();
  const refused = await api.send(request.id, "refused", id);
  assert.equal(refused.status, 429);
  await pause(Number(answer.headers.get("retry-after")) * 1000);
  const repeated = await eventually(async () => {
    const again = await api.send(request.id, "refused", id);
    return again.status === 429 ? null : again;
  });
  assert.deepEqual([repeated.status, repeated.body.seq], [201, count + 1]);
});

test("messages and joins over the hub are counted by user, over all connections, which live", async () => {
  const request = await cluster.open(a);
  const devices = await Promise.all(range(1, 3).map(() => Party.connect(a, request.customer)));
  const technician = await Party.connect(a, request.technician);
  await Promise.all([...devices, technician].map((party) => party.join(request.id, 0)));
  const sends = range(0, 119).map((number) => devices[number % 3].send(request.id, `${number}`).catch((error) => error));
  const outcomes = await Promise.all(sends);
  const refused = outcomes.filter((outcome) => outcome instanceof Error);
  assert.ok(refused.length >= 40 && refused.length <= 60, `${refused.length} refused`);
  for (const error of refused) {
    assert.equal(hubCode(error), "rate_limited");
    assert.ok(seconds(error.message) >= 1, error.message);
  }
  assert.equal((await technician.send(request.id, "another user")).seq, 121 - refused.length);
  const joins = await Promise.all(range(1, 40).map(() => refusalOf(devices[0].join(request.id, 0))));
  assert.ok(joins.filter((code) => code === "rate_limited").length >= 20, joins.join());
  for (const device of devices) assert.equal(device.connection.state, "Connected");
  await eventually(() => devices[0].send(request.id, "later").then(() => true, () => pause(200)));
  await Promise.all([...devices, technician].map((party) => party.stop()));
});

test("what is refused on one node is counted on the other", async () => {
  const request = await cluster.open(a);
  const here = await Party.connect(a, request.customer);
  const there = await Party.connect(b, request.customer);
  await Promise.all(range(1, 80).map((number) => refusalOf(here.send(request.id, `${number}`))));
  // Within a second or two the other node knows: a message there brings what is left, and no new minute.
  await eventually(async () => (await refusalOf(there.send(request.id, "there"))) === "rate_limited", { patience: 5_000 });
  const later = await Promise.all(range(1, 20).map((number) => refusalOf(there.send(request.id, `${number}`))));
  assert.ok(later.filter((code) => code === "rate_limited").length >= 15, later.join());
  await Promise.all([here, there].map((party) => party.stop()));
});

test("negotiations, connections and places are counted by user", async () => {
  const request = await cluster.open(a);
  const negotiate = (token) => a.as(token).call("POST", "/hubs/chat/negotiate?negotiateVersion=1", { body: "" });
  const { count, answer } = await exhaust(() => negotiate(request.customer), 60);
  assert.ok(count >= 30, `${count}`);
  assertLimited(answer);
  assert.equal((await negotiate(request.technician)).status, 200, "another user");

  const open = await Promise.all(range(1, 4).map(() => RawHub.shake(a, request.technician)));
  assert.equal(await connectionStatus(a, request.technician), 429, "no place is left");
  assert.equal(await connectionStatus(a, request.center), "connected", "for others there is");
  open[0].end();
  await eventually(async () => (await connectionStatus(a, request.technician)) === "connected");
  for (const hub of open) hub.end();

  const statuses = [];
  for (const _ of range(1, 40)) statuses.push(await connectionStatus(b, request.customer));
  assert.ok(statuses.filter((status) => status === 429).length >= 10, statuses.join());
});

test("while Redis is away each node counts alone", async () => {
  const request = await cluster.open(a);
  await cluster.redis.stop();
  try {
    const { count } = await exhaust(() => a.as(request.customer).send(request.id, "alone"), 120);
    assert.ok(count >= 30, `${count}`);
    const party = await Party.connect(b, request.technician);
    const codes = await Promise.all(range(1, 100).map((number) => refusalOf(party.send(request.id, `${number}`))));
    const refused = codes.filter((code) => code === "rate_limited").length;
    assert.ok(refused >= 30 && refused <= 40, `${refused} refused`);
    await party.stop();
  } finally {
    await cluster.redis.start();
  }
});

test("a sender's order holds when the limit falls in the middle of what is under way", async () => {
  const request = await cluster.open(a);
  const hub = await RawHub.shake(a, request.center);
  const invocation = (number) => {
    const message = { clientMessageId: `00000000-0000-4000-8000-${String(number).padStart(12, "0")}`, body: `${number}` };
    return JSON.stringify({ type: 1, invocationId: `${number}`, target: "SendMessage", arguments: [request.id, message] }) + SEPARATOR;
  };
  // Everything at once, and whatever is refused again at once and from behind, until all of it is stored.
  let waiting = range(1, 75);
  await eventually(async () => {
    hub.say(waiting.map(invocation).join(""));
    const refused = [];
    for (const _ of waiting) {
      const { invocationId, error } = JSON.parse(await hub.next());
      if (error) refused.push(Number(invocationId));
    }
    waiting = refused.toReversed();
    if (waiting.length > 0) await pause(100);
    return waiting.length === 0;
  }, { patience: 60_000 });
  hub.end();
  await pause(1000);
  const history = await b.as(request.platform).history(request.id);
  assert.deepEqual(history.map(({ body }) => Number(body)), range(1, 75));
});

/** What one address may do in these tests, and what a proxy says of who is there. */
const BEHIND = {
  trusted_proxies: "127.0.0.0/8",
  user_limits: "",
  address_limits: "messages=24, joins=24, negotiations=24, connections=24, reads=24, posts=24, open=64",
};
const from = (address) => ({ "x-forwarded-for": address });

/** People who are connected from one address, each of whom does a part of something. */
class Household {
  static async gather(node, requests, address) {
    const members = await Promise.all(requests.map(async (request) => {
      return { request, party: await Party.connect(node, request.customer, { headers: from(address) }) };
    }));
    return new Household(members);
  }

  #turn = 0;

  constructor(members) {
    this.members = members;
  }

  /** One of them after the other does it until one is refused: how often it went well, and the refusal's text. */
  async exhaust(work, most = 60) {
    for (let count = 0; count <= most; count += 1) {
      const { request, party } = this.members[(this.#turn += 1) % this.members.length];
      try {
        await work(party, request);
      } catch (error) {
        assert.equal(hubCode(error), "rate_limited");
        return { count, text: error.message };
      }
    }
    throw new Error(`not refused after ${most}`);
  }

  stop() {
    return Promise.all(this.members.map(({ party }) => party.stop()));
  }
}

const OVER_THE_HUB = {
  messages: (party, request) => party.send(request.id, "hello"),
  joins: (party, request) => party.join(request.id, 0),
};

test("messages and joins over the hub are counted by address too, whoever's connections they come over", async () => {
  const node = await cluster.node("household", { variables: BEHIND });
  try {
    const requests = await Promise.all(range(1, 6).map(() => cluster.open(node)));
    const home = await Household.gather(node, requests, "203.0.113.20");
    const away = await Household.gather(node, requests.slice(0, 1), "203.0.113.21");
    const taken = {};
    for (const [what, work] of Object.entries(OVER_THE_HUB)) {
      const { count, text } = await home.exhaust(work);
      taken[what] = count;
      // A bucket grows while it is emptied.
      assert.ok(count >= 24 && count <= 40, `${count} ${what}`);
      assert.match(text, new RegExp(`more than 24 ${what} a minute from one address; try again in [1-3] s$`));
      for (const { party, request } of away.members) await work(party, request);
    }
    // A user who is elsewhere as well is refused only at home, and nobody's connection has ended.
    for (const { party } of home.members) assert.equal(party.connection.state, "Connected");
    const [{ party, request }] = home.members;
    await eventually(() => party.send(request.id, "later").then(() => true, () => pause(200)));
    // What was refused was not stored, and nothing else is missing.
    const stored = await Promise.all(requests.map(({ id, platform }) => node.as(platform).history(id)));
    assert.equal(stored.flat().length, taken.messages + away.members.length + 1);
    await Promise.all([home.stop(), away.stop()]);
  } finally {
    await node.stop();
  }
});

test("connections are counted by address, a network of one customer being one, and so are they who have no token", async () => {
  const node = await cluster.node("both", { variables: { ...BEHIND, address_limits: "connections=10" } });
  try {
    const requests = await Promise.all(range(1, 5).map(() => cluster.open(node)));
    const visit = (address) => (number) => {
      return connectionStatus(node, requests[number % requests.length].customer, { headers: from(address(number)) });
    };
    const statuses = (address) => Promise.all(range(1, 30).map(visit(address)));
    const elsewhere = [(number) => `203.0.113.${number + 100}`, (number) => `2001:db8:8:${number.toString(16)}::1`];
    for (const address of [() => "203.0.113.30", (number) => `2001:db8:7:7:${number.toString(16)}::1`]) {
      const outcomes = await statuses(address);
      const refused = outcomes.filter((status) => status === 429).length;
      assert.ok(refused >= 15 && refused <= 20, outcomes.join());
    }
    for (const address of elsewhere) {
      const outcomes = await statuses(address);
      assert.ok(outcomes.every((status) => status === "connected"), outcomes.join());
    }
    const stranger = { headers: from("203.0.113.31") };
    const strangers = await Promise.all(range(1, 30).map(() => connectionStatus(node, "nobody", stranger)));
    const count = (status) => strangers.filter((one) => one === status).length;
    assert.ok(count(429) >= 15 && count(401) >= 10, strangers.join());
  } finally {
    await node.stop();
  }
});

test("what an address takes on one node the other hears of, whatever it is", async () => {
  const [left, right] = await Promise.all(["left", "right"].map((name) => cluster.node(name, { variables: BEHIND })));
  try {
    const requests = await Promise.all(range(1, 4).map(() => cluster.open(left)));
    const home = "203.0.113.40";
    const there = await Household.gather(left, requests, home);
    const here = await Household.gather(right, requests, home);
    const http = (node, method, path, body) => (number) => {
      const request = requests[number % requests.length];
      const more = { headers: from(home), ...(body && { body: body() }) };
      return node.as(request.customer).call(method, path(request), more).then(({ status }) => status === 429);
    };
    const hub = (household, what) => async (number) => {
      const { party, request } = household.members[number % household.members.length];
      return (await refusalOf(OVER_THE_HUB[what](party, request))) === "rate_limited";
    };
    const way = (node) => async (number) => {
      const { customer } = requests[number % requests.length];
      return (await connectionStatus(node, customer, { headers: from(home) })) === 429;
    };
    const messages = ({ id }) => `/v1/service-requests/${id}/messages`;
    const message = () => ({ clientMessageId: crypto.randomUUID(), body: "hello" });
    const kinds = {
      messages: [hub(there, "messages"), hub(here, "messages")],
      joins: [hub(there, "joins"), hub(here, "joins")],
      connections: [way(left), way(right)],
      negotiations: [left, right].map((node) => http(node, "POST", () => "/hubs/chat/negotiate", () => "")),
      reads: [left, right].map((node) => http(node, "GET", messages)),
      posts: [left, right].map((node) => http(node, "POST", messages, message)),
    };
    for (const [kind, [one, other]] of Object.entries(kinds)) {
      const over = (await Promise.all(range(1, 48).map(one))).filter(Boolean).length;
      assert.ok(over >= 15, `${over} ${kind} refused on one node`);
      // A few go through on the other before it has heard, and what has grown again since.
      let taken = 0;
      await eventually(async () => {
        if (await other(taken)) return true;
        taken += 1;
        return pause(200);
      }, { patience: 20_000, otherwise: () => `${taken} ${kind} were taken on the other node` });
      assert.ok(taken <= 12, `${taken} ${kind} on the other node`);
      // Then it counts what is left, and no minute of its own.
      const refused = (await Promise.all(range(1, 16).map(other))).filter(Boolean).length;
      assert.ok(refused >= 12, `${refused} of 16 ${kind} refused on the other node`);
    }
    await Promise.all([there.stop(), here.stop()]);
  } finally {
    await Promise.all([left, right].map((node) => node.stop()));
  }
});

test("addresses are counted as the proxy in front tells them, and those of proxies are not", async () => {
  const variables = { ...BEHIND, address_limits: "negotiations=10, connections=20, open=2, reads=10, posts=10" };
  const node = await cluster.node("behind", { variables });
  try {
    const people = await Promise.all(range(1, 6).map(() => cluster.open(node)));
    const calls = {
      negotiations: (request, headers) => node.as(request.customer).call("POST", "/hubs/chat/negotiate", { body: "", headers }),
      posts: (request, headers) => node.as(request.customer).call("POST", `/v1/service-requests/${request.id}/messages`, {
        body: { clientMessageId: crypto.randomUUID(), body: "hello" },
        headers,
      }),
      reads: (request, headers) => node.as(request.customer).call("GET", `/v1/service-requests/${request.id}/messages`, { headers }),
    };
    for (const [what, call] of Object.entries(calls)) {
      let turn = 0;
      const { count, answer } = await exhaust(() => call(people[(turn += 1) % people.length], from("203.0.113.7")), 40);
      assert.ok(count >= 10, `${count} ${what}`);
      assertLimited(answer);
      assert.ok((await call(people[0], from("203.0.113.8"))).status < 300, `${what} from another address`);
    }
    const open = await Promise.all(people.slice(0, 2).map((request) => RawHub.shake(node, request.customer, from("198.51.100.1"))));
    assert.equal(await connectionStatus(node, people[2].customer, { headers: from("198.51.100.1") }), 429);
    assert.equal(await connectionStatus(node, people[2].customer, { headers: from("198.51.100.2") }), "connected");
    for (const hub of open) hub.end();
    // Whoever has no token at all is counted too, before anybody looks.
    const strangers = await Promise.all(range(1, 30).map(() =>
      node.as("nobody").call("POST", "/hubs/chat/negotiate", { body: "", headers: from("203.0.113.9") })));
    assert.ok(strangers.filter(({ status }) => status === 429).length >= 15);
  } finally {
    await node.stop();
  }
  // By default what comes from the proxy's own address has no limit, and users have theirs.
  const statuses = await Promise.all(range(1, 60).map((number) => a.as("nobody").call("POST", "/hubs/chat/negotiate", { body: "" })));
  assert.ok(statuses.every(({ status }) => status === 401));
});

test("a limit that is none stops the start", async () => {
  for (const variables of [{ user_limits: "messages=0" }, { user_limits: "typing=3" }, { address_limits: "open=many" }]) {
    await assert.rejects(cluster.node("refused", { variables }), /is no limit/, JSON.stringify(variables));
  }
});
