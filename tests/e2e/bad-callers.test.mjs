// Must hold: whatever is said of who asks, by tokens, browsers and proxies, the documented error goes out, nothing is stored, and
// nothing breaks.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { Party } from "../system/party.mjs";
import { connectionStatus } from "../system/raw-hub.mjs";
import { claims } from "../system/tokens.mjs";
import { unharmed } from "../system/unharmed.mjs";

let cluster;
let node;
/** A node that believes what is said of clients on this machine. */
let behind;
let request;
/** Asserts that nothing has changed, and that the node lives. */
let assertUnharmed;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
  behind = await cluster.node("behind", { variables: { trusted_proxies: "127.0.0.0/8" } });
  request = await cluster.open(node);
  await node.as(request.customer).send(request.id, "the only one");
  assertUnharmed = await unharmed(cluster, node);
});
after(() => cluster?.stop());

const text = (body) => ({ clientMessageId: crypto.randomUUID(), body });
const MESSAGES = () => `/v1/service-requests/${request.id}/messages`;

test("over HTTP: the internal readiness opens to nobody outside, and to no other key", async () => {
  const withKey = (key) => ({ headers: { "x-hubline-key": key } });
  const outside = await node.as(undefined).call("GET", "/internal/ready", withKey(cluster.relayKey));
  assert.deepEqual([outside.status, outside.body.code], [404, "not_found"], "not even with the key");
  const { functions } = await cluster.apart({ node: "apart" });
  const ready = (options, method = "GET") => functions.as(undefined).call(method, "/internal/ready", options);
  const own = cluster.relayKey;
  const keys = ["", "a guess", own.slice(1), `${own}x`, `${own},`, "x".repeat(5_000), "\u00ff"];
  for (const options of [{}, ...keys.map(withKey)]) {
    const { status, body, type } = await ready(options);
    assert.deepEqual([status, body.code, type], [401, "unauthenticated", "application/problem+json"], JSON.stringify(options));
  }
  const bearer = await functions.as(request.platform).call("GET", "/internal/ready");
  assert.deepEqual([bearer.status, bearer.body.code], [401, "unauthenticated"], "a user's token is no key");
  assert.ok((await ready(withKey(cluster.relayKey))).status < 300);
  await assertUnharmed();
});

/** What somebody in front may say of a client, and should not. */
const SAID_OF_CLIENTS = {
  "forwarded": [
    "", ",", ";,;,=", '"', "for", "for=", 'for="', 'for="[::1', 'for="[::1]:x"', "for=_", "for=unknown", "for=999.1.1.1",
    "for=1.2.3.4;for=5.6.7.8", "host=", 'host="\\', "host=a b", "host=evil.example/..",
    'host="x@evil.example"', "host=@", "proto=javascript", "for=127.0.0.1,".repeat(500), "x".repeat(8_000), "for=\u00e9",
    "FOR = 1.2.3.4",
  ],
  "x-forwarded-for": [
    "", ",", ",,,,", "unknown", "1.2.3", "1.2.3.4.5", "[::1", "::1]", "1.2.3.4:99999", "127.0.0.1,".repeat(500), "\u00e9",
    "x".repeat(8_000),
  ],
  "x-forwarded-host": [
    "", ",", " ", "a b", "@", "a:b:c", "[::1", "evil.example/..", "x@evil.example", "evil.example?", "evil.example#",
    "evil.\texample", "%65vil.example", "http://evil.example", "%00", "\u00e9", "x".repeat(8_000),
  ],
  "x-forwarded-port": ["", ",", "-1", "0", "65536", "http", "1.5", "\u00e9", "9".repeat(5_000)],
  "x-forwarded-proto": ["", ",", "javascript", "https,http", "://", "HTTP/1.1", "\u00e9", "x".repeat(8_000)],
};

for (const [header, values] of Object.entries(SAID_OF_CLIENTS)) {
  test(`as a proxy's word: odd values of ${header}`, async () => {
    for (const value of values) {
      const headers = { [header]: value };
      const title = `${header}: ${value.slice(0, 40)}`;
      const api = behind.as(request.customer);
      assert.equal((await api.call("GET", MESSAGES(), { headers })).status, 200, title);
      assert.equal((await api.call("POST", "/hubs/chat/negotiate?negotiateVersion=1", { headers })).status, 200, title);
      const refused = await api.call("POST", MESSAGES(), { headers, body: text("") });
      assert.deepEqual([refused.status, refused.body.code], [422, "invalid"], title);
      assert.equal(await connectionStatus(behind, request.customer, { headers }), "connected", title);
      assert.equal(await connectionStatus(behind, request.customer, { headers, origin: "https://evil.example" }), 403, title);
    }
    await assertUnharmed();
  });
}

/** What no browser says of the page that asks. */
const ORIGINS = [
  "", " ", "null", "undefined", "http://", "://", "//", "http:", "https://a b", "https://[::1", "https://x:99999",
  "javascript:alert(1)", "data:text/html,x", "https://evil.example/path", "https://user:password@evil.example",
  "https://evil.example, https://other.example", "*", "https://*", "\u00e9", "https://\u00e9.example", "x".repeat(8_000),
  `https://${"x".repeat(8_000)}`, "'; drop table hubline.message; --",
];

