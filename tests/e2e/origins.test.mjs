// Must hold: pages of the origins that the operator allows use the hub and the API, and pages of no others.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { Party } from "../system/party.mjs";
import { connectionStatus } from "../system/raw-hub.mjs";

const ALLOWED = ["https://app.example.com", "http://localhost:8080"];
const FOREIGN = ["https://evil.example", "https://app.example.com.evil.example", "http://app.example.com", "null"];
const NEGOTIATE = "/hubs/chat/negotiate?negotiateVersion=1";

let cluster;
let node;
let request;

before(async () => {
  cluster = await Cluster.start({ variables: { allowed_origins: ALLOWED.join(", ") } });
  node = await cluster.node();
  request = await cluster.open(node);
});
after(() => cluster?.stop());

/** What a browser looks at before it shows a page the answer, or lets it ask. */
const granted = ({ headers }) => ({
  origin: headers.get("access-control-allow-origin"),
  credentials: headers.get("access-control-allow-credentials"),
  methods: headers.get("access-control-allow-methods"),
  headers: headers.get("access-control-allow-headers"),
});

const NOTHING = { origin: null, credentials: null, methods: null, headers: null };

/** What pages use, and by which methods. */
const addresses = () => [
  { path: NEGOTIATE, method: "POST", methods: "POST" },
  { path: `/v1/service-requests/${request.id}/messages?limit=1`, method: "GET", methods: "GET, POST, PUT" },
];

test("a page of an allowed origin may ask, and read the answer", async () => {
  for (const { path, method, methods } of addresses()) {
    for (const origin of ALLOWED) {
      const asks = { origin, "access-control-request-method": method, "access-control-request-headers": "authorization" };
      const preflight = await node.as(undefined).call("OPTIONS", path, { headers: asks });
      assert.equal(preflight.status, 204);
      assert.deepEqual(granted(preflight), { origin, credentials: "true", methods, headers: "authorization" });
      const answer = await node.as(request.customer).call(method, path, { headers: { origin } });
      assert.equal(answer.status, 200);
      assert.deepEqual(granted(answer), { ...NOTHING, origin, credentials: "true" });
      assert.equal(answer.headers.get("vary"), "Origin", "no cache gives it to another origin's page");
      const refusal = await node.as(undefined).call(method, path, { headers: { origin } });
      assert.deepEqual([refusal.status, granted(refusal).origin], [401, origin], "what is wrong is for the page to read");
    }
  }
});

test("a page of any other origin gets nothing to read", async () => {
  for (const { path, method } of addresses()) {
    for (const origin of FOREIGN) {
      const asks = { origin, "access-control-request-method": method, "access-control-request-headers": "authorization" };
      assert.deepEqual(granted(await node.as(undefined).call("OPTIONS", path, { headers: asks })), NOTHING, origin);
      assert.deepEqual(granted(await node.as(request.customer).call(method, path, { headers: { origin } })), NOTHING, origin);
    }
  }
});

test("the hub opens to pages of allowed origins, to its own and to programs, and to no others", async () => {
  for (const origin of [...ALLOWED, node.origin]) {
    assert.equal(await connectionStatus(node, request.customer, { origin }), "connected", origin);
  }
  assert.equal(await connectionStatus(node, request.customer), "connected");
  for (const origin of FOREIGN) assert.equal(await connectionStatus(node, request.customer, { origin }), 403, origin);

  const headers = { origin: ALLOWED[0] };
  const party = await Party.connect(node, request.technician, { headers });
  await party.join(request.id, 0);
  await party.send(request.id, "from a page of ours");
  await party.stop();
});

test("without a setting no origin but the own one is allowed", async () => {
  const plain = await cluster.node("plain", { variables: { allowed_origins: "" } });
  assert.equal(await connectionStatus(plain, request.customer, { origin: ALLOWED[0] }), 403);
  assert.equal(await connectionStatus(plain, request.customer, { origin: plain.origin }), "connected");
  await plain.stop();
});
