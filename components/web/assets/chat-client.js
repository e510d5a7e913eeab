/**
 * One person's side of one conversation, kept up over every interruption.
 *
 * The page uses this module and docs/client.md explains it, so that both show the same rules:
 *
 * - connect for ever, with delays that grow and are jittered;
 * - after every connect join again, naming the last number and the epoch that are already here;
 * - keep what the user sent in an outbox until the server has numbered it, and send it again under the same
 *   `clientMessageId`: the server stores it once however often it arrives.
 */

/**
 * @typedef {{id: string, serviceRequestId: string, seq: number, senderId: string, senderRole: string,
 *   clientMessageId: string, body: string, sentAt: string}} Message what the server has numbered
 * @typedef {{clientMessageId: string, body: string, state: "sending" | "failed", code: string | null}} Entry what it
 *   has not: still on its way, or refused with a code
 * @typedef {{userId: string, role: string, online: boolean}} Member somebody who belongs to the service request
 * @typedef {{epoch: string | null, messages: Message[], outbox: Entry[]}} Saved what an app stores between two runs
 */

/** Answers that mean "not now": the outcome is unknown and the same id may be sent again. */
const PASSING = new Set(["unavailable", "rate_limited"]);

/** How often a message is tried against passing refusals before the user is asked. */
const TRIES = 5;

/** Delays without an end, for {@link HubConnectionBuilder.withAutomaticReconnect} and for everything else. */
export class Backoff {
  #random;

  constructor(random = Math.random) {
    this.#random = random;
  }

  /** Full jitter under a doubling bound: a crowd that lost its server does not come back in one moment. */
  delay(attempt) {
    return Math.ceil(this.#random() * Math.min(10_000, 500 * 2 ** Math.min(attempt, 10)));
  }

  /** What the library asks; it would give up on null, which never comes. */
  nextRetryDelayInMilliseconds({ previousRetryCount }) {
    return this.delay(previousRetryCount);
  }
}

/** The code of a hub error, `code: text`; null for a failure of the connection, whose outcome is unknown. */
export function refusalCode(error) {
  return /^([a-z_]+): /.exec(error?.message ?? "")?.[1] ?? null;
}

/** A version 4 UUID; `crypto.randomUUID` is missing on pages that come over plain HTTP. */
export function newClientMessageId() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6] & 0x0f) | 0x40;
  bytes[8] = (bytes[8] & 0x3f) | 0x80;
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

/** A conversation that survives lost connections, restarted servers and restored databases. */
export class ChatClient {
  /**
   * `refused`: the server said no for good.
   * @type {"connecting" | "online" | "offline" | "refused" | "stopped"}
   */
  connection = "connecting";
  /** The last failure of the connection, for people; null while online. @type {string | null} */
  problem = null;
  /** Null before the first join. @type {"open" | "closed" | null} */
  status = null;
  /** @type {Member[]} */
  parties = [];
  /** Ascending by `seq`. @type {Message[]} */
  messages;
  /** In the order of sending. @type {Entry[]} */
  outbox;

  #settings;
  #backoff;
  #hub;
  #epoch;
  #early = null;
  #timers = new Map();

  /**
   * @param {object} settings
   * @param {typeof import("@microsoft/signalr")} settings.signalR the library
   * @param {string} settings.hubUrl address of the hub, `…/hubs/chat`
   * @param {string} settings.serviceRequestId whose conversation
   * @param {string} settings.userId the `sub` of the token
   * @param {() => string | Promise<string>} settings.accessToken asked at every connect, so it may refresh the token
   * @param {(client: ChatClient) => void} [settings.onChange] called after every change of the fields above
   * @param {Partial<Saved>} [settings.saved] what {@link snapshot} gave before the app was closed
   * @param {Backoff} [settings.backoff]
   */
  constructor({ saved = {}, backoff = new Backoff(), ...settings }) {
    this.#settings = settings;
    this.#backoff = backoff;
    this.#epoch = saved.epoch ?? null;
    this.messages = saved.messages ?? [];
    this.outbox = saved.outbox ?? [];
    this.#hub = this.#buildHub();
  }

  /** The last number that is here; joining asks for what follows it. */
  get lastSeq() {
    return this.messages.at(-1)?.seq ?? 0;
  }