test("as an origin: no odd one opens the hub, or is granted an answer to read", async () => {
  for (const origin of ORIGINS) {
    const headers = { origin };
    const title = `origin: ${origin.slice(0, 40)}`;
    assert.equal(await connectionStatus(node, request.customer, { headers }), 403, title);
    const asks = { ...headers, "access-control-request-method": "POST", "access-control-request-headers": "authorization" };
    for (const path of [MESSAGES(), "/hubs/chat/negotiate?negotiateVersion=1"]) {
      const preflight = await node.as(undefined).call("OPTIONS", path, { headers: asks });
      assert.deepEqual([preflight.status, preflight.headers.get("access-control-allow-origin")], [204, null], title);
    }
    const read = await node.as(request.customer).call("GET", MESSAGES(), { headers });
    assert.deepEqual([read.status, read.headers.get("access-control-allow-origin")], [200, null], title);
    const negotiated = await node.as(request.customer).call("POST", "/hubs/chat/negotiate?negotiateVersion=1", { headers });
    assert.deepEqual([negotiated.status, negotiated.headers.get("access-control-allow-origin")], [200, null], title);
  }
  await assertUnharmed();
});

const customers = () => claims({ sub: request.customerId, role: "customer" });

/** Claims as no issuer should make them, of the request's customer otherwise: `[name, what is claimed, what comes of it]`. */
const BAD = [401, "unauthenticated"];
const NOBODY = [404, "not_found"];
const CLAIMS = [
  ["no user", { sub: null }, BAD],
  ["a number as user", { sub: 7 }, BAD],
  ["true as user", { sub: true }, BAD],
  ["a list as user", { sub: ["customer"] }, BAD],
  ["an object as user", { sub: { id: "customer" } }, BAD],
  ["an empty user", { sub: "" }, BAD],
  ["a user with a NUL", { sub: "a\0b" }, BAD],
  ["a user with a line end", { sub: "a\nb" }, BAD],
  ["half a character as user", { sub: "\ud800" }, BAD],
  ["a user of 129 characters", { sub: "x".repeat(129) }, BAD],
  ["a user with SQL", { sub: "'; drop table hubline.message; --" }, NOBODY],
  ["a number as role", { role: 7 }, BAD],
  ["true as role", { role: true }, BAD],
  ["an object as role", { role: { customer: true } }, BAD],
  ["no role", { role: null }, NOBODY],
  ["an empty role", { role: "" }, NOBODY],
  ["a role in capitals", { role: "CUSTOMER" }, NOBODY],
  ["two roles in one text", { role: "customer technician" }, NOBODY],
  ["no roles in a list", { role: [] }, NOBODY],
  ["roles of other types in a list", { role: [7, null, true, {}, ["customer"]] }, NOBODY],
  ["a role of 4,000 letters", { role: "x".repeat(4_000) }, NOBODY],
  ["a thousand roles", { role: Array(1_000).fill("x") }, NOBODY],
  ["a number as centre", { role: "service-center", center: 7 }, BAD],
  ["a list as centre", { role: "service-center", center: ["center"] }, BAD],
  ["an object as centre", { center: {} }, BAD],
  ["false as centre", { center: false }, BAD],
  ["an empty centre", { center: "" }, BAD],
  ["a centre with a NUL", { center: "\0" }, BAD],
  ["a centre of 129 characters", { center: "x".repeat(129) }, BAD],
  ["a service centre without a centre", { role: "service-center", center: null }, NOBODY],
  ["an end in words", { exp: "tomorrow" }, BAD],
  ["no end", { exp: null }, BAD],
  ["an end in a list", { exp: [9e9] }, BAD],
  ["an end before all time", { exp: -1e300 }, BAD],
  ["a beginning in words", { nbf: "yesterday" }, BAD],
  ["a beginning after all time", { nbf: 1e300 }, BAD],
];

for (const [name, changes, [status, code]] of CLAIMS) {
  test(`as claims of a token: ${name}`, async () => {
    const token = cluster.sign({ ...customers(), ...changes });
    const api = node.as(token);
    for (const answer of [await api.page(request.id), await api.read(request.id), await api.send(request.id, "let me in")]) {
      assert.deepEqual([answer.status, answer.body.code, answer.type], [status, code, "application/problem+json"]);
    }
    const negotiated = await api.call("POST", "/hubs/chat/negotiate?negotiateVersion=1");
    assert.equal(negotiated.status, status === 401 ? 401 : 200);
    assert.equal(await connectionStatus(node, token), status === 401 ? 401 : "connected");
    await assertUnharmed();
  });
}

/** Payloads and headers of tokens that are signed well and say nothing. */
const SIGNED = {
  "no JSON": () => cluster.sign("claims"),
  "nothing": () => cluster.sign(""),
  "null": () => cluster.sign("null"),
  "a list": () => cluster.sign([]),
  "a text": () => cluster.sign('"customer"'),
  "a thousand levels": () => cluster.sign('{"a":'.repeat(500) + "1" + "}".repeat(500)),
  "a number as algorithm": () => cluster.sign(customers(), { alg: 7 }),
  "a list of algorithms": () => cluster.sign(customers(), { alg: ["HS256"] }),
  "an object as key's name": () => cluster.sign(customers(), { kid: {} }),
  "what must be understood and is not": () => cluster.sign(customers(), { crit: ["b64"], b64: false }),
};

for (const [name, make] of Object.entries(SIGNED)) {
  test(`as a signed token: ${name}`, async () => {
    const api = node.as(make());
    for (const answer of [await api.page(request.id), await api.call("POST", "/hubs/chat/negotiate?negotiateVersion=1")]) {
      assert.deepEqual([answer.status, answer.body.code], [401, "unauthenticated"]);
    }
    assert.equal(await connectionStatus(node, make()), 401);
    await assertUnharmed();
  });
}

test("after all of it the conversation goes on", async () => {
  const technician = await Party.connect(node, request.technician);
  await technician.join(request.id, 0);
  assert.equal((await node.as(request.customer).send(request.id, "still here")).status, 201);
  await technician.receives(request.id, 2);
  await technician.stop();
});
