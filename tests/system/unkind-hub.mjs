// A hub in memory, with the library's side of it, that does whatever a test says and a real one may do: it refuses, answers
// late and in another order, loses connections with what is on its way in them, goes on with what an ended connection has
// sent, and ends a connection over a message that it can't read.

/** A message with this text ends its connection. */
export const POISON = "poison";

const copy = (value) => JSON.parse(JSON.stringify(value));

/** One connection, as both ends see it. What was sent stays with the server after it has ended. */
class Link {
  isUp = true;
  isJoined = false;
  /** Invocations that have arrived and were not looked at, in the order of sending. */
  inbound = [];
  /** What was said to the client and has not arrived. */
  outbound = [];
  /** What was refused for now: until it comes again in its order, or a join, everything else is refused as well. */
  awaited = [];
  /** Why. */
  code = null;
  /** Invocations whose answer was not heard, by their ids. */
  unanswered = new Map();

  constructor(client) {
    this.client = client;
  }
}

export class UnkindHub {
  /** What is stored, in order. */
  messages = [];
  status = "open";
  isThere = true;
  /** The first number that is kept. */
  firstSeq = 1;
  /** Names of messages that were refused for good at some time. */
  refused = new Set();
  /** How often each message was refused for now on its own account, by its name. */
  refusals = new Map();
  /** How many joins were looked at. */
  joins = 0;
  /** Every connection there was; the last is the newest. @type {Link[]} */
  links = [];
  /** Told of each message when it is stored. */
  stored = (_message) => {};
  /** Told of the connection of each send that leaves. */
  left = (_link) => {};

  constructor(id, userId) {
    this.id = id;
    this.userId = userId;
  }

  /** What a client takes for the library. */
  get signalR() {
    const hub = this;
    return {
      LogLevel: { None: 6 },
      HubConnectionBuilder: class {
        withUrl = () => this;
        configureLogging = () => this;
        withAutomaticReconnect = (policy) => ((this.policy = policy), this);
        build = () => new Library(hub, this.policy);
      },
    };
  }

  get link() {
    return this.links.at(-1);
  }

  has(clientMessageId) {
    return this.messages.some((message) => message.clientMessageId === clientMessageId);
  }

  /** Somebody else says something. */
  otherSays(body) {
    this.#store(null, { senderId: "theo", senderRole: "technician", clientMessageId: crypto.randomUUID(), body });
  }

  /**
   * Looks at the next invocation of a connection. `mood`: "kind", "unavailable", "rate_limited", "forgetful", or
   * "unauthenticated" for a join.
   */
  work(link, mood) {
    const invocation = link.inbound.shift();
    if (invocation === undefined) return;
    const { method, args } = invocation;
    if (method === "JoinServiceRequest") return this.#join(link, invocation, mood, args[1]);
    const { clientMessageId, body } = args[1];
    if (body === POISON) {
      link.inbound = [];
      this.cut(link, new Error("Server returned an error on close: Connection closed with an error."));
      return;
    }
    if (link.awaited.length > 0 && link.awaited[0] !== clientMessageId) {
      if (!link.awaited.includes(clientMessageId)) link.awaited.push(clientMessageId);
      return this.#refuse(link, invocation, link.code);
    }
    link.awaited.shift();
    const known = this.messages.find((message) => message.clientMessageId === clientMessageId);
    const refusal = { unavailable: "unavailable", forgetful: "unavailable", rate_limited: "rate_limited" }[mood];
    if (known === undefined && this.status === "closed") {
      this.refused.add(clientMessageId);
      return this.#refuse(link, invocation, "closed");
    }
    if (mood === "forgetful" && known === undefined) {
      // It is stored, and whoever should say so does not know.
      this.#store(null, { senderId: this.userId, senderRole: "customer", clientMessageId, body });
    }
    if (refusal !== undefined) {
      this.refusals.set(clientMessageId, (this.refusals.get(clientMessageId) ?? 0) + 1);
      link.awaited.unshift(clientMessageId);
      link.code = refusal;
      return this.#refuse(link, invocation, refusal);
    }
    const sender = { senderId: this.userId, senderRole: "customer" };
    const result = known ?? this.#store(link, { ...sender, clientMessageId, body });
    link.outbound.push({ invocationId: invocation.id, result });
  }

