// What stands between Alertmanager and Hubline: passes on what is said, and notes when, and what was answered.

import { createServer } from "node:http";
import { text as read } from "node:stream/consumers";

export class Tap {
  /** `{at, asked, status, answer}`: when a notification was dispatched, and what came of it. */
  answers = [];
  #server;

  static async start(target) {
    const tap = new Tap();
    tap.#server = createServer(async (request, response) => {
      const at = Date.now();
      const body = await read(request);
      const { authorization } = request.headers;
      const headers = { "content-type": "application/json", authorization };
      try {
        const answer = await fetch(target + request.url, { method: "POST", headers, body });
        const text = await answer.text();
        tap.answers.push({ at, asked: JSON.parse(body), status: answer.status, answer: JSON.parse(text) });
        response.writeHead(answer.status).end(text);
      } catch {
        // Nobody is there yet, or any more: that is what Alertmanager is to notice.
        response.destroy();
      }
    });
    await new Promise((resolve) => tap.#server.listen(0, "127.0.0.1", resolve));
    tap.origin = `http://127.0.0.1:${tap.#server.address().port}`;
    return tap;
  }

  /** What was answered about the alerts of a name. */
  about(name) {
    return this.answers.filter(({ asked }) => asked.alerts.some(({ labels }) => labels.alertname === name));
  }

  async stop() {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
