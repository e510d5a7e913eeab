// A hub that the official client connects to and that says what a test has it say.

import { createServer } from "node:http";
import { once } from "node:events";
import { WebSocketServer } from "ws";

const SEPARATOR = "\x1e";

export class ScriptedHub {
  #server;
  #sockets;
  /** How many connections there were. */
  connections = 0;

  /**
   * @param {(invocation: object, answer: {send(...records: object[]): void, socket: import("ws").WebSocket}) => void} script
   *   is called with each invocation; what it sends at once comes in one frame
   */
  static async start(script) {
    const hub = new ScriptedHub();
    hub.#server = createServer((_, response) => {
      const availableTransports = [{ transport: "WebSockets", transferFormats: ["Text"] }];
      response.end(JSON.stringify({ negotiateVersion: 1, connectionId: "a", connectionToken: "b", availableTransports }));
    });
    hub.#sockets = new WebSocketServer({ server: hub.#server });
    hub.#sockets.on("connection", (socket) => hub.#listen(socket, script));
    hub.#server.listen(0, "127.0.0.1");
    await once(hub.#server, "listening");
    return hub;
  }

  get origin() {
    return `http://127.0.0.1:${this.#server.address().port}`;
  }

  #listen(socket, script) {
    this.connections += 1;
    const send = (...records) => socket.send(records.map((record) => JSON.stringify(record) + SEPARATOR).join(""));
    socket.on("message", (data) => {
      for (const record of data.toString().split(SEPARATOR).filter(Boolean).map((text) => JSON.parse(text))) {
        if (socket.readyState !== socket.OPEN) return;
        if (record.protocol) send({});
        if (record.type === 1) script(record, { send, socket });
      }
    });
  }

  stop() {
    for (const socket of this.#sockets.clients) socket.terminate();
    this.#sockets.close();
    this.#server.close();
  }
}