  #join(link, invocation, mood, afterSeq) {
    this.joins += 1;
    if (mood !== "kind") return this.#refuse(link, invocation, mood === "unauthenticated" ? mood : "unavailable");
    const parties = [{ userId: this.userId, role: "customer", online: true }];
    const { id: serviceRequestId, status, firstSeq } = this;
    const lastSeq = this.messages.length;
    const restarted = afterSeq > lastSeq;
    const after = restarted ? 0 : afterSeq;
    const truncated = after + 1 < firstSeq;
    const result = { serviceRequestId, firstSeq, lastSeq, truncated, epoch: "e", status, restarted, parties };
    link.outbound.push({ invocationId: invocation.id, result });
    for (const message of this.messages.slice(Math.max(after, firstSeq - 1))) {
      link.outbound.push({ event: "OnMessageReceived", content: message });
    }
    link.isJoined = true;
    link.awaited = [];
  }

  #refuse(link, invocation, code) {
    const seconds = code === "rate_limited" ? ": try again in 2 s" : ": not now";
    link.outbound.push({ invocationId: invocation.id, error: code + seconds, isRefusal: true });
  }

  #store(from, draft) {
    const seq = this.messages.length + 1;
    const message = { id: `m${seq}`, serviceRequestId: this.id, seq, sentAt: "2026-01-01T00:00:00.000000Z", ...draft };
    this.stored(message);
    this.messages.push(message);
    for (const link of this.links) {
      if (link.isUp && link.isJoined && link !== from) link.outbound.push({ event: "OnMessageReceived", content: message });
    }
    return message;
  }

  /** Has one thing arrive at the client: the next, or a refusal that overtakes what was said before. */
  deliver(link, pick = 0) {
    const first = link.outbound.findIndex(({ isRefusal }) => !isRefusal);
    const ready = link.outbound.filter((record, place) => record.isRefusal || place === first);
    const record = ready[pick % Math.max(1, ready.length)];
    if (record === undefined || !link.isUp) return;
    link.outbound.splice(link.outbound.indexOf(record), 1);
    link.client.hear(copy(record));
  }

  /** Ends a connection; `allowsReconnect`: whether the library comes back by itself. */
  cut(link, error = undefined, allowsReconnect = true) {
    if (link.isUp) link.client.lose(error, allowsReconnect);
  }
}

/** The library's connection, in what a client uses of it. */
class Library {
  connectionId = null;
  #hub;
  #policy;
  #link = null;
  #handlers = new Map();
  #callbacks = new Map();
  #invocations = 0;
  #state = "Disconnected";
  #timer;

  constructor(hub, policy) {
    this.#hub = hub;
    this.#policy = policy;
  }

  on(event, handler) {
    this.#handlers.set(event, handler);
  }

  onreconnecting(callback) {
    this.reconnecting = callback;
  }

  onreconnected(callback) {
    this.reconnected = callback;
  }

  onclose(callback) {
    this.closed = callback;
  }

  async start() {
    if (this.#state !== "Disconnected") throw new Error("not disconnected");
    this.#state = "Connecting";
    await null;
    if (this.#state === "Connecting" && this.#open()) return;
    this.#state = "Disconnected";
    throw new Error("nobody is there");
  }

  #open() {
    if (!this.#hub.isThere) return false;
    this.#state = "Connected";
    this.#link = new Link(this);
    this.#hub.links.push(this.#link);
    return true;
  }

  async stop() {
    clearTimeout(this.#timer);
    const wasThere = this.#state === "Connected" || this.#state === "Reconnecting";
    this.#end();
    this.#state = "Disconnected";
    if (wasThere) this.closed();
  }

  invoke(method, ...args) {
    if (this.#state !== "Connected") return Promise.reject(new Error("Cannot send data if the connection is not in the 'Connected' State."));
    const link = this.#link;
    const id = String((this.#invocations += 1));
    link.unanswered.set(id, method);
    if (method === "SendMessage") this.#hub.left(link);
    link.inbound.push({ id, method, args: copy(args) });
    return new Promise((resolve, reject) => this.#callbacks.set(id, { resolve, reject }));
  }

  hear({ event, content, invocationId, result, error }) {
    if (event !== undefined) return this.#handlers.get(event)?.(content);
    this.#link.unanswered.delete(invocationId);
    const { resolve, reject } = this.#callbacks.get(invocationId);
    this.#callbacks.delete(invocationId);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  }

  lose(error, allowsReconnect) {
    this.#end(error);
    this.#state = allowsReconnect ? "Reconnecting" : "Disconnected";
    if (!allowsReconnect) return this.closed(error);
    this.reconnecting(error);
    this.#comeBack(0);
  }

  #comeBack(previousRetryCount) {
    if (this.#state !== "Reconnecting") return;
    this.#timer = setTimeout(() => {
      if (this.#open()) this.reconnected();
      else this.#comeBack(previousRetryCount + 1);
    }, this.#policy.nextRetryDelayInMilliseconds({ previousRetryCount, elapsedMilliseconds: 0, retryReason: new Error() }));
  }

  #end(error = new Error("Invocation canceled due to the underlying connection being closed.")) {
    if (this.#link) this.#link.isUp = false;
    const callbacks = [...this.#callbacks.values()];
    this.#callbacks.clear();
    for (const { reject } of callbacks) reject(error);
  }
}
