// A listener that hands every connection on to a port of this machine. What passes is for those who extend it to say.

import { connect, createServer } from "node:net";
import { once } from "node:events";

export class Middleman {
  #server;
  #sockets = new Set();

  /** One for this port, once it listens. */
  static async start({ port }) {
    const middleman = new this();
    middleman.#server = createServer((client) => middleman.#join(client, connect(port, "127.0.0.1")));
    await once(middleman.#server.listen(0, "127.0.0.1"), "listening");
    return middleman;
  }

  get port() {
    return this.#server.address().port;
  }

  /** Each end of a connection goes with the other. */
  #join(client, server) {
    for (const [socket, other] of [[client, server], [server, client]]) {
      this.#sockets.add(socket);
      socket.on("error", () => other.destroy());
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
    this.pass(client, server);
  }

  /** Breaks every connection; new ones work. */
  cut() {
    this.#sockets.forEach((socket) => socket.destroy());
  }

  stop() {
    this.cut();
    this.#server.close();
  }
}
