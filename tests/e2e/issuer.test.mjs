// Must hold: tokens do not depend on whether their issuer is there. Its keys are kept, and gone when it withdraws them.
//
// ISSUER_AWAY=600 has the issuer away for ten minutes by the clock, and its keys asked for as often as in production. Otherwise
// that time is shortened, and keys are asked for every second and not every five minutes. Either way an instance lives a second
// without work and not ten: the relay asks `conversation` every two seconds, so otherwise it would never be a new one.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, pause, range } from "../system/eventually.mjs";
import { Issuer } from "../system/issuer.mjs";
import { Party, refusalOf } from "../system/party.mjs";
import { connectionStatus } from "../system/raw-hub.mjs";

const AWAY = Number(process.env.ISSUER_AWAY ?? 0);
const SHORT = AWAY === 0;
const RENEWALS = 10;
const NEWCOMERS = 1_000;
/** Restarts of functions that run apart. */
const RESTARTS = 10;
/** A little more than an instance lives without work. */
const IDLE = SHORT ? 1_300 : Math.max(11_000, (AWAY * 1_000) / RENEWALS);

let cluster;
let issuer;
let node;

before(async () => {
  issuer = await Issuer.start();
  issuer.make("first", "RS256");
  issuer.make("second");
  issuer.publish("first");
  cluster = await Cluster.start({ variables: { ...issuer.variables, ...(SHORT && { jwks_refresh: "1s" }) } });
  cluster.token = (who) => issuer.sign(who);
  node = await cluster.node("main", { options: ["--idle-instance-timeout", "1s"] });
});
after(async () => {
  await cluster?.stop();
  await issuer?.goAway();
});

const instances = (component) => node.metric("hubline_function_instances_total", `component="${component}"`);

test(`an issuer that is away while every instance is renewed ${RENEWALS} times is missed by nobody`, async () => {
  const requests = [];
  for (const chunk of range(1, NEWCOMERS / 50)) {
    requests.push(...(await Promise.all(range(1, 50).map(() => cluster.open(node)))));
    assert.equal(requests.length, chunk * 50);
  }
  const [request] = requests;
  const customer = await Party.connect(node, request.customer);
  const technician = await Party.connect(node, request.technician);
  for (const party of [customer, technician]) await party.join(request.id, 0);
  await customer.send(request.id, "before");
  await issuer.goAway();

  const components = ["conversation", "message-send", "message-history"];
  const before = await Promise.all(components.map(instances));
  for (const renewal of range(1, RENEWALS)) {
    await pause(IDLE);
    await customer.send(request.id, `over the hub ${renewal}`);
    assert.equal((await node.as(request.technician).send(request.id, `by post ${renewal}`)).status, 201);
    const history = await node.as(request.center).history(request.id);
    assert.equal(history.length, 1 + 2 * renewal);
    const newcomer = await Party.connect(node, request.center);
    assert.equal((await newcomer.join(request.id, 0)).lastSeq, 1 + 2 * renewal);
    await newcomer.stop();
  }
  let renewed;
  const areRenewed = async () => {
    renewed = (await Promise.all(components.map(instances))).map((count, index) => count - before[index]);
    return renewed.every((count) => count >= RENEWALS);
  };
  // The relay's own questions keep `conversation` busy beside all this, so its tenth renewal may come a little later.
  await eventually(areRenewed, { patience: 60_000, otherwise: () => `instances made anew: ${renewed}` });

  for (const chunk of range(0, NEWCOMERS / 100 - 1)) {
    const some = requests.slice(chunk * 100, (chunk + 1) * 100);
    await Promise.all(some.map(async (own) => {
      const newcomer = await Party.connect(node, own.technician);
      assert.equal((await newcomer.join(own.id, 0)).status, "open");
      await newcomer.stop();
    }));
  }
  assert.match(node.output, /the key set of the tokens' issuer can't be had/, "whoever runs it is told");
  assert.equal((await fetch(`${node.origin}/readyz`)).status, 200);

  const unknown = issuer.sign({ sub: request.customerId, role: "customer", kid: "second" });
  assert.equal(await connectionStatus(node, unknown), 503, "without its issuer nobody knows whether a key is one of its own");
  assert.equal((await node.as(unknown).page(request.id)).status, 503);
  await Promise.all([customer, technician].map((party) => party.stop()));
});

test("a node that starts while the issuer is away has its keys all the same", async () => {
  const request = await cluster.open(node);
  await node.kill();
  await node.start();
  const customer = await Party.connect(node, request.customer);
  await customer.join(request.id, 0);
  assert.equal((await customer.send(request.id, "here again")).seq, 1);
  await customer.stop();
});

