// An outside system that takes long to answer, whatever it is asked.

import { createServer } from "node:http";

const PATIENCE = 20_000;

export class Slow {
  /** `{path, from, to}` of each request; one that is under way has no end yet. */
  asked = [];
  #patience = PATIENCE;
  #server = createServer((request, response) => this.#keepWaiting(request, response));

  static async start() {
    const slow = new Slow();
    await new Promise((resolve) => slow.#server.listen(0, "127.0.0.1", resolve));
    slow.origin = `http://127.0.0.1:${slow.#server.address().port}`;
    return slow;
  }

  #keepWaiting(request, response) {
    const asked = { path: request.url.split("?")[0], from: Date.now(), to: null };
    this.asked.push(asked);
    const timer = setTimeout(() => response.writeHead(503).end(), this.#patience);
    response.on("close", () => {
      clearTimeout(timer);
      asked.to = Date.now();
    });
    request.resume();
  }

  /** The requests that were under way at a time. */
  at(time) {
    return this.asked.filter(({ from, to }) => from <= time && (to === null || to >= time));
  }

  /** Answers at once from now on, that it can't. */
  hurry() {
    this.#patience = 0;
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
