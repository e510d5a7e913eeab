// The HTTP API, as one user.

export class Api {
  #origin;
  #token;

  constructor(origin, token) {
    this.#origin = origin;
    this.#token = token;
  }

  /** One call: `{status, headers, type, body}`, the body read by its media type. */
  async call(method, path, { body, type = "application/json", headers = {} } = {}) {
    const sent = new Headers(headers);
    if (this.#token !== undefined) sent.set("authorization", `Bearer ${this.#token}`);
    if (body !== undefined && type) sent.set("content-type", type);
    const raw = body === undefined || typeof body === "string" || body instanceof Uint8Array;
    const response = await fetch(this.#origin + path, {
      method,
      headers: sent,
      body: raw ? body : JSON.stringify(body),
      redirect: "manual",
    });
    const text = await response.text();
    const media = response.headers.get("content-type") ?? "";
    const read = /^application\/([a-z.+-]+\+)?json\b/.test(media) && text !== "" ? JSON.parse(text) : text;
    return { status: response.status, headers: response.headers, type: media, body: read };
  }

  report(id, report) {
    return this.call("PUT", `/v1/service-requests/${id}`, { body: report });
  }

  read(id) {
    return this.call("GET", `/v1/service-requests/${id}`);
  }

  send(id, body, clientMessageId = crypto.randomUUID()) {
    return this.call("POST", `/v1/service-requests/${id}/messages`, { body: { clientMessageId, body } });
  }

  /** One page: `{messages, hasMore, firstSeq, lastSeq}` in the answer's body. */
  page(id, query = {}) {
    return this.call("GET", `/v1/service-requests/${id}/messages?${new URLSearchParams(query)}`);
  }

  /** The whole history, page by page. */
  async history(id, limit = 200) {
    const messages = [];
    for (;;) {
      const { status, body } = await this.page(id, { afterSeq: messages.at(-1)?.seq ?? 0, limit });
      if (status !== 200) throw new Error(`reading history failed with ${status}: ${JSON.stringify(body)}`);
      messages.push(...body.messages);
      if (!body.hasMore) return messages;
    }
  }
}