  /**
   * What an app stores, so that it goes on where it was when it is opened again.
   * @returns {Saved}
   */
  snapshot() {
    return structuredClone({ epoch: this.#epoch, messages: this.messages, outbox: this.outbox });
  }

  /** Connects and joins; failures are retried for ever, so this never rejects. */
  start() {
    return this.#connect(0);
  }

  /** Leaves for good: nothing is retried any more. */
  async stop() {
    this.#becomes("stopped");
    for (const [timer, wake] of this.#timers) {
      clearTimeout(timer);
      wake();
    }
    await this.#hub.stop();
  }

  /**
   * Puts a message into the outbox; it leaves at once or after the next join.
   * @param {string} body
   * @returns {string} its `clientMessageId`
   */
  send(body) {
    /** @type {Entry} */
    const entry = { clientMessageId: newClientMessageId(), body, state: "sending", code: null };
    this.outbox.push(entry);
    this.#transmit(entry);
    this.#changed();
    return entry.clientMessageId;
  }

  /**
   * Sends a failed message once more, as the same message.
   * @param {string} clientMessageId
   */
  retry(clientMessageId) {
    const entry = this.outbox.find((candidate) => candidate.clientMessageId === clientMessageId);
    if (entry?.state !== "failed") return;
    entry.state = "sending";
    entry.code = null;
    this.#transmit(entry);
    this.#changed();
  }

  #buildHub() {
    const { signalR, hubUrl, accessToken } = this.#settings;
    const hub = new signalR.HubConnectionBuilder()
      .withUrl(hubUrl, { accessTokenFactory: accessToken })
      .withAutomaticReconnect(this.#backoff)
      .configureLogging(signalR.LogLevel.None)
      .build();
    hub.onreconnecting((error) => this.#becomes("offline", error));
    hub.onreconnected(() => this.#join());
    // The server ended the connection without allowing a reconnect: to the user that is an interruption like any other.
    hub.onclose((error) => {
      if (this.#isOver()) return;
      this.#becomes("offline", error);
      this.#connect(1);
    });
    const mine = (handler) => (event) => {
      if (event.serviceRequestId !== this.#settings.serviceRequestId) return;
      if (this.#early === null) handler(event);
      else this.#early.push(() => handler(event));
    };
    hub.on("OnMessageReceived", mine((message) => {
      this.#keep(message);
      this.#changed();
    }));
    hub.on("OnPresenceChanged", mine(({ userId, online }) => {
      this.parties = this.parties.map((party) => (party.userId === userId ? { ...party, online } : party));
      this.#changed();
    }));
    hub.on("OnServiceRequestChanged", mine(({ status }) => {
      this.status = status;
      this.#changed();
    }));
    hub.on("OnRemoved", mine(({ code }) => this.#refuse(code)));
    hub.on("OnTyping", () => {});
    hub.on("OnRead", () => {});
    return hub;
  }

  /** Starts the connection; the library's automatic reconnect does not cover a first start that fails. */
  async #connect(attempt) {
    for (; !this.#isOver(); attempt += 1) {
      if (attempt > 0) await this.#sleep(attempt - 1);
      if (this.#isOver()) return;
      try {
        await this.#hub.start();
        break;
      } catch (error) {
        if (!this.#isOver()) this.#becomes("offline", error);
      }
    }
    await this.#join();
  }

  async #join() {
    const { connectionId } = this.#hub;
    for (let attempt = 0; !this.#isOver() && this.#hub.connectionId === connectionId; attempt += 1) {
      // Events may be handed over before the awaited answer of the join is: they wait until it has been read, or an older
      // list of who is there would replace what they say, and a history that has to be dropped would take them with it.
      this.#early = [];
      try {
        const { serviceRequestId } = this.#settings;
        this.#joined(await this.#hub.invoke("JoinServiceRequest", serviceRequestId, this.lastSeq, this.#epoch));
        return;
      } catch (error) {
        const code = refusalCode(error);
        if (code === null) return; // The connection was lost: its return joins again.
        if (code === "unauthenticated") return this.#renew();
        if (!PASSING.has(code)) return this.#refuse(code);
        this.#becomes("offline", error);
        await this.#sleep(attempt);
      }
    }
  }

  #joined({ epoch, status, parties }) {
    if (this.#epoch !== null && this.#epoch !== epoch) this.messages = []; // The database was restored: start over.
    this.#epoch = epoch;
    this.status = status;
    this.parties = parties;
    this.#becomes("online");
    const early = this.#early ?? [];
    this.#early = null;
    early.forEach((handle) => handle());
    this.outbox.filter(({ state }) => state === "sending").forEach((entry) => this.#transmit(entry));
  }

  /** Sends one entry; not awaited by anyone, since the hub keeps the order in which invocations leave. */
  async #transmit(entry, attempt = 0) {
    if (this.connection !== "online") return;
    const { clientMessageId, body } = entry;
    const waiting = () => this.outbox.includes(entry) && entry.state === "sending";
    try {
      const message = await this.#hub.invoke("SendMessage", this.#settings.serviceRequestId, { clientMessageId, body });
      this.#keep(message);
    } catch (error) {
      const code = refusalCode(error);
      if (code === null || !waiting()) return; // Unknown outcome: the next join sends it again.
      if (code === "unauthenticated") return this.#renew();
      if (PASSING.has(code) && attempt + 1 < TRIES) {
        await this.#sleep(attempt);
        if (waiting()) await this.#transmit(entry, attempt + 1);
        return;
      }
      entry.state = "failed";
      entry.code = code;
    }
    this.#changed();
  }

  /** Files a message under its number, once, and settles the outbox with it. */
  #keep(message) {
    const after = this.messages.findLastIndex(({ seq }) => seq <= message.seq);
    if (this.messages[after]?.seq !== message.seq) this.messages.splice(after + 1, 0, message);
    if (message.senderId !== this.#settings.userId) return;
    this.outbox = this.outbox.filter(({ clientMessageId }) => clientMessageId !== message.clientMessageId);
  }

  /** The token has ended: a new connection brings a fresh one, joins, and sends what is waiting. */
  async #renew() {
    await this.#hub.stop();
  }

  #refuse(code) {
    this.#becomes("refused", new Error(code));
    this.#hub.stop();
  }

  #becomes(connection, error = null) {
    this.connection = connection;
    this.problem = error?.message ?? null;
    this.#changed();
  }

  #isOver() {
    return this.connection === "stopped" || this.connection === "refused";
  }

  #changed() {
    this.#settings.onChange?.(this);
  }

  #sleep(attempt) {
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#timers.delete(timer);
        resolve();
      }, this.#backoff.delay(attempt));
      this.#timers.set(timer, resolve);
    });
  }
}