test("an issuer that is silent holds nobody up but who shows a key that is not known", async () => {
  const request = await cluster.open(node);
  await issuer.comeBack();
  issuer.fallSilent();
  const customer = await Party.connect(node, request.customer);
  await customer.join(request.id, 0);
  const unknown = node.as(issuer.sign({ sub: request.technicianId, role: "technician", kid: "second" }));
  const strangers = Promise.all(range(1, 20).map(() => unknown.send(request.id, "wait for me")));
  const took = [];
  for (const count of range(1, 100)) {
    const began = performance.now();
    assert.equal((await customer.send(request.id, `text ${count}`)).seq, count);
    took.push(performance.now() - began);
  }
  took.sort((one, other) => one - other);
  assert.ok(took[90] < 500, `of 100 messages ten took ${took[90]} ms and longer`);
  for (const { status, body } of await strangers) assert.deepEqual([status, body.code], [503, "unavailable"]);
  await customer.stop();
  await issuer.goAway();
  await issuer.comeBack();
});

test("a new key is taken, and a withdrawn one is refused everywhere at the next answer", async () => {
  const request = await cluster.open(node);
  const other = await cluster.node("other");
  const old = issuer.sign({ sub: request.customerId, role: "customer", kid: "first" });
  const fresh = issuer.sign({ sub: request.customerId, role: "customer", kid: "second" });
  const [here, there] = await Promise.all([node, other].map((where) => Party.connect(where, old)));
  await here.join(request.id, 0);
  issuer.publish("first", "second");
  for (const where of [node, other]) {
    const accepted = async () => (await where.as(fresh).page(request.id)).status === 200;
    await eventually(accepted, { patience: 30_000, otherwise: () => "the new key is not taken" });
    assert.equal((await where.as(old).page(request.id)).status, 200, "both hold while both are published");
  }
  issuer.publish("second");
  const closed = new Set();
  for (const party of [here, there]) party.connection.onclose(() => closed.add(party));
  const asked = issuer.asked;
  await eventually(() => issuer.asked > asked, { patience: 400_000, otherwise: () => "its keys are not asked for" });
  await pause(6_000);
  for (const where of [node, other]) {
    for (const answer of [await where.as(old).page(request.id), await where.as(old).send(request.id, "x"), await where.as(old).read(request.id)]) {
      assert.deepEqual([answer.status, answer.body.code], [401, "unauthenticated"]);
    }
    assert.equal(await connectionStatus(where, old), 401);
    assert.equal((await where.as(fresh).page(request.id)).status, 200);
  }
  await eventually(() => closed.size === 2, { otherwise: () => `${closed.size} of 2 connections were ended` });
  await other.stop();
});

test("made-up keys do not become questions to the issuer", async () => {
  const request = await cluster.open(node);
  issuer.make("made up");
  const forged = issuer.sign({ sub: request.customerId, role: "customer", kid: "made up" });
  const asked = issuer.asked;
  const began = performance.now();
  const answers = await Promise.all(range(1, 200).map(() => node.as(forged).page(request.id)));
  assert.ok(answers.every(({ status }) => status === 401 || status === 503), JSON.stringify(answers.map(({ status }) => status)));
  const most = 3 + (performance.now() - began) / 1_000;
  assert.ok(issuer.asked - asked <= most, `asked ${issuer.asked - asked} times`);
  const settled = async () => (await node.as(forged).page(request.id)).status === 401;
  await eventually(settled, { otherwise: () => "nobody says that the key is none" });
});

test("without any keys a node says that it is not ready, and is as soon as it has them", async () => {
  const late = await Issuer.start();
  late.make("late");
  late.publish("late");
  await late.goAway();
  const ready = await cluster.newNode("late", { variables: late.variables });
  const started = ready.start();
  const readiness = () => fetch(`${ready.origin}/readyz`).then((answer) => answer.json(), () => null);
  const told = await eventually(readiness, { patience: 30_000, otherwise: () => "it does not even start" });
  assert.deepEqual([told.code, /no token can be verified/.test(told.detail)], ["unavailable", true], told.detail);
  assert.equal((await fetch(`${ready.origin}/healthz`)).status, 200);
  const early = late.sign({ sub: "somebody", role: "customer" });
  assert.equal(await connectionStatus(ready, early), 503);
  await late.comeBack();
  await started;
  const who = { sub: "somebody", role: "customer" };
  const party = await Party.connect(ready, late.sign(who));
  assert.equal(await refusalOf(party.join("sr-that-is-not-there", 0)), "not_found");
  await party.stop();
  await ready.stop();
  await late.goAway();
});

