// Must hold: who is no party, or has no valid token, gets in nowhere.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, range } from "../system/eventually.mjs";
import { Party, refusalOf } from "../system/party.mjs";
import { connectionStatus } from "../system/raw-hub.mjs";
import { claims, hs256, signed, unsigned } from "../system/tokens.mjs";

const ISSUER = "https://issuer.example";
const AUDIENCE = "hubline";
const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
const ec = generateKeyPairSync("ec", { namedCurve: "P-256" });
const ed = generateKeyPairSync("ed25519");

const jwk = ({ publicKey }, kid, alg) => ({ ...publicKey.export({ format: "jwk" }), kid, alg, use: "sig" });
const JWKS = { keys: [jwk(rsa, "rsa", "RS256"), jwk(ec, "ec", "ES256"), jwk(ed, "ed", "EdDSA")] };

let cluster;
let node;
let request;

before(async () => {
  cluster = await Cluster.start({
    variables: { jwks: JSON.stringify(JWKS), jwt_issuer: ISSUER, jwt_audience: AUDIENCE },
  });
  node = await cluster.node();
  request = await cluster.open(node);
});
after(() => cluster?.stop());

/** Claims of the request's customer, as the issuer gives them. */
const customer = (changes = {}) =>
  claims({ sub: request.customerId, role: "customer", iss: ISSUER, aud: AUDIENCE, ...changes });

const seconds = () => Math.floor(Date.now() / 1000);

async function assertStored(count) {
  assert.equal((await node.as(request.customer).read(request.id)).body.lastSeq, count);
}

/** Tokens that don't hold: they are refused at once, everywhere. */
const INVALID = {
  "expired": () => cluster.sign(customer({ exp: seconds() - 61 })),
  "not valid yet": () => cluster.sign(customer({ nbf: seconds() + 120 })),
  "without exp": () => cluster.sign({ ...customer(), exp: undefined }),
  "of another issuer": () => cluster.sign(customer({ iss: "https://elsewhere.example" })),
  "for another audience": () => cluster.sign(customer({ aud: "another" })),
  "without sub": () => cluster.sign({ ...customer(), sub: undefined }),
  "with an empty sub": () => cluster.sign(customer({ sub: "" })),
  "with a sub of 129 characters": () => cluster.sign(customer({ sub: "x".repeat(129) })),
  "signed with none": () => unsigned(customer()),
  "signed with NONE": () => unsigned(customer()).replace(/^[^.]+/, Buffer.from('{"alg":"NONE"}').toString("base64url")),
  "signed HS256 with the RSA public key as PEM": () =>
    hs256(customer(), rsa.publicKey.export({ type: "spki", format: "pem" }), { kid: "rsa" }),
  "signed HS256 with the RSA public key as DER": () =>
    hs256(customer(), rsa.publicKey.export({ type: "spki", format: "der" }), { kid: "rsa" }),
  "signed HS256 with the key set's modulus": () => hs256(customer(), JWKS.keys[0].n, { kid: "rsa" }),
  "signed HS256 with an empty secret": () => hs256(customer(), ""),
  "signed with another secret": () => hs256(customer(), "another secret, long enough to look right"),
  "signed with another RSA key": () =>
    signed(customer(), generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey, { alg: "RS256", kid: "rsa" }),
  "of the EC key under the RSA key's name": () => signed(customer(), ec.privateKey, { alg: "ES256", kid: "rsa" }),
  "with an unknown kid": () => signed(customer(), rsa.privateKey, { alg: "RS256", kid: "unknown" }),
  "with HS512": () => cluster.sign(customer(), { alg: "HS512" }),
  "with another payload under the signature": () => {
    const [header, , signature] = cluster.sign(customer({ sub: "somebody-else" })).split(".");
    return [header, Buffer.from(JSON.stringify(customer())).toString("base64url"), signature].join(".");
  },
  "that is none": () => "not-a-token",
  "of 12 KB": () => "x".repeat(12_000),
};

