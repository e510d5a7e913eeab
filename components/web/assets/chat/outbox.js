/**
 * What one person has written in one conversation and the server has not numbered yet, and the rules by which it leaves.
 *
 * No I/O: the client sends what {@link Outbox.leave} gives, and tells what became of it. The rules keep one order
 * and let nothing stand in the way for ever:
 *
 * - messages leave in the order in which they were written, several before the first answer is there;
 * - behind one that is refused for now nothing leaves, until all that has left is answered and that one goes again: so
 *   does the server with what has left already, until the refused one comes again or the conversation is joined again;
 * - one that is refused for good, too often, or each time ends the connection is "failed", and holds back nobody.
 */

/**
 * @typedef {{clientMessageId: string, body: string, state: "sending" | "failed", code: string | null, ended?: number}} Entry
 *   a message on its way, or refused with a code; `ended` counts connections that ended with nothing but this message
 *   unanswered
 */

/** The most characters of a message, white space around it aside. */
export const MAX_CHARACTERS = 4_000;

/** The most bytes of what is sent, as JSON: what the server takes over HTTP, and so over the hub. */
const MAX_BYTES = 64 * 1024;

/** How many messages an outbox holds, those that failed included. */
const CAPACITY = 256;

/** How many messages, and bytes of them, may be on their way at once. */
const MOST_IN_FLIGHT = 32;
const MOST_BYTES_IN_FLIGHT = 128 * 1024;

/** How often a message is tried against passing refusals before the user is asked. */
const TRIES = 5;

/** How many connections may end with a message on its way before the message counts as the cause. */
const ENDED_CONNECTIONS = 5;

/** Refusals that mean "not now": the outcome may be unknown, and the same id may be sent again. */
const PASSING = new Set(["unavailable", "rate_limited"]);

/** The white space that the server trims: Unicode's, which is not what `trim` takes. */
const SPACE = /[\t\n\v\f\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]/;

/** Control characters other than tab and newline, which the server drops before it counts. */
const CONTROL = /[\u0001-\u0008\u000b-\u001f\u007f-\u009f]/g;

/** What is refused before anything was sent: `code` is one of the server's, or `outbox_full`; `text` is for people. */
export class Refusal extends Error {
  constructor(code, text) {
    super(`${code}: ${text}`);
    this.name = "Refusal";
    this.code = code;
    this.text = text;
  }
}

/** Whether a refusal passes by itself. */
export function isPassing(code) {
  return PASSING.has(code);
}

/**
 * What the server would say to a text, without asking it; null when it would take the text.
 * @param {string} body
 * @returns {Refusal | null}
 */
export function refusalOf(body) {
  if (body.length > MAX_BYTES || bytesOf(body) > MAX_BYTES) {
    return new Refusal("too_large", `a message has at most ${MAX_BYTES} bytes`);
  }
  if (/[\ud800-\udfff]/u.test(body)) return new Refusal("invalid", "half a character can't be sent");
  if (body.includes("\0")) return new Refusal("invalid", "a NUL can't be sent");
  const counted = trim(body.replace(/\r\n?/g, "\n").replace(CONTROL, ""));
  if (counted === "") return new Refusal("invalid", "there is nothing to send");
  // A character is a code point; a text has no more of them than it has units, so most are never counted.
  if (counted.length > MAX_CHARACTERS && Array.from(counted).length > MAX_CHARACTERS) {
    return new Refusal("invalid", `a message has at most ${MAX_CHARACTERS} characters`);
  }
  return null;
}

function trim(text) {
  let [from, to] = [0, text.length];
  while (from < to && SPACE.test(text[from])) from += 1;
  while (to > from && SPACE.test(text[to - 1])) to -= 1;
  return text.slice(from, to);
}

/** How many bytes a message takes on its way, its frame included. */
function bytesOf(body) {
  const json = JSON.stringify(body);
  let bytes = json.length + 100;
  for (let index = 0; index < json.length; index += 1) {
    const unit = json.charCodeAt(index);
    // Two units of one character are four bytes together.
    if (unit > 0x7f) bytes += unit > 0x7ff && (unit < 0xd800 || unit > 0xdfff) ? 2 : 1;
  }
  return bytes;
}

export class Outbox {
  /** In the order of sending. @type {Entry[]} */
  entries;

  /** What has left and is not answered. @type {Set<Entry>} */
  #flight = new Set();
  /** What was refused for now since it left, with how long the server asks to wait. @type {Map<Entry, Refused>} */
  #refused = new Map();
  /** Passing refusals so far, by message. @type {WeakMap<Entry, number>} */
  #tries = new WeakMap();
  /** How many messages may be on their way now: a connection begins with one, and each answer doubles it. */
  #window = 1;
  #rests = false;
  /** What was refused for now and has not left again: the server waits for it. @type {Set<Entry>} */
  #owed = new Set();

  /** @param {Entry[]} [saved] what an earlier run of the app had; what can't be sent has failed from the start */
  constructor(saved = []) {
    this.entries = saved.map((entry) => {
      const refusal = entry.state === "sending" ? refusalOf(entry.body) : null;
      return refusal === null ? { ...entry } : { ...entry, state: "failed", code: refusal.code };
    });
  }

