#!/usr/bin/env bash
# The official SignalR client rejects an invocation with a plain string, and not with an Error, when the socket is closing:
# `error.message` is undefined there, and `instanceof Error` false.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes >/dev/null
npm install --silent --no-audit --no-fund @microsoft/signalr@10.0.11 ws@8.23.0

cat >try.mjs <<'SCRIPT'
import { createServer } from "node:http";
import * as signalR from "@microsoft/signalr";
import { WebSocketServer } from "ws";

// A hub by the protocol; it begins to close the WebSocket when the client is there.
const availableTransports = [{ transport: "WebSockets", transferFormats: ["Text"] }];
const server = createServer((_, response) =>
  response.end(JSON.stringify({ negotiateVersion: 1, connectionId: "a", connectionToken: "b", availableTransports })),
);
let hub;
new WebSocketServer({ server }).on("connection", (socket) => {
  hub = socket;
  socket.once("message", () => socket.send("{}\x1e"));
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

let rejection;
const client = new signalR.HubConnectionBuilder()
  .withUrl(`http://127.0.0.1:${server.address().port}/hub`)
  .configureLogging(signalR.LogLevel.None)
  .build();
await client.start();
hub.close(1001);
while (rejection === undefined && client.state === signalR.HubConnectionState.Connected) {
  client.invoke("Anything").catch((error) => (rejection ??= error));
  await new Promise((resolve) => setImmediate(resolve));
}
console.log(`@microsoft/signalr ${signalR.VERSION}: rejected with the ${typeof rejection} ${JSON.stringify(rejection)}`);
process.exit(typeof rejection === "string" ? 0 : 1);
SCRIPT
node try.mjs
echo "So what reads the message of a rejection has to expect a text without one."
