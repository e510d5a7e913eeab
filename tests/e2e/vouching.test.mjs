// Must hold: what one function has found out about a token's signature, the next one need not find out, and nobody else can say.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually } from "../system/eventually.mjs";
import { Issuer } from "../system/issuer.mjs";

let cluster;
let issuer;

before(async () => {
  issuer = await Issuer.start();
  for (const kid of ["vouched", "other"]) issuer.make(kid, "RS256");
  issuer.publish("vouched", "other");
  cluster = await Cluster.start({ variables: { ...issuer.variables, jwks_refresh: "1s" } });
  cluster.token = (who) => issuer.sign(who);
});
after(async () => {
  await cluster?.stop();
  await issuer?.goAway();
});

test("a function vouches for a token to the next one, for that token alone and for as long as its key is published", async () => {
  const { functions, relay } = await cluster.apart({ node: "vouching" });
  const request = await cluster.open(relay);
  const [customer, technician] = ["customer", "technician"].map((role) => {
    return issuer.sign({ sub: request[`${role}Id`], role, kid: "vouched" });
  });
  const call = async (route, body) => {
    const headers = { "x-hubline-key": cluster.relayKey, "content-type": "application/json" };
    return (await fetch(`${functions.origin}/internal/${route}`, { method: "POST", headers, body: JSON.stringify(body) })).json();
  };
  const join = (token, voucher) => {
    return call("join", { node: "vouching", incarnation: crypto.randomUUID(), token, voucher, serviceRequestId: request.id });
  };
  const send = async (token, voucher) => {
    const item = { token: 0, serviceRequestId: request.id, clientMessageId: crypto.randomUUID(), body: "hello" };
    const { outcomes: [{ message, error }], vouchers = [] } = await call("messages", { tokens: [token], vouchers: [voucher], items: [item] });
    return { seq: message?.seq, code: error?.code, voucher: vouchers[0] };
  };
  const isKnown = async () => (await join(customer)).voucher !== undefined;
  await eventually(isKnown, { patience: 20_000, otherwise: () => "nobody vouches" });

  const { voucher } = await join(customer);
  assert.match(voucher, /^[\w-]{43}$/);
  assert.equal((await join(customer, voucher)).voucher, undefined, "it is said once");
  assert.deepEqual(await send(customer, null), { seq: 1, code: undefined, voucher }, "whoever finds it out says the same");
  // A new instance has found out nothing, and tells the voucher from a made up one.
  const renew = async () => {
    await functions.stop();
    await functions.start();
  };
  await renew();
  assert.deepEqual(await send(customer, voucher), { seq: 2, code: undefined, voucher: undefined });
  await renew();
  assert.deepEqual(await send(customer, `${voucher.slice(0, -1)}_`), { seq: 3, code: undefined, voucher });
  assert.equal((await send(technician, voucher)).seq, 4, "what is no voucher of a token is no reason to refuse it");

  const [head, , signature] = customer.split(".");
  const claims = technician.split(".")[1];
  const unsigned = `${customer.slice(0, -8)}AAAAAAAA`;
  for (const forged of [`${head}.${claims}.${signature}`, unsigned]) {
    assert.equal((await send(forged, voucher)).code, "unauthenticated");
    assert.equal((await join(forged, voucher)).code, "unauthenticated");
  }

  // Of the same name, so that only the vouching tells one key from the other.
  issuer.make("vouched", "RS256");
  const isReplaced = async () => (await send(customer, voucher)).code === "unauthenticated";
  await eventually(isReplaced, { patience: 30_000, otherwise: () => "a key that is replaced is vouched for" });
  await renew();
  assert.equal((await send(customer, voucher)).code, "unauthenticated");
  const again = issuer.sign({ sub: request.customerId, role: "customer", kid: "vouched" });
  const { voucher: anew } = await send(again, voucher);
  assert.match(anew, /^[\w-]{43}$/);

  issuer.publish("other");
  const isGone = async () => (await send(again, anew)).code === "unauthenticated";
  await eventually(isGone, { patience: 30_000, otherwise: () => "a withdrawn key is vouched for" });
  await renew();
  assert.equal((await send(again, anew)).code, "unauthenticated");
  issuer.publish("vouched", "other");
  const isBack = async () => (await send(again, anew)).voucher;
  const another = await eventually(isBack, { patience: 30_000, otherwise: () => "the key is not taken any more" });
  assert.notEqual(another, anew, "another key set has other vouchers");
});