for (const [name, make] of Object.entries(INVALID)) {
  test(`a token ${name} is refused at negotiate, connect, send and history`, async () => {
    const token = make();
    const api = node.as(token);
    const negotiated = await api.call("POST", "/hubs/chat/negotiate?negotiateVersion=1");
    const answers = [negotiated, await api.send(request.id, "let me in"), await api.page(request.id), await api.read(request.id)];
    for (const { status, type, body, headers } of answers) {
      assert.deepEqual([status, type, body.code], [401, "application/problem+json", "unauthenticated"]);
      assert.match(headers.get("www-authenticate") ?? "", /^Bearer/);
    }
    assert.equal(await connectionStatus(node, token), 401);
    await assertStored(0);
  });
}

test("no token at all is refused, and so is one in the query of HTTP calls", async () => {
  const api = node.as(undefined);
  const token = request.customer;
  for (const call of [
    api.call("POST", "/hubs/chat/negotiate?negotiateVersion=1"),
    api.send(request.id, "let me in"),
    api.page(request.id),
    api.page(request.id, { access_token: token }),
  ]) {
    const { status, body } = await call;
    assert.deepEqual([status, body.code], [401, "unauthenticated"]);
  }
  const negotiated = await api.call("POST", `/hubs/chat/negotiate?negotiateVersion=1&access_token=${token}`);
  assert.equal(negotiated.status, 200, "browsers may send it to the hub");
});

/** Tokens that hold, of people who are no party: they may connect, and find nothing. */
const STRANGERS = {
  "another customer": () => cluster.token({ sub: "stranger", role: "customer" }),
  "another technician of the same centre": () => request.technicianToken("technician-not-assigned"),
  "the technician's name with the role customer": () => cluster.token({ sub: request.technicianId, role: "customer" }),
  "the customer's name with the role technician": () => request.technicianToken(request.customerId),
  "another service centre": () => cluster.token({ sub: "desk", role: "service-center", center: "another" }),
  "a service centre's person without a centre": () => cluster.token({ sub: request.serviceCenterId, role: "service-center" }),
  "an operator": () => cluster.token({ sub: request.customerId, role: "operator" }),
  "nobody in particular": () => cluster.token({ sub: request.customerId, role: undefined }),
};

for (const [name, make] of Object.entries(STRANGERS)) {
  test(`${name} finds nothing at join, send and history`, async () => {
    const token = make();
    const api = node.as(token);
    const missing = "sr-that-is-not-there";
    for (const call of ["send", "page", "read"]) {
      const body = call === "send" ? ["x"] : [];
      const [there, notThere] = [await api[call](request.id, ...body), await api[call](missing, ...body)];
      assert.deepEqual([there.status, there.body.code], [404, "not_found"], call);
      const alike = ({ status, body }) => ({ status, ...body, detail: body.detail.replaceAll(missing, request.id) });
      assert.deepEqual(alike(there), alike(notThere), "one that is there looks like one that is not");
    }
    const party = await Party.connect(node, token);
    assert.equal(await refusalOf(party.join(request.id, 0)), "not_found");
    assert.equal(await refusalOf(party.send(request.id, "let me in")), "not_found");
    await party.stop();
    await assertStored(0);
  });
}

test("the platform reports and reads, and writes no messages", async () => {
  const api = node.as(request.platform);
  assert.equal((await api.read(request.id)).status, 200);
  assert.equal((await api.page(request.id)).status, 200);
  const { status, body } = await api.send(request.id, "a word from above");
  assert.deepEqual([status, body.code], [403, "forbidden"]);
  const { customerId, serviceCenterId } = request;
  for (const token of [request.customer, request.technician, request.center]) {
    const refused = await node.as(token).report(request.id, { customerId, serviceCenterId, status: "closed" });
    assert.deepEqual([refused.status, refused.body.code], [403, "forbidden"]);
  }
});

test("each algorithm of the key set is taken", async () => {
  for (const [key, alg, kid] of [[rsa, "RS256", "rsa"], [ec, "ES256", "ec"], [ed, "EdDSA", "ed"]]) {
    const token = signed(customer(), key.privateKey, { alg, kid });
    assert.equal((await node.as(token).page(request.id)).status, 200, alg);
    const party = await Party.connect(node, token);
    await party.join(request.id, 0);
    await party.stop();
  }
});

