/** The API of operations. */

/** An answer that is not the one that was hoped for. */
class Problem extends Error {
  constructor(status, { code, detail, title, errors = [] } = {}) {
    const fields = errors.map(({ field, message }) => `${field} ${message}`).join("; ");
    super([detail ?? title ?? `the answer is ${status}`, fields].filter(Boolean).join(": "));
    this.status = status;
    this.code = code;
  }

  /** Whether nobody can tell if it was done. */
  get isDoubtful() {
    return this.status === 0 || this.status >= 500;
  }

  /** Whether what was commanded was meant for an earlier state of things. */
  get isStale() {
    return this.code === "version_mismatch";
  }
}

/** How long is waited before a lost answer is asked for again. */
const AGAIN_MS = 800;

export class Api {
  #token;
  /** The keys of commands that have no answer yet, by what was commanded. */
  #keys = new Map();

  constructor(token) {
    this.#token = token;
  }

  async #send(method, path, body, headers = {}) {
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
    if (answer.ok) return answer;
    throw new Problem(answer.status, await answer.json().catch(() => ({})));
  }

  async #read(path) {
    return (await this.#send("GET", path)).json();
  }

  /**
   * A command. It keeps its key until there is an answer: whoever presses again after a lost one commands once.
   *
   * @param {number} [version] the version that whoever commands has seen
   */
  async #command(path, body, version) {
    const command = `${path} ${JSON.stringify(body)}`;
    const key = this.#keys.get(command) ?? crypto.getRandomValues(new Uint32Array(4)).join("-");
    this.#keys.set(command, key);
    const headers = { "idempotency-key": key, ...(version !== undefined && { "if-match": `"${version}"` }) };
    const send = async () => (await this.#send("POST", path, body, headers)).json();
    try {
      const answer = await send().catch(async (problem) => {
        if (!problem.isDoubtful) throw problem;
        await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
        return send();
      });
      this.#keys.delete(command);
      return answer;
    } catch (problem) {
      if (!problem.isDoubtful) this.#keys.delete(command);
      throw problem;
    }
  }

  incidents() {
    return this.#read("incidents");
  }

  incident(id) {
    return this.#read(`incidents/${id}`);
  }

  /** Opens the preview of a run: that this person has opened it is put on record. */
  preview(run) {
    return this.#read(`runs/${run}/preview`);
  }

  /** A piece of evidence: `{type, bytes}`. */
  async evidence(digest) {
    const answer = await this.#send("GET", `evidence/${digest}`);
    return { type: answer.headers.get("content-type"), bytes: new Uint8Array(await answer.arrayBuffer()) };
  }

  /** Whether rollbacks are halted: `{halted}`. */
  halt() {
    return this.#read("halt");
  }

  setHalt(halted, reason) {
    return this.#command("halt", { halted, reason });
  }

  drills() {
    return this.#read("drills");
  }

  /** Starts a drill: `{drill, incident}`. */
  startDrill(kind) {
    return this.#command("drills", { kind });
  }

  /** Follows the audit log from its first record on: `{intact, length, head, broken}`. */
  verifyAudit() {
    return this.#read("audit/verify");
  }

  /** A move of an incident: `acknowledge`, `decision`, `escalate`, `dismiss`, `validations`, `resolve`, `review`, `runs`. */
  incidentMove({ id, version }, move, body) {
    return this.#command(`incidents/${id}/${move}`, body, version);
  }

  /** A move of a run: `submit`, `approvals`, `reject`, `execute`, `cancel`, `retry`, `attestations`. */
  runMove({ id, version }, move, body) {
    return this.#command(`runs/${id}/${move}`, body, version);
  }
}
