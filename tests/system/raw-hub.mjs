// The hub's wire, for saying what no client library would.

import WebSocket from "ws";

export const SEPARATOR = "\u001e";
export const HANDSHAKE = `{"protocol":"json","version":1}${SEPARATOR}`;

/** The status with which a connection is refused, or "connected". */
export function connectionStatus(node, token, { origin, headers: more } = {}) {
  const headers = { authorization: `Bearer ${token}`, ...(origin && { origin }), ...more };
  const socket = new WebSocket(node.hubUrl.replace("http", "ws"), { headers });
  return new Promise((resolve) => {
    socket.on("unexpected-response", (_request, response) => resolve(response.statusCode));
    socket.on("open", () => resolve("connected"));
    socket.on("error", () => {});
  }).finally(() => socket.terminate());
}

export class RawHub {
  #socket;
  #arrived = [];
  #waiting = [];
  #closed;
  /** `[when, message]` of everything that the server has said, pings and all. */
  heard = [];

  static async open(node, token, more = {}) {
    const url = `${node.hubUrl.replace("http", "ws")}`;
    const hub = new RawHub(new WebSocket(url, { headers: { authorization: `Bearer ${token}`, ...more } }));
    await new Promise((resolve, reject) => hub.#socket.once("open", resolve).once("error", reject));
    return hub;
  }

  /** Connected and through the handshake. */
  static async shake(node, token, more) {
    const hub = await RawHub.open(node, token, more);
    hub.say(HANDSHAKE);
    const answer = await hub.next();
    if (answer !== "{}") throw new Error(`the handshake was answered with ${answer}`);
    return hub;
  }

  constructor(socket) {
    this.#socket = socket;
    socket.on("error", () => {});
    socket.on("message", (data) => {
      for (const message of data.toString().split(SEPARATOR).slice(0, -1)) {
        this.heard.push([performance.now(), message]);
        this.#arrive(message);
      }
    });
    this.#closed = new Promise((resolve) => socket.on("close", (code) => (this.#arrive(null), resolve(code))));
  }

  #arrive(message) {
    const waiting = this.#waiting.shift();
    if (waiting) waiting(message);
    else this.#arrived.push(message);
  }

  /** Sends text as it is, without a separator of its own. */
  say(text, options) {
    this.#socket.send(text, options);
  }

  /** The next message, or null when the server has closed; pings are passed over. */
  async next() {
    const message = this.#arrived.length ? this.#arrived.shift() : await new Promise((resolve) => this.#waiting.push(resolve));
    return message === '{"type":6}' ? this.next() : message;
  }

  /** Sends bytes beneath the WebSocket. */
  sayBytes(bytes) {
    this.#socket._socket.write(bytes);
  }

  /** Waits until the server has closed the connection, and gives the code of its close. */
  closed() {
    return this.#closed;
  }

  end() {
    this.#socket.terminate();
  }
}