test("a moment past its end a token is forgiven, and its connection closed so that it may come back", async () => {
  const party = await Party.connect(node, cluster.sign(customer({ exp: seconds() + 2 })), { reconnect: true });
  let reconnecting = false;
  party.connection.onreconnecting(() => (reconnecting = true));
  await eventually(() => reconnecting, { patience: 75_000, otherwise: () => "the connection outlived its token" });
  await party.stop();
});

test("a key set at an address is fetched, and again when an unknown key appears", async () => {
  let keys = [jwk(rsa, "first", "RS256")];
  const issuer = createServer((_request, response) => {
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ keys }));
  }).listen(0, "127.0.0.1");
  await once(issuer, "listening");
  const origin = `http://127.0.0.1:${issuer.address().port}`;
  const variables = { jwks: "", jwks_url: `${origin}/keys`, jwks_origin: origin };
  const other = await cluster.node("with-issuer", { variables });
  const token = (key, alg, kid) => signed(customer(), key.privateKey, { alg, kid });

  assert.equal((await other.as(token(rsa, "RS256", "first")).page(request.id)).status, 200);
  assert.equal((await other.as(token(ec, "ES256", "second")).page(request.id)).status, 401);
  keys = [jwk(ec, "second", "ES256")];
  const accepted = async () => (await other.as(token(ec, "ES256", "second")).page(request.id)).status === 200;
  await eventually(accepted, { patience: 40_000, otherwise: () => "the new key is not taken" });
  const party = await Party.connect(other, token(ec, "ES256", "second"));
  await party.join(request.id, 0);
  await party.send(request.id, "signed with the new key");
  await party.stop();
  await other.stop();
  issuer.close();
});

test("a function reaches no host that its manifest does not declare", async () => {
  let asked = 0;
  const issuer = createServer((_request, response) => {
    asked += 1;
    response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify(JWKS));
  }).listen(0, "127.0.0.1");
  await once(issuer, "listening");
  const origin = `http://127.0.0.1:${issuer.address().port}`;
  const token = signed(customer(), rsa.privateKey, { alg: "RS256", kid: "rsa" });
  // Each at an address of its own: what is known of one issuer all nodes know.
  const variables = (path) => ({ jwks: "", jwks_url: `${origin}/${path}` });

  const bound = await cluster.node("bound", { variables: { ...variables("bound"), jwks_origin: "http://127.0.0.1:1" } });
  assert.notEqual((await bound.as(token).page(request.id)).status, 200);
  assert.equal(asked, 0, "nothing was fetched");
  await bound.stop();
  const free = await cluster.node("free", { variables: { ...variables("free"), jwks_origin: origin } });
  assert.equal((await free.as(token).page(request.id)).status, 200);
  assert.equal(asked, 1);
  await free.stop();
  issuer.close();
});

test("in a batch each item has its own user's outcome, and none borrows another's token", async () => {
  const requests = [];
  for (const _ of range(1, 12)) requests.push(await cluster.open(node));
  const people = await Promise.all(requests.map(({ customer: token }) => Party.connect(node, token)));
  // Everybody writes to everybody's conversation at once: what waits in a lane leaves as one batch.
  const attempts = people.flatMap((person, who) =>
    requests.map(async (target, where) => {
      const sent = person.send(target.id, `from ${who} to ${where}`);
      return { who, where, outcome: await sent.then(() => "sent", (error) => error.message) };
    }),
  );
  for (const { who, where, outcome } of await Promise.all(attempts)) {
    assert.match(outcome, who === where ? /^sent$/ : /^not_found: /, `from ${who} to ${where}`);
  }
  for (const [which, { id, customer: token, customerId }] of requests.entries()) {
    const history = await node.as(token).history(id);
    assert.deepEqual(history.map(({ senderId, body }) => [senderId, body]), [[customerId, `from ${which} to ${which}`]]);
  }
  await Promise.all(people.map((person) => person.stop()));
});
