// The operations API, and the page, as one person uses them.

import { OperationsDesk } from "../system/operations-desk.mjs";

/** An answer that was not hoped for. */
export class Refused extends Error {
  constructor(method, path, status, body) {
    super(`${method} ${path}: ${status} ${body?.code ?? ""} ${body?.detail ?? JSON.stringify(body)}`);
    this.status = status;
    this.code = body?.code;
    this.body = body;
  }
}

export class Person {
  #origin;
  #token;

  constructor(origin, { name, token }) {
    this.#origin = origin;
    this.#token = token;
    this.name = name;
  }

  /** The page of an incident, in a browser. */
  page(browser, incident) {
    return OperationsDesk.open(browser, this.#origin, [this.#token], { incident });
  }

  get(path) {
    return this.#call("GET", path);
  }

  /** Every command has a key of its own: asked again with it, it is done once. */
  post(path, body = {}) {
    return this.#call("POST", path, body, { "idempotency-key": crypto.randomUUID() });
  }

  async #call(method, path, body, headers = {}) {
    const answer = await fetch(this.#origin + path, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, ...(body && { "content-type": "application/json" }), ...headers },
      body: body && JSON.stringify(body),
    });
    const text = await answer.text();
    let read = text;
    try {
      read = text === "" ? null : JSON.parse(text);
    } catch {
      // Shown as it is.
    }
    if (!answer.ok) throw new Refused(method, path, answer.status, read);
    return read;
  }
}
