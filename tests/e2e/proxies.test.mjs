// Must hold: behind a proxy the pages of the own origin use the hub once the proxy says which host they asked, and is believed only
// when it is named.

import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { Cluster } from "../system/cluster.mjs";
import { Nginx } from "../system/nginx.mjs";
import { Party } from "../system/party.mjs";

let cluster;
let node;
let trusting;
let request;
const proxies = [];

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node("plain");
  trusting = await cluster.node("trusting", { variables: { trusted_proxies: "127.0.0.0/8, ::1" } });
  request = await cluster.open(node);
});
after(async () => {
  await Promise.all(proxies.map((proxy) => proxy.stop()));
  await cluster?.stop();
});

/** nginx in front of a node, with what it says of requests. */
async function nginx(behind, directives) {
  const proxy = await Nginx.start(cluster.folder(`nginx-${proxies.length}`), behind.port, directives);
  proxies.push(proxy);
  return proxy;
}

/** What a page of an origin gets that opens the hub: `{status, detail}`. */
async function opened(place, { origin = place.origin, headers = {} } = {}) {
  const url = place.hubUrl.replace("http", "ws");
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${request.customer}`, origin, ...headers } });
  socket.on("error", () => {});
  const refusal = once(socket, "unexpected-response").then(async ([, answer]) => {
    let text = "";
    for await (const piece of answer) text += piece;
    return { status: answer.statusCode, detail: JSON.parse(text).detail };
  });
  const outcome = await Promise.race([once(socket, "open").then(() => ({ status: 101 })), refusal]);
  socket.terminate();
  return outcome;
}

const FOREIGN = { origin: "https://evil.example" };

test("a proxy that keeps the host to itself turns its pages away, and the answer says which host it named", async () => {
  const { status, detail } = await opened(await nginx(node, ""));
  assert.equal(status, 403);
  assert.match(detail, new RegExp(`Host .*127\\.0\\.0\\.1:${node.port}`));
});

test("a proxy that passes the host on needs no setting", async () => {
  const proxy = await nginx(node, "proxy_set_header Host $http_host;");
  assert.equal((await opened(proxy)).status, 101);
  assert.equal((await opened(proxy, FOREIGN)).status, 403);
  const party = await Party.connect(proxy, request.customer, { headers: { origin: proxy.origin } });
  await party.join(request.id, 0);
  await party.send(request.id, "through nginx");
  await party.stop();
});

for (const [name, directives] of [
  ["Forwarded", 'proxy_set_header Forwarded "for=$remote_addr;host=\\"$http_host\\";proto=$scheme";'],
  ["X-Forwarded-Host", "proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Host $http_host; proxy_set_header X-Forwarded-Proto $scheme;"],
  ["X-Forwarded-Port", "proxy_set_header X-Forwarded-Host $host; proxy_set_header X-Forwarded-Port $server_port;"],
]) {
  test(`a proxy that says it by ${name} is believed where it is named, and only there`, async () => {
    const named = await nginx(trusting, directives);
    assert.equal((await opened(named)).status, 101);
    const foreign = await opened(named, FOREIGN);
    assert.equal(foreign.status, 403);
    assert.ok(foreign.detail.includes(`127.0.0.1:${named.port}`), foreign.detail);
    const unnamed = await nginx(node, directives);
    const refused = await opened(unnamed);
    assert.equal(refused.status, 403);
    assert.ok(refused.detail.includes(`127.0.0.1:${node.port}`), refused.detail);
  });
}

test("a client can't be its own proxy", async () => {
  const forged = { forwarded: "host=evil.example", "x-forwarded-host": "evil.example" };
  assert.equal((await opened(node, { ...FOREIGN, headers: forged })).status, 403);
  // Nor can it name another one beyond the proxy that is believed.
  const named = await nginx(trusting, "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for; proxy_set_header X-Forwarded-Host $http_host;");
  const chained = { "x-forwarded-for": "203.0.113.9", "x-forwarded-host": "evil.example" };
  assert.equal((await opened(named, { ...FOREIGN, headers: chained })).status, 403);
  assert.equal((await opened(named, { headers: chained })).status, 101);
  assert.equal((await opened(named, { ...FOREIGN, headers: { forwarded: "for=203.0.113.9;host=evil.example" } })).status, 403);
});

test("what no proxy may say is no harm", async () => {
  for (const odd of ["", ",", "\"", "for=", "for=\"[::1", "host=\"\\", "x".repeat(4_000), ";,;,=", "for=1.2.3.4;host=a b"]) {
    for (const header of ["forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port"]) {
      const { status } = await opened(trusting, { ...FOREIGN, headers: { [header]: odd } });
      assert.equal(status, 403, `${header}: ${odd}`);
    }
  }
  assert.equal((await opened(trusting)).status, 101);
});

test("pages of apps and files use the hub where they are named, and only there", async () => {
  const named = ["capacitor://localhost", "ionic://localhost", "file://", "null"];
  const apps = await cluster.node("apps", { variables: { allowed_origins: named.join(",") } });
  for (const origin of named) {
    assert.equal((await opened(apps, { origin })).status, 101, origin);
    assert.equal((await opened(node, { origin })).status, 403, origin);
  }
  for (const origin of ["capacitor://elsewhere", "ionic://localhost.evil.example", "file:///etc/passwd", "http://null"]) {
    assert.equal((await opened(apps, { origin })).status, 403, origin);
  }
  const preflight = { origin: "capacitor://localhost", "access-control-request-method": "POST" };
  const granted = await apps.as(undefined).call("OPTIONS", "/v1/service-requests/x/messages", { headers: preflight });
  assert.equal(granted.headers.get("access-control-allow-origin"), "capacitor://localhost");
  await apps.stop();
});

test("a mistaken setting ends the start with its name", async () => {
  for (const [variable, value] of [["TRUSTED_PROXIES", "nginx"], ["ALLOWED_ORIGINS", "capacitor://"], ["DRAIN_WAIT", "soon"], ["DRAIN_SPREAD", "-1"]]) {
    const wrong = cluster.startHubline(["relay", "--listen", "127.0.0.1:0", "--internal-listen", "127.0.0.1:0"], {
      [`SPIN_VARIABLE_${variable}`]: value,
    });
    const { code } = await wrong.ended();
    assert.notEqual(code, 0, variable);
    assert.ok(wrong.output.includes(`\`${value}\``), wrong.output);
  }
});
