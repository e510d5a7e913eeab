// One connection of the official client, and all that it received.

import * as signalR from "@microsoft/signalr";
import { eventually } from "./eventually.mjs";

const EVENTS = [
  "OnTyping",
  "OnRead",
  "OnPresenceChanged",
  "OnServiceRequestChanged",
  "OnHistoryTruncated",
  "OnRestarted",
  "OnRemoved",
];

/** Soon, always, and not all at once. */
const RECONNECT = { nextRetryDelayInMilliseconds: () => 50 + Math.random() * 200 };

/** Connections that a test has left open, and who makes new ones: they would keep its process alive for ever. */
const open = new Set();
const talkers = new Set();

/** Somebody who connects again and again until they are stopped, which they are at the end, whatever becomes of the test. */
export function stopAtTheEnd(talker) {
  talkers.add(talker);
}

/** Ends all connections. */
export async function hangUp() {
  await Promise.all([...talkers].map((talker) => talker.stop()));
  await Promise.all([...open].map((party) => party.stop()));
}

export class Party {
  #connection;
  #messages = [];
  /** `{name, ...event}` of everything that was no message. */
  events = [];

  /** Connects to a node with a token. `reconnect`: on its own, for ever. */
  static async connect(node, token, { reconnect = false, ...options } = {}) {
    const party = new Party(node, token, { reconnect, ...options });
    await party.start();
    return party;
  }

  constructor(node, token, { reconnect = false, ...options } = {}) {
    let builder = new signalR.HubConnectionBuilder()
      .withUrl(node.hubUrl, { accessTokenFactory: () => token, ...options })
      .configureLogging(signalR.LogLevel.None);
    if (reconnect) builder = builder.withAutomaticReconnect(RECONNECT);
    this.#connection = builder.build();
    this.#connection.on("OnMessageReceived", (message) => this.#messages.push(message));
    // As the guide for clients says: what is here counts no longer, and everything follows.
    this.#connection.on("OnRestarted", ({ serviceRequestId }) => this.forget(serviceRequestId));
    for (const name of EVENTS) this.#connection.on(name, (event) => this.events.push({ name, ...event }));
  }

  get connection() {
    return this.#connection;
  }

  start() {
    open.add(this);
    return this.#connection.start();
  }

  stop() {
    open.delete(this);
    return this.#connection.stop();
  }

  join(id, afterSeq = null, epoch = null) {
    return this.#connection.invoke("JoinServiceRequest", id, afterSeq, epoch);
  }

  leave(id) {
    return this.#connection.invoke("LeaveServiceRequest", id);
  }

  send(id, body, clientMessageId = crypto.randomUUID()) {
    return this.#connection.invoke("SendMessage", id, { clientMessageId, body });
  }

  /** Messages of a service request in the order of arrival. */
  received(id) {
    return this.#messages.filter((message) => message.serviceRequestId === id);
  }

  /** Drops the messages of a service request. */
  forget(id) {
    this.#messages = this.#messages.filter((message) => message.serviceRequestId !== id);
  }

  /** Their numbers. */
  seqs(id) {
    return this.received(id).map(({ seq }) => seq);
  }

  eventsOf(name) {
    return this.events.filter((event) => event.name === name);
  }

  /** Waits until so many messages have arrived. */
  receives(id, count, patience) {
    return eventually(() => this.received(id).length >= count, {
      patience,
      otherwise: () => `received ${this.received(id).length} of ${count} messages`,
    });
  }

  /** Waits for an event. */
  async hears(name, matches = () => true, patience) {
    await eventually(() => this.eventsOf(name).some(matches), { patience, otherwise: () => `no ${name} came` });
    return this.eventsOf(name).find(matches);
  }
}

/** The code of a hub error, `code: text`. */
export function hubCode(error) {
  return /^([a-z_]+): /.exec(error.message)?.[1] ?? `no code in "${error.message}"`;
}

/** The code that an invocation is refused with. */
export async function refusalOf(invocation) {
  try {
    await invocation;
  } catch (error) {
    return hubCode(error);
  }
  return "no refusal";
}