test("keys are used until they are stale, then no token holds, and all hold again when the issuer is back", async () => {
  const own = await Issuer.start();
  own.make("own");
  own.publish("own");
  const request = await cluster.open(node);
  const variables = { ...own.variables, jwks_refresh: "1s", jwks_stale: "5s" };
  const strict = await cluster.node("strict", { variables });
  const token = own.sign({ sub: request.customerId, role: "customer" });
  const api = strict.as(token);
  const party = await Party.connect(strict, token);
  await party.join(request.id, 0);
  const isServed = async () => (await api.page(request.id)).status === 200;

  // It goes away just after it was asked, so that it is known how old its answer is.
  const asked = own.asked;
  await eventually(async () => (await isServed()) && own.asked > asked, { otherwise: () => "its keys are not asked for" });
  await pause(200);
  await own.goAway();
  const gone = performance.now();
  let served = 0;
  while (performance.now() - gone < 3_500) {
    assert.equal((await api.page(request.id)).status, 200);
    assert.equal((await api.send(request.id, "by post")).status, 201);
    await party.send(request.id, "over the hub");
    assert.equal(await connectionStatus(strict, token), "connected");
    served += 2;
    await pause(200);
  }
  const readiness = async () => (await fetch(`${strict.origin}/readyz`)).status;
  assert.equal(await readiness(), 200);

  await eventually(async () => !(await isServed()), { otherwise: () => "they are used for ever" });
  const held = performance.now() - gone;
  assert.ok(held > 4_000 && held < 8_000, `used for ${held} ms`);
  for (const answer of [await api.page(request.id), await api.send(request.id, "x"), await api.read(request.id)]) {
    assert.deepEqual([answer.status, answer.body.code], [503, "unavailable"], "and not that the token is a bad one");
  }
  assert.equal(await refusalOf(party.send(request.id, "x")), "unavailable");
  await eventually(async () => (await connectionStatus(strict, token)) === 503, { otherwise: () => "the relay lets in" });
  await eventually(async () => (await readiness()) === 503, { otherwise: () => "it says that it is ready" });

  await own.comeBack();
  await eventually(isServed, { patience: 30_000, otherwise: () => "they do not hold again" });
  const isLetIn = async () => (await connectionStatus(strict, token)) === "connected";
  await eventually(isLetIn, { otherwise: () => "the relay lets nobody in" });
  await eventually(async () => (await readiness()) === 200, { otherwise: () => "it says that it is not ready" });
  const sent = () => party.send(request.id, "again").catch(() => null);
  const { seq } = await eventually(sent, { otherwise: () => "no send over the hub" });
  assert.equal(seq, served + 1, "what was refused is not stored");
  await party.stop();
  await strict.stop();
  await own.goAway();
});

