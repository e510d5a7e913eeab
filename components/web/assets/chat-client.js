/**
 * One person's side of one conversation, kept up over every interruption.
 *
 * The page uses this module and docs/client.md explains it, so that both show the same rules:
 *
 * - connect for ever, with delays that grow and are jittered;
 * - after every connect join again, naming the last number and the epoch that are already here, and hold back what comes
 *   before the answer;
 * - keep what the user sent in an outbox until the server has numbered it, and send it again under the same
 *   `clientMessageId`: the server stores it once however often it arrives;
 * - store what is here in order: no older state is written over a newer one.
 *
 * It and the modules beneath `chat/` need nothing but the SignalR library that they are given, and run in browsers, Node and
 * React Native.
 */

import { Backoff, Connection, refusalCode, restAsked } from "./chat/connection.js";
import { History } from "./chat/history.js";
import { isPassing, Outbox, Refusal, refusalOf } from "./chat/outbox.js";
import { Parties } from "./chat/parties.js";
import { Saver } from "./chat/saver.js";

export { Backoff, Refusal, refusalCode, refusalOf };

/**
 * @typedef {import("./chat/history.js").Message} Message
 * @typedef {import("./chat/outbox.js").Entry} Entry
 * @typedef {import("./chat/parties.js").Member} Member
 * @typedef {{epoch: string | null, lastSeq: number, fromSeq: number, messages: Message[], outbox: Entry[]}} Saved what an
 *   app stores between two runs: the newest messages, complete from `fromSeq` to `lastSeq`, and what is not sent
 */

/** How many messages are stored when the app does not say it. */
const KEPT = 200;

/** How many messages an older page has. */
const PAGE = 50;

/**
 * A version 4 UUID; `crypto.randomUUID` is missing on pages that come over plain HTTP, and React Native has no `crypto`. It
 * is no secret: it only has to be new among those of one person.
 */
