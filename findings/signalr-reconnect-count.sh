#!/usr/bin/env bash
# The official SignalR client counts its reconnects from zero after each connection that was accepted, however short it was:
# a policy with growing delays never grows against a server that accepts a connection and ends it again.
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

// A hub by the protocol: it takes the handshake, and then closes with leave to reconnect, as one that is drained does.
const availableTransports = [{ transport: "WebSockets", transferFormats: ["Text"] }];
const server = createServer((_, response) =>
  response.end(JSON.stringify({ negotiateVersion: 1, connectionId: "a", connectionToken: "b", availableTransports })),
);
new WebSocketServer({ server }).on("connection", (socket) =>
  socket.once("message", () => {
    socket.send("{}\x1e");
    setTimeout(() => socket.send('{"type":7,"allowReconnect":true}\x1e'), 50);
  }),
);
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));

const counts = [];
const policy = {
  nextRetryDelayInMilliseconds: ({ previousRetryCount }) => (counts.push(previousRetryCount), counts.length < 5 ? 10 : null),
};
const client = new signalR.HubConnectionBuilder()
  .withUrl(`http://127.0.0.1:${server.address().port}/hub`)
  .withAutomaticReconnect(policy)
  .configureLogging(signalR.LogLevel.None)
  .build();
await new Promise((resolve) => {
  client.onclose(resolve);
  client.start();
});
console.log(`@microsoft/signalr ${signalR.VERSION}: previousRetryCount over five ends of a connection: ${counts.join(", ")}`);
process.exit(counts.join() === "0,0,0,0,0" ? 0 : 1);
SCRIPT
node try.mjs
echo "So a delay that is to grow has to count connections of no use by itself."
