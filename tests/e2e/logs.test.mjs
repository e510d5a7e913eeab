// Must hold: logs for machines are JSON, line by line, and hold nobody's token.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import WebSocket from "ws";
import { Cluster } from "../system/cluster.mjs";
import { HANDSHAKE, RawHub } from "../system/raw-hub.mjs";

let cluster;
let node;

before(async () => {
  cluster = await Cluster.start();
  const environment = { HUBLINE_LOG_FORMAT: "json", HUBLINE_LOG: "info,hubline=debug,relay=debug,runtime=debug,signalr_server=debug" };
  node = await cluster.node("main", { environment });
});
after(() => cluster?.stop());

/** Connects as browsers do, with the token in the query, and gives the status of a refusal or the connection. */
async function connect(query) {
  const socket = new WebSocket(`${node.hubUrl.replace("http", "ws")}?${query}`);
  return new Promise((resolve) => {
    socket.on("unexpected-response", (_request, response) => resolve(response.statusCode));
    socket.on("open", () => resolve(new RawHub(socket)));
    socket.on("error", () => {});
  });
}

test("every line is JSON, and none has a token or a query of the hub", async () => {
  const request = await cluster.open(node);
  const [good, bad] = [request.customer, cluster.sign({ sub: request.customerId, role: "customer", exp: 1 })];
  const negotiate = (token) => node.as(undefined).call("POST", `/hubs/chat/negotiate?negotiateVersion=1&access_token=${token}`);
  assert.deepEqual([(await negotiate(good)).status, (await negotiate(bad)).status], [200, 401]);
  assert.equal(await connect(`access_token=${bad}`), 401);
  assert.equal(await connect(`access_token=${good}&id=${"x".repeat(22)}`), 404);
  const hub = await connect(`access_token=${good}`);
  hub.say(HANDSHAKE);
  assert.equal(await hub.next(), "{}");
  // What goes wrong is what is logged most.
  await cluster.postgres.stop();
  const invocation = { type: 1, invocationId: "1", target: "JoinServiceRequest", arguments: [request.id, 0] };
  hub.say(`${JSON.stringify(invocation)}\u001e`);
  assert.match(await hub.next(), /unavailable/);
  assert.equal((await node.as(good).send(request.id, "is anybody there?")).status, 503);
  hub.end();
  await cluster.postgres.start();

  const lines = node.output.split("\n").filter((line) => line !== "");
  assert.ok(lines.some((line) => line.includes("loading the components")), "nothing of the beginning is cut off");
  const said = lines.filter((line) => !line.startsWith("{"));
  assert.deepEqual(said, [`hubline is ready at ${node.origin}`], "what is for people is no log");
  const records = lines.filter((line) => line.startsWith("{")).map((line) => JSON.parse(line));
  for (const record of records) {
    assert.ok(Date.parse(record.timestamp) > 0 && typeof record.level === "string" && record.fields, JSON.stringify(record));
  }
  for (const component of ["conversation", "message-send"]) {
    const away = ({ fields }) => fields.component === component && fields.message.includes("the database can't be reached");
    assert.ok(records.some(away), `that the database was away from ${component} is there`);
  }
  for (const secret of [good, bad, "access_token", "negotiateVersion"]) {
    assert.ok(!node.output.includes(secret), `the log says ${secret}`);
  }
});