/** What may answer in an issuer's place: a portal, an attacker, a server that is broken. */
const HOSTILE = {
  "a page of HTML": (_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html>Log in"),
  "HTML that says it is JSON": (_, response) => response.writeHead(200, { "content-type": "application/json" }).end("<p>"),
  "JSON that is no key set": (_, response) => response.end('{"keys":{}}'),
  "a key set of nothing": (_, response) => response.end('{"keys":[]}'),
  "10,000 keys": (_, response) => response.end(JSON.stringify({ keys: Array(10_000).fill({ kty: "oct", k: "AA" }) })),
  "half a key set": (_, response) => response.end('{"keys":[{"kty":"RSA",'),
  "less than it says": (request, response) => {
    response.writeHead(200, { "content-length": 1_000 }).write("{");
    setTimeout(() => request.socket.destroy(), 50);
  },
  "20 MB": (_, response) => response.end(" ".repeat(20_000_000)),
  "bytes without an end": (_, response) => {
    const more = () => {
      if (response.destroyed) return;
      if (response.write(" ".repeat(10_000))) setImmediate(more);
      else response.once("drain", more);
    };
    more();
  },
  "an answer that never comes to its end": (_, response) => response.writeHead(200).write('{"keys":['),
  "no HTTP": (request) => request.socket.end("\u0015\u0003\u0001 hello\r\n\r\n"),
  "a hang-up": (request) => request.socket.destroy(),
  "an error of its own": (_, response) => response.writeHead(500).end('{"keys":[]}'),
  "nothing at all": (_, response) => response.writeHead(204).end(),
};

test("whatever answers in the issuer's place, the known keys hold, and no other does", async () => {
  const other = await Issuer.start();
  other.make("theirs");
  other.publish("theirs");
  // An issuer that has moved is to be configured anew: whoever can answer for it could send anybody anywhere.
  const location = other.variables.jwks_url;
  const redirects = [301, 302, 307, 308].map((status) => [
    `a redirect with ${status}`,
    (_, response) => response.writeHead(status, { location }).end(),
  ]);
  const all = [...Object.entries(HOSTILE), ...redirects];
  // An issuer that has failed is left alone for some seconds, so some nodes meet it at once.
  const besieged = range(0, 2).map((which) => besiege(which, all.filter((_, place) => place % 3 === which), other));
  await Promise.all(besieged);
  assert.equal(other.asked, 0, "redirects are not followed");
  await other.goAway();
});

/** A node whose issuer is taken over by one after another, and then is itself again. */
async function besiege(which, hostile, other) {
  const own = await Issuer.start();
  for (const kid of ["own", "next"]) own.make(kid);
  own.publish("own");
  const request = await cluster.open(node);
  const guarded = await cluster.node(`guarded-${which}`, { variables: { ...own.variables, jwks_refresh: "1s" } });
  const who = { sub: request.customerId, role: "customer" };
  const [known, next] = ["own", "next"].map((kid) => guarded.as(own.sign({ ...who, kid })));
  const theirs = guarded.as(other.sign(who));
  assert.equal((await known.page(request.id)).status, 200);
  for (const [name, odd] of hostile) {
    own.answerBy(odd);
    const asked = own.asked;
    const isAsked = async () => {
      for (const api of [next, theirs]) {
        const began = performance.now();
        const { status, body } = await api.page(request.id);
        const took = performance.now() - began;
        assert.ok(["401 unauthenticated", "503 unavailable"].includes(`${status} ${body.code}`), `${name}: ${status}`);
        assert.ok(took < 4_000, `${name}: an unknown key waited for ${took} ms`);
      }
      return own.asked > asked;
    };
    await eventually(isAsked, { patience: 20_000, otherwise: () => `${name}: it is not asked` });
    assert.equal((await known.page(request.id)).status, 200, name);
    assert.equal((await known.send(request.id, name)).status, 201, name);
  }
  assert.match(guarded.output, /the key set of the tokens' issuer can't be had/);
  assert.equal((await fetch(`${guarded.origin}/readyz`)).status, 200);

  own.publish("next");
  own.answerBy(null);
  const isTaken = async () => (await next.page(request.id)).status === 200;
  await eventually(isTaken, { patience: 30_000, otherwise: () => "the issuer is not believed any more" });
  await guarded.stop();
  await own.goAway();
}

test("functions and a relay apart, as with Spin: each may be new while the issuer is away, and a batch waits for no key", async () => {
  const { functions, relay } = await cluster.apart({ node: "apart" });
  const request = await cluster.open(relay);
  const connected = await Party.connect(relay, request.customer);
  await connected.join(request.id, 0);
  await issuer.goAway();
  for (const renewal of range(1, RESTARTS)) {
    await functions.kill();
    await functions.start();
    const seq = 2 * renewal;
    assert.equal((await connected.send(request.id, `over the hub ${renewal}`)).seq, seq - 1);
    assert.equal((await relay.as(request.technician).send(request.id, `by post ${renewal}`)).body.seq, seq);
    const newcomer = await Party.connect(relay, request.technician);
    assert.equal((await newcomer.join(request.id, 0)).lastSeq, seq);
    await newcomer.receives(request.id, seq);
    await newcomer.stop();
  }
  const last = 2 * RESTARTS;
  await relay.kill();
  await relay.start();
  const newcomer = await Party.connect(relay, request.technician);
  assert.equal((await newcomer.join(request.id, 0)).lastSeq, last);
  assert.equal((await relay.as(request.center).history(request.id)).length, last);
  await Promise.all([connected, newcomer].map((party) => party.stop()));

  await issuer.comeBack();
  issuer.fallSilent();
  // What it may still have said in between is not its last word.
  const asked = issuer.asked;
  // It is left alone for ten seconds after a failure, and the relay asks every five.
  await eventually(() => issuer.asked > asked, { patience: 30_000, otherwise: () => "nobody asks for its keys" });
  await functions.stop();
  await functions.start();
  const unknown = issuer.sign({ sub: request.technicianId, role: "technician", kid: "first" });
  const item = (token, body) => ({ token, serviceRequestId: request.id, clientMessageId: crypto.randomUUID(), body });
  const post = async () => {
    const headers = { "x-hubline-key": cluster.relayKey, "content-type": "application/json" };
    const body = JSON.stringify({ tokens: [unknown, request.customer], items: [item(0, "mine"), item(1, "and mine"), item(0, "mine too")] });
    const began = performance.now();
    const answer = await fetch(`${functions.origin}/internal/messages`, { method: "POST", headers, body });
    return { took: performance.now() - began, answer: await answer.json() };
  };
  for (const seq of range(last + 1, last + 3)) {
    const { took, answer } = await post();
    assert.deepEqual(answer.outcomes.map(({ message, error }) => message?.seq ?? error.code), ["unavailable", seq, "unavailable"]);
    assert.ok(took < 1_000, `the batch took ${took} ms`);
  }
});
