// Somebody gone wild, in a process of their own: does one thing as fast as it is told until it is asked to end, and says then
// how often which limit was met. It says at once when one is met for the first time.
//
// Run as a program: `attacker.mjs KIND JSON`, with `{origin, guests, addresses, rate, connections}`. The guests, `{token, id}`,
// take turns, and so do the addresses that the requests are said to come from: one guest from everywhere is a user without
// measure, many from one address are an address without.

import http from "node:http";
import WebSocket from "ws";
import { HANDSHAKE, SEPARATOR } from "./raw-hub.mjs";

/** How often a second it looks how much is due. */
const BEATS = 50;

/** As much as one message may hold, which is four bytes each on the way. */
const LARGE = "😀".repeat(4_000);

/** Of so many beats of `open`, one is another connection. */
const KNOCK = 5;

/** How often each limit was met, by its words: `messages of one user`. */
const refused = {};

const KINDS = {
  /** Messages to one conversation, on many connections. */
  messages: overHub(({ id }) => ["SendMessage", id, { clientMessageId: crypto.randomUUID(), body: "x".repeat(200) }]),
  /** The same conversation joined again and again, from its beginning. */
  joins: overHub(({ id }) => ["JoinServiceRequest", id, 0]),
  negotiations: overHttp(() => ["POST", "/hubs/chat/negotiate?negotiateVersion=1", ""]),
  reads: overHttp(({ id }) => ["GET", `/v1/service-requests/${id}/messages?limit=200`]),
  posts: overHttp(({ id }) => {
    const message = { clientMessageId: crypto.randomUUID(), body: "x".repeat(200) };
    return ["POST", `/v1/service-requests/${id}/messages`, JSON.stringify(message)];
  }),
  /** Connections opened and left to their fate. */
  connections: async (setup) => (count) => {
    for (let number = 0; number < count; number += 1) {
      const { socket } = open(setup);
      socket.on("open", () => setTimeout(() => socket.terminate(), 200));
    }
  },
  /** More connections than there are places, each joined from the beginning. None reads, and all say what fills the others. */
  open: async (setup) => {
    let places = 0;
    const live = [];
    const hold = () => {
      const { guest, socket } = open(setup);
      places += 1;
      return new Promise((resolve) => {
        socket.on("close", () => {
          places -= 1;
          const index = live.findIndex((one) => one.socket === socket);
          if (index >= 0) live.splice(index, 1);
          resolve();
        });
        socket.on("open", () => {
          socket.pause();
          socket.send(HANDSHAKE + frame("JoinServiceRequest", guest.id, 0));
          live.push({ guest, socket });
          resolve();
        });
      });
    };
    await Promise.all(Array.from({ length: setup.connections }, hold));
    let turn = 0;
    return (count) => {
      for (let number = 0; number < count; number += 1) {
        turn += 1;
        if (turn % KNOCK === 0 && places < setup.connections) hold();
        if (live.length === 0) continue;
        const { guest, socket } = live[turn % live.length];
        const message = { clientMessageId: crypto.randomUUID(), body: LARGE };
        if (socket.bufferedAmount < 1_000_000) socket.send(frame("SendMessage", guest.id, message));
      }
    };
  },
  /** A little of all that is counted, in turn. */
  everything: async (setup) => {
    const kinds = ["messages", "joins", "negotiations", "reads", "posts", "connections"];
    const beats = await Promise.all(kinds.map((kind) => KINDS[kind](setup)));
    return (count) => beats.forEach((beat) => beat(Math.ceil(count / beats.length)));
  },
};

let turns = 0;

/** Whose turn it is, and from where. */
function next({ guests, addresses }) {
  turns += 1;
  return { guest: guests[turns % guests.length], from: { "x-forwarded-for": addresses[turns % addresses.length] } };
}

let invocations = 0;

/** One more invocation. */
function frame(target, ...args) {
  invocations += 1;
  return JSON.stringify({ type: 1, invocationId: `${invocations}`, target, arguments: args }) + SEPARATOR;
}

/** Counts the refusals in what was heard. */
function note(heard) {
  if (!heard.includes("more than ")) return;
  for (const [, what, whose] of `${heard}`.matchAll(/more than \d+ ([a-z ]+?)(?: a minute)? ((?:of|from) one [a-z]+)/g)) {
    const limit = `${what} ${whose}`;
    if (!refused[limit]) console.log(`met ${limit}`);
    refused[limit] = (refused[limit] ?? 0) + 1;
  }
}

function open(setup) {
  const { guest, from } = next(setup);
  const socket = new WebSocket(`${setup.origin.replace("http", "ws")}/hubs/chat`, {
    headers: { authorization: `Bearer ${guest.token}`, ...from },
    perMessageDeflate: false,
  });
  socket.on("error", () => {});
  socket.on("unexpected-response", (request, response) => {
    response.on("data", note).on("end", () => request.destroy() && socket.emit("close"));
  });
  return { guest, socket };
}

function overHub(invocation) {
  return async (setup) => {
    const opened = Array.from({ length: setup.connections }, () => open(setup));
    await Promise.all(opened.map(({ socket }) => new Promise((resolve) => socket.on("open", resolve).on("close", resolve))));
    const isOpen = ({ socket }) => socket.readyState === WebSocket.OPEN;
    for (const { socket } of opened.filter(isOpen)) socket.on("message", note).send(HANDSHAKE);
    let sent = 0;
    return (count) => {
      const live = opened.filter((one) => isOpen(one) && one.socket.bufferedAmount < 1_000_000);
      const frames = live.map(() => []);
      for (let number = 0; number < count && live.length > 0; number += 1) {
        sent += 1;
        frames[sent % live.length].push(frame(...invocation(live[sent % live.length].guest)));
      }
      // One WebSocket message has no more than the server takes at once.
      live.forEach(({ socket }, index) => frames[index].length > 0 && socket.send(frames[index].join("")));
    };
  };
}

function overHttp(call) {
  return async (setup) => {
    const { hostname, port } = new URL(setup.origin);
    const agent = new http.Agent({ keepAlive: true, maxSockets: 16 });
    let under = 0;
    return (count) => {
      for (let number = 0; number < count && under < 200; number += 1) {
        const { guest, from } = next(setup);
        const [method, path, body] = call(guest);
        const type = body && { "content-type": "application/json" };
        const headers = { authorization: `Bearer ${guest.token}`, ...from, ...type };
        under += 1;
        const request = http.request({ hostname, port, method, path, agent, headers }, (response) => response.on("data", note));
        request.on("error", () => {}).on("close", () => (under -= 1)).end(body);
      }
    };
  };
}

const [kind, json] = process.argv.slice(2);
const setup = JSON.parse(json);
const beat = await KINDS[kind](setup);
process.on("SIGTERM", () => {
  console.log(`refused ${JSON.stringify(refused)}`);
  process.exit(0);
});
console.log("attacking");
let due = 0;
setInterval(() => {
  due += setup.rate / BEATS;
  beat(Math.floor(due));
  due -= Math.floor(due);
}, 1000 / BEATS);