export function newClientMessageId() {
  const bytes = new Uint8Array(16).map(() => Math.random() * 256);
  globalThis.crypto?.getRandomValues?.(bytes);
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** A conversation that survives lost connections, restarted servers, and databases that were restored or failed over. */
export class ChatClient {
  /**
   * `refused`: the server said no for good.
   * @type {"connecting" | "online" | "offline" | "refused" | "stopped"}
   */
  connection = "connecting";
  /** The last failure of the connection, for people; null while online. @type {string | null} */
  problem = null;
  /** The last failure of storing, for people; null once it has worked. @type {string | null} */
  storingProblem = null;
  /** Null before the first join. @type {"open" | "closed" | null} */
  status = null;

  #settings;
  #connection;
  #epoch;
  #history;
  #outbox;
  #saver;
  #parties = new Parties();
  /** What came before the answer of the join; null once that has been read. @type {(() => void)[] | null} */
  #early = null;
  #older = null;

  /**
   * @param {object} settings
   * @param {typeof import("@microsoft/signalr")} settings.signalR the library
   * @param {string} settings.hubUrl address of the hub, `…/hubs/chat`
   * @param {string} settings.serviceRequestId whose conversation
   * @param {string} settings.userId the `sub` of the token
   * @param {() => string | Promise<string>} settings.accessToken asked at every connect, so it may refresh the token
   * @param {(client: ChatClient) => void} [settings.onChange] called after every change of what can be read here
   * @param {Partial<Saved>} [settings.saved] what `save` was given last before the app was closed
   * @param {(saved: Saved) => void | Promise<void>} [settings.save] stores it; it is called again only after it has ended,
   *   and then with the newest state, whatever has changed meanwhile
   * @param {number} [settings.kept] how many messages are stored at most
   * @param {Backoff} [settings.backoff]
   */
  constructor({ saved = {}, save = () => {}, kept = KEPT, backoff = new Backoff(), ...settings }) {
    this.#settings = { ...settings, kept };
    this.#epoch = saved.epoch ?? null;
    this.#history = new History(saved);
    this.#outbox = new Outbox(saved.outbox);
    this.#saver = new Saver(() => this.snapshot(), save, (problem) => {
      if (this.storingProblem === problem) return;
      this.storingProblem = problem;
      this.#changed();
    });
    this.#connection = new Connection(this.#settings, backoff, {
      up: () => this.#join(),
      down: (ourselves) => {
        this.#outbox.lost(ourselves);
        this.#keep();
      },
      failed: (error) => this.#becomes("offline", error),
    });
    this.#listen();
  }

  /** Ascending by `seq`, without a hole. @returns {Message[]} */
  get messages() {
    return this.#history.messages;
  }

  /** In the order of sending. @returns {Entry[]} */
  get outbox() {
    return this.#outbox.entries;
  }

  /** Who they are now: a technician who is assigned takes the place of the one before. @returns {Member[]} */
  get parties() {
    return this.#parties.members;
  }

  /** The last number that is here; joining asks for what follows it. */
  get lastSeq() {
    return this.#history.lastSeq;
  }

  /** Whether {@link loadOlder} would find messages before those that are here. */
  get hasOlder() {
    return this.#history.hasOlder;
  }

  /** Whether there were messages before the first one here that are no longer kept: a line above it says so. */
  get isTruncated() {
    return !this.hasOlder && this.#history.firstSeq > 1;
  }

  /**
   * What an app stores, so that it goes on where it was when it is opened again.
   * @returns {Saved}
   */
  snapshot() {
    const outbox = this.outbox.map((entry) => ({ ...entry }));
    return { epoch: this.#epoch, ...this.#history.newest(this.#settings.kept), outbox };
  }

  /** Connects and joins; failures are retried for ever, so this never rejects. */
  start() {
    return this.#connection.start();
  }

  /** Leaves for good: nothing is retried any more. Ends when what is here has been stored. */
  async stop() {
    this.#becomes("stopped");
    await this.#connection.stop();
    await this.#saver.finish();
  }

  /**
   * Puts a message into the outbox; it leaves at once or after the next join, behind those that were there before.
   * @param {string} body
   * @returns {string} its `clientMessageId`
   * @throws {Refusal} when the server would not take the text, the outbox is full, or this user is no party any more: then it
   *   is not in the outbox
   */
  send(body) {
    if (this.connection === "refused") throw new Refusal(this.problem ?? "forbidden", "you are no longer a party");
    const clientMessageId = newClientMessageId();
    this.#outbox.add(clientMessageId, body);
    this.#flush();
    return clientMessageId;
  }

  /**
   * Sends a failed message once more, as the same message and behind all others.
   * @param {string} clientMessageId
   */
  retry(clientMessageId) {
    if (this.connection !== "refused" && this.#outbox.retry(clientMessageId)) this.#flush();
  }

  /**
   * Takes a failed message out of the outbox.
   * @param {string} clientMessageId
   */
  discard(clientMessageId) {
    if (this.#outbox.discard(clientMessageId)) this.#keep();
  }

  /** Reads the page before the messages that are here. Rejects with `code: text`, or when nobody can be reached. */
  loadOlder() {
    this.#older ??= this.#readOlder().finally(() => (this.#older = null));
    return this.#older;
  }

  async #readOlder() {
    if (!this.hasOlder) return;
    const [history, from] = [this.#history, this.#history.fromSeq];
    const { hubUrl, serviceRequestId, accessToken } = this.#settings;
    const origin = hubUrl.replace(/\/hubs\/chat.*$/, "");
    const address = `${origin}/v1/service-requests/${serviceRequestId}/messages?beforeSeq=${from}&limit=${PAGE}`;
    const response = await fetch(address, { headers: { authorization: `Bearer ${await accessToken()}` } });
    const page = await response.json();
    if (!response.ok) throw new Error(`${page.code}: ${page.detail ?? page.title}`);
    // The history may have started over meanwhile, and the page is of the one before.
    if (history !== this.#history || from !== history.fromSeq) return;
    history.fileOlder(page.messages, page.hasMore);
    history.cut(page.firstSeq ?? 1);
    this.#changed();
  }

  #listen() {
    const on = (name, handler) =>
      this.#connection.on(name, (event) => {
        if (event.serviceRequestId !== this.#settings.serviceRequestId) return;
        if (this.#early === null) handler(event);
        else this.#early.push(() => handler(event));
      });
    on("OnMessageReceived", (message) => {
      this.#file(message);
      this.#keep();
    });
    on("OnRestarted", () => {
      this.#history = new History();
      this.#keep();
    });
    on("OnHistoryTruncated", ({ firstSeq }) => {
      this.#history.cut(firstSeq);
      this.#keep();
    });
    on("OnPresenceChanged", ({ userId, online }) => {
      this.#parties.present(userId, online);
      this.#changed();
    });
    on("OnServiceRequestChanged", ({ status, technicianId, serviceCenterId }) => {
      this.status = status;
      this.#parties.assign("technician", technicianId);
      this.#parties.assign("service-center", serviceCenterId);
      this.#changed();
    });
    on("OnRemoved", ({ code }) => this.#refuse(code));
    on("OnTyping", () => {});
    on("OnRead", () => {});
  }

  async #join() {
    const { round } = this.#connection;
    const isOutdated = () => this.#connection.round !== round || this.#isOver();
    for (let attempt = 0; !isOutdated(); attempt += 1) {
      const answer = await this.#tryToJoin();
      if (isOutdated()) return; // The connection was lost: the next one joins.
      if (!(answer instanceof Error)) return this.#joined(answer);
      const code = refusalCode(answer);
      if (code === "unauthenticated") return this.#connection.renew();
      if (code !== null && !isPassing(code)) return this.#refuse(code);
      this.#becomes("offline", answer);
      await this.#connection.rest(attempt, restAsked(answer));
    }
  }

  /** The server's answer, or why there is none. */
  async #tryToJoin() {
    // Events may be handed over before the awaited answer of the join is: they wait until it has been read, or an older
    // list of who is there would replace what they say, and a history that has to be dropped would take them with it.
    this.#early = [];
    const args = [this.#settings.serviceRequestId, this.lastSeq, this.#epoch];
    try {
      return await this.#connection.invoke("JoinServiceRequest", ...args);
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  #joined({ epoch, restarted, firstSeq = 1, status, parties }) {
    // The database was restored, or a standby took over without the last messages: the same numbers may be others now.
    if (restarted || (this.#epoch !== null && this.#epoch !== epoch)) this.#history = new History();
    this.#history.cut(firstSeq);
    this.#epoch = epoch;
    this.status = status;
    this.#parties.joined(parties);
    this.#becomes("online");
    const early = this.#early ?? [];
    this.#early = null;
    early.forEach((handle) => handle());
    if (this.outbox.every(({ state }) => state === "failed")) this.#connection.isUseful();
    this.#outbox.joined();
    this.#flush();
  }

  /** Sends what may leave; nobody awaits the answers, since the hub keeps the order in which invocations leave. */
  #flush() {
    if (this.connection === "online") this.#outbox.leave().forEach((entry) => this.#transmit(entry));
    this.#keep();
  }

  async #transmit(entry) {
    const { round } = this.#connection;
    const { clientMessageId, body } = entry;
    const draft = { clientMessageId, body };
    try {
      const message = await this.#connection.invoke("SendMessage", this.#settings.serviceRequestId, draft);
      if (this.#connection.round !== round) return;
      this.#file(message);
      this.#outbox.answered(entry);
    } catch (error) {
      // Without an answer the outcome is unknown: after the next join it is sent again.
      if (this.#connection.round !== round) return;
      const code = refusalCode(error) ?? "unavailable";
      if (code === "unauthenticated") return this.#connection.renew();
      if (isPassing(code)) this.#outbox.refused(entry, code, restAsked(error));
      else this.#outbox.answered(entry, code);
    }
    this.#connection.isUseful();
    this.#rest();
    this.#flush();
  }

  /** Waits before what was refused for now goes again. */
  async #rest() {
    const rest = this.#outbox.rest();
    if (rest === null) return;
    const { round } = this.#connection;
    await this.#connection.rest(rest.attempt, rest.milliseconds);
    const isJoined = this.#connection.round === round && this.connection === "online";
    if (isJoined && this.#outbox.isAwaitedInVain) await this.#join();
    this.#outbox.rested();
    this.#flush();
  }

  /** Files a message under its number, once, and settles the outbox with it. */
  #file(message) {
    this.#history.file(message);
    if (message.senderId === this.#settings.userId) this.#outbox.settle(message.clientMessageId);
  }

  #refuse(code) {
    this.#outbox.failAll(code);
    this.#becomes("refused", new Error(code));
    this.#keep();
    this.#connection.stop();
  }

  #becomes(connection, error = null) {
    if (this.#isOver()) return;
    this.connection = connection;
    this.problem = error?.message ?? null;
    this.#changed();
  }

  #isOver() {
    return this.connection === "stopped" || this.connection === "refused";
  }

  /** Something has changed that is stored. */
  #keep() {
    this.#saver.save();
    this.#changed();
  }

  #changed() {
    this.#settings.onChange?.(this);
  }
}
