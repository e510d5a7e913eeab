// A server that stands for one outside system: routes, what it was asked, and troubles on demand.

import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";

/** An answer other than the one hoped for. */
export class Refusal extends Error {
  constructor(status, body, headers = {}) {
    super(`${status} ${JSON.stringify(body)}`);
    this.answer = { status, body, headers };
  }
}

export class Fake {
  #routes = [];
  #server = createServer((request, response) => this.#serve(request, response));
  #secure = null;
  #troubles = [];
  /** `{method, path, status}` of every request so far. */
  asked = [];

  /** Listens; port 0 is any free one. */
  async listen(port = 0, host = "127.0.0.1") {
    this.#server.keepAliveTimeout = 60_000;
    this.#server.listen(port, host);
    await once(this.#server, "listening");
    this.port = this.#server.address().port;
    this.origin = `http://${host}:${this.port}`;
    return this;
  }

  /** Listens on a port more, with TLS: some clients give their credentials to nobody else. */
  async listenSecurely(authority) {
    const files = { cert: readFileSync(authority.certificate), key: readFileSync(authority.key) };
    this.#secure = createSecureServer(files, (request, response) => this.#serve(request, response)).listen(0, "127.0.0.1");
    await once(this.#secure, "listening");
    this.secureOrigin = `https://localhost:${this.#secure.address().port}`;
    return this;
  }

  async stop() {
    for (const server of [this.#server, this.#secure].filter(Boolean)) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }

  /**
   * Serves a method and path, in which `{name}` is one segment and `{name*}` any number of them. The handler gets
   * `{method, path, params, query, headers, raw, response}` and answers `{status, headers, body}`; one that answers
   * nothing has used the response itself.
   */
  on(method, path, handler) {
    const pattern = path.replace(/\{(\w+)(\*?)\}/g, (_, name, many) => `(?<${name}>${many ? ".+?" : "[^/]+"})`);
    this.#routes.push({ method, path, pattern: new RegExp(`^${pattern}$`), handler });
  }

  /** Answers the next requests that match with something else: `answer` is what a handler answers, or a function. */
  trouble(matches, answer, times = 1) {
    this.#troubles.push({ matches, answer, times });
  }

  /** What is said where there is no such route. */
  unknown() {
    return { status: 404, body: { message: "Not Found" } };
  }

  /** Sees every request and its answer: a subclass may check them. */
  witness(_asked, _answer) {}

  async #serve(request, response) {
    const url = new URL(request.url, this.origin);
    const chunks = [];
    for await (const chunk of request) chunks.push(chunk);
    const asked = {
      method: request.method,
      path: decodeURIComponent(url.pathname),
      query: url.searchParams,
      headers: request.headers,
      raw: Buffer.concat(chunks),
      url: request.url,
      response,
    };
    let answer;
    try {
      answer = (await this.#inTrouble(asked)) ?? (await this.#route(asked));
    } catch (error) {
      answer = error instanceof Refusal ? error.answer : { status: 500, body: { message: String(error.stack ?? error) } };
    }
    this.asked.push({ method: asked.method, path: asked.path, status: answer?.status ?? response.statusCode });
    if (!answer) return;
    this.witness(asked, answer);
    const { status = 200, headers = {}, body } = answer;
    const raw = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const type = raw ? {} : { "content-type": "application/json; charset=utf-8" };
    response.writeHead(status, { ...type, ...headers });
    response.end(raw ? body : JSON.stringify(body));
  }

  #inTrouble(asked) {
    const index = this.#troubles.findIndex(({ matches }) => matches(asked));
    if (index < 0) return null;
    const trouble = this.#troubles[index];
    trouble.times -= 1;
    if (trouble.times <= 0) this.#troubles.splice(index, 1);
    return typeof trouble.answer === "function" ? trouble.answer(asked) : trouble.answer;
  }

  #route(asked) {
    for (const { method, path, pattern, handler } of this.#routes) {
      const match = (method === "*" || method === asked.method) && asked.path.match(pattern);
      if (match) return handler({ ...asked, route: path, params: { ...match.groups } });
    }
    return this.unknown(asked);
  }
}

/** The body of a request as JSON. */
export function json(asked) {
  try {
    return JSON.parse(asked.raw.toString("utf8"));
  } catch {
    throw new Refusal(400, { message: "Problems parsing JSON" });
  }
}

/** The body of a request as a form. */
export const form = (asked) => Object.fromEntries(new URLSearchParams(asked.raw.toString("utf8")));

/** The bearer token of a request, or null. */
export const bearer = (asked) => asked.headers.authorization?.match(/^(?:Bearer|token) (.+)$/i)?.[1] ?? null;