  /**
   * Puts a text at the end.
   * @param {string} clientMessageId
   * @param {string} body
   * @throws {Refusal} when the server would not take the text, or the outbox is full: nothing has changed then
   */
  add(clientMessageId, body) {
    const refusal = refusalOf(body);
    if (refusal !== null) throw refusal;
    if (this.entries.length >= CAPACITY) throw new Refusal("outbox_full", `${CAPACITY} messages are not sent yet`);
    this.entries.push({ clientMessageId, body, state: "sending", code: null });
  }

  /** Has a failed message leave once more, as the same message and after all others; whether there is one. */
  retry(clientMessageId) {
    const entry = this.#take(clientMessageId);
    if (entry) this.entries.push({ clientMessageId, body: entry.body, state: "sending", code: null });
    return entry !== undefined;
  }

  /** Gives up a failed message; whether there was one. */
  discard(clientMessageId) {
    return this.#take(clientMessageId) !== undefined;
  }

  #take(clientMessageId) {
    const place = this.entries.findIndex((entry) => entry.clientMessageId === clientMessageId);
    if (this.entries[place]?.state !== "failed") return undefined;
    return this.entries.splice(place, 1)[0];
  }

  /** A message was filed that this person has sent: it is not to be sent any more. */
  settle(clientMessageId) {
    const before = this.entries.length;
    this.entries = this.entries.filter((entry) => entry.clientMessageId !== clientMessageId);
    return this.entries.length < before;
  }

  /** A conversation was joined anew: what is waiting may leave, carefully at first. */
  joined() {
    this.#window = 1;
    this.#owed.clear();
  }

  /**
   * What may leave now, in order; from here on it is on its way.
   * @returns {Entry[]}
   */
  leave() {
    const leaving = [];
    if (this.#rests || this.#refused.size > 0) return leaving;
    let bytes = 0;
    for (const entry of this.#flight) bytes += bytesOf(entry.body);
    for (const entry of this.entries) {
      if (entry.state !== "sending" || this.#flight.has(entry)) continue;
      bytes += bytesOf(entry.body);
      const alone = this.#flight.size === 0;
      if (!alone && (this.#flight.size >= this.#window || bytes > MOST_BYTES_IN_FLIGHT)) break;
      this.#flight.add(entry);
      this.#owed.delete(entry);
      leaving.push(entry);
    }
    return leaving;
  }

  /** One that has left is stored, or refused for good: `code` says which. */
  answered(entry, code = null) {
    this.#flight.delete(entry);
    this.#window = Math.min(MOST_IN_FLIGHT, this.#window * 2);
    if (code !== null) this.#fail(entry, code);
  }

  /** One that has left is refused for now; `milliseconds`: how long the server asks to wait. */
  refused(entry, code, milliseconds) {
    this.#flight.delete(entry);
    this.#refused.set(entry, { code, milliseconds });
    this.#owed.add(entry);
  }

  /**
   * How to rest, once all that has left is answered and something was refused for now; null otherwise. Nothing leaves
   * until {@link rested}.
   * @returns {{attempt: number, milliseconds: number} | null} how often the first one was refused before, and the least
   *   time
   */
  rest() {
    if (this.#rests || this.#refused.size === 0 || this.#flight.size > 0) return null;
    const milliseconds = Math.max(...[...this.#refused.values()].map((refused) => refused.milliseconds));
    const first = this.#first();
    const refusal = this.#refused.get(first);
    const attempt = this.#tries.get(first) ?? 0;
    // Those behind the first are refused on its account: only its own refusals count.
    if (refusal !== undefined) {
      this.#tries.set(first, attempt + 1);
      if (attempt + 1 >= TRIES) this.#fail(first, refusal.code);
    }
    this.#refused.clear();
    this.#window = 1;
    this.#rests = true;
    return { attempt, milliseconds };
  }

  /**
   * Whether the server waits in vain for one that it has refused: it has failed, or turned out to be stored. Only another
   * join has it take those behind.
   */
  get isAwaitedInVain() {
    return [...this.#owed].some((entry) => entry.state !== "sending" || !this.entries.includes(entry));
  }

  rested() {
    this.#rests = false;
  }

  /**
   * The connection has ended: whatever had left goes again after the next join.
   * @param {boolean} ourselves whether this side has ended it
   */
  lost(ourselves) {
    const [suspect, ...others] = this.#flight;
    this.#flight.clear();
    this.#refused.clear();
    if (ourselves || others.length > 0 || suspect === undefined || suspect !== this.#first()) return;
    suspect.ended = (suspect.ended ?? 0) + 1;
    if (suspect.ended >= ENDED_CONNECTIONS) this.#fail(suspect, "connection_ended");
  }

  /** This person may not send here any more. */
  failAll(code) {
    for (const entry of this.entries) if (entry.state === "sending") this.#fail(entry, code);
  }

  #first() {
    return this.entries.find(({ state }) => state === "sending");
  }

  #fail(entry, code) {
    if (entry.state !== "sending") return;
    entry.state = "failed";
    entry.code = code;
  }
}

/** @typedef {{code: string, milliseconds: number}} Refused */
