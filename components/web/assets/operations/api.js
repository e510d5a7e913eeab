/** The API of operations. */

/** An answer that is not the one that was hoped for. */
export class Problem extends Error {
  constructor(status, { code, detail, title, errors = [] } = {}) {
    const fields = errors.map(({ field, message }) => `${field} ${message}`).join("; ");
    super([detail ?? title ?? `the answer is ${status}`, fields].filter(Boolean).join(": "));
    this.status = status;
    this.code = code;
  }
}

export class Api {
  #token;

  constructor(token) {
    this.#token = token;
  }

  async #call(method, path, body, headers = {}) {
    const sent = body === undefined ? {} : { "content-type": "application/json" };
    let answer;
    try {
      answer = await fetch(`/ops/${path}`, {
        method,
        headers: { authorization: `Bearer ${this.#token}`, ...sent, ...headers },
        body: body === undefined ? undefined : JSON.stringify(body),
        cache: "no-store",
      });
    } catch {
      throw new Problem(0, { detail: "Hubline can't be reached" });
    }
    const text = await answer.text();
    let value = null;
    try {
      value = text ? JSON.parse(text) : null;
    } catch {
      value = null;
    }
    if (!answer.ok) throw new Problem(answer.status, value ?? {});
    return value;
  }

  /** A command: whoever presses twice commands once, and a lost answer is asked for again with the same key. */
  async #command(path, body = {}) {
    const key = [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
    const headers = { "idempotency-key": key };
    try {
      return await this.#call("POST", path, body, headers);
    } catch (problem) {
      if (problem.status !== 0 && problem.status !== 503) throw problem;
      await new Promise((resolve) => setTimeout(resolve, 800));
      return this.#call("POST", path, body, headers);
    }
  }

  incidents(states) {
    const query = states ? `?${new URLSearchParams({ state: states })}` : "";
    return this.#call("GET", `incidents${query}`);
  }

  incident(id) {
    return this.#call("GET", `incidents/${id}`);
  }

  /** Opens the preview of a run: that this person has opened it is put on record. */
  preview(run) {
    return this.#call("GET", `runs/${run}/preview`);
  }

  evidence(digest) {
    return this.#call("GET", `evidence/${digest}`);
  }

  drills() {
    return this.#call("GET", "drills");
  }

  startDrill(kind) {
    return this.#command("drills", { kind });
  }

  /** A move of an incident: `acknowledge`, `decision`, `escalate`, `dismiss`, `validations`, `resolve`, `review`, `runs`. */
  incidentMove(id, move, body) {
    return this.#command(`incidents/${id}/${move}`, body);
  }

  /** A move of a run: `submit`, `approvals`, `reject`, `execute`, `cancel`, `retry`, `attestations`. */
  runMove(id, move, body) {
    return this.#command(`runs/${id}/${move}`, body);
  }
}
