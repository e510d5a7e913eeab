// Must hold: whoever writes a hub of their own with the server's crate, as its example does in fifty lines, has what official
// clients expect of one.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, test } from "node:test";
import * as signalR from "@microsoft/signalr";
import WebSocket from "ws";
import { eventually } from "../system/eventually.mjs";
import { freePort } from "../system/port.mjs";
import { Program } from "../system/program.mjs";

const { ROOM } = process.env;
const LINES = 50;

let program;
let url;
const connections = [];

before(async () => {
  const address = `127.0.0.1:${await freePort()}`;
  url = `http://${address}/room`;
  program = new Program(ROOM, [address]);
  await program.ready(() => fetch(`${url}/negotiate`, { method: "POST" }).then(() => true, () => false));
});
after(async () => {
  await Promise.all(connections.map((connection) => connection.stop()));
  await program?.stop("SIGKILL");
});

/** A client, and what it has heard. */
async function connect(options = {}) {
  const builder = new signalR.HubConnectionBuilder().withUrl(url, options).configureLogging(signalR.LogLevel.None);
  const connection = builder.build();
  const heard = [];
  connection.on("Said", (text) => heard.push(text));
  await connection.start();
  connections.push(connection);
  return { connection, heard };
}

test("the example has fifty lines", () => {
  const text = readFileSync(new URL("../../crates/signalr-server/examples/room.rs", import.meta.url), "utf8");
  assert.ok(text.trimEnd().split("\n").length <= LINES);
});

test("who joins a room hears what is said in it, and in no other, until they go", async () => {
  const [one, other, stranger] = await Promise.all([
    connect(),
    connect({ skipNegotiation: true, transport: signalR.HttpTransportType.WebSockets }),
    connect(),
  ]);
  assert.equal(await one.connection.invoke("Join", "kitchen"), true);
  assert.equal(await one.connection.invoke("join", "kitchen"), false, "names are matched without case, and once is enough");
  assert.equal(await other.connection.invoke("Join", "kitchen"), true);
  await stranger.connection.invoke("Join", "cellar");

  assert.equal(await other.connection.invoke("Say", "kitchen", "hello"), null);
  await one.connection.send("Say", "kitchen", "tea?");
  await eventually(() => one.heard.length >= 2 && other.heard.length >= 2);
  assert.deepEqual([one.heard, other.heard], [["hello", "tea?"], ["hello", "tea?"]]);
  assert.deepEqual(stranger.heard, []);

  await other.connection.stop();
  await one.connection.invoke("Say", "kitchen", "alone");
  assert.deepEqual([one.heard.at(-1), other.heard.at(-1)], ["alone", "tea?"]);
});

test("what can't be invoked is refused in the reference's words, and the connection lives", async () => {
  const { connection } = await connect();
  const refusal = (...invocation) => connection.invoke(...invocation).then(assert.fail, (error) => error.message);
  assert.match(await refusal("Dance"), /Method does not exist/);
  assert.match(await refusal("Join"), /room/);
  assert.match(await refusal("Join", 7), /room/);
  assert.match(await refusal("Say", "kitchen", "x".repeat(40_000)), /at most 32768 bytes/);
  assert.equal(await connection.invoke("Join", "kitchen"), true);
});

test("a connection token opens one connection", async () => {
  const { connectionToken } = await (await fetch(`${url}/negotiate?negotiateVersion=1`, { method: "POST" })).json();
  const open = () => {
    const socket = new WebSocket(`${url.replace("http", "ws")}?id=${encodeURIComponent(connectionToken)}`);
    return new Promise((resolve) => {
      socket.onopen = () => resolve(socket);
      socket.onerror = () => resolve(null);
    });
  };
  const first = await open();
  assert.ok(first);
  assert.equal(await open(), null, "the second time it is nobody's");
  first.close();
  const answer = await fetch(url);
  assert.deepEqual([answer.status, await answer.text()], [400, "Connection ID required"]);
});
