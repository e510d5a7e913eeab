// Somebody who talks and listens through every interruption, as the guide for clients says.

import { pause } from "./eventually.mjs";
import { Party, stopAtTheEnd } from "./party.mjs";

export class Talker {
  #party;
  #request;
  #token;
  #nodes;
  #moves;
  #talking = false;
  #stopped = false;
  /** Whether the connection has joined. What is sent before may be answered with a number beyond what came so far. */
  #joined = false;
  #rounds = null;
  /** The last number that it has seen. */
  #highest = 0;
  /** Messages that the server acknowledged, in the order of the answers. */
  acknowledged = [];
  /** Messages that came as events, on any connection, in the order of arrival. */
  received = [];
  /** Everything sent: what the texts are called. */
  said = 0;

  /** @param nodes where to connect: to the first, and when it can't be reached to the next */
  static async join(nodes, request, token) {
    const talker = new Talker(nodes, request, token);
    await talker.#connect();
    return talker;
  }

  constructor(nodes, request, token) {
    this.#nodes = nodes;
    this.#request = request;
    this.#token = token;
    this.#moves = nodes.length > 1;
    stopAtTheEnd(this);
  }

  #saw(messages, message) {
    messages.push(message);
    this.#highest = Math.max(this.#highest, message.seq);
  }

  /** With one node the library reconnects by itself; with several this class does, to the next one. */
  async #connect() {
    for (let turn = 0; !this.#stopped; turn += 1) {
      const node = this.#nodes[turn % this.#nodes.length];
      const party = new Party(node, this.#token, { reconnect: !this.#moves });
      party.connection.on("OnMessageReceived", (message) => this.#saw(this.received, message));
      party.connection.onreconnecting(() => (this.#joined = false));
      party.connection.onreconnected(() => this.#rejoin(party));
      party.connection.onclose(() => {
        if (!this.#moves || this.#party !== party) return;
        this.#joined = false;
        this.#connect();
      });
      try {
        await party.start();
        this.#party = party;
        await this.#rejoin(party);
        return;
      } catch {
        await party.stop();
        await pause(50);
      }
    }
  }

  async #rejoin(party) {
    const { connectionId } = party.connection;
    // Once the connection is another one, that one's own call of this joins.
    while (this.#party === party && party.connection.connectionId === connectionId) {
      try {
        await party.join(this.#request.id, this.#highest);
        this.#joined = true;
        return;
      } catch {
        await pause(50);
      }
    }
  }

  /** Talks until `quiet` is called, with a few messages under way at once. */
  talk(name, atOnce = 4) {
    this.#talking = true;
    const voice = async () => {
      while (this.#talking) {
        this.said += 1;
        await this.#say(`${name} ${this.said}`);
      }
    };
    this.#rounds = Promise.all(Array.from({ length: atOnce }, voice));
  }

  /** Sends the same message until it is acknowledged. */
  async #say(body) {
    const clientMessageId = crypto.randomUUID();
    while (!this.#stopped) {
      try {
        while (!this.#joined && !this.#stopped) await pause(10);
        this.#saw(this.acknowledged, await this.#party.send(this.#request.id, body, clientMessageId));
        return;
      } catch {
        await pause(20);
      }
    }
  }

  /** Says nothing new, and waits until all that was said is acknowledged. */
  async quiet() {
    this.#talking = false;
    await this.#rounds;
  }

  /** How it is, for a failure's message. */
  toString() {
    const state = this.#party?.connection.state;
    return `${state}, has ${this.received.length} events, ${this.acknowledged.length} answers, ${this.#highest} is the last`;
  }

  async stop() {
    [this.#moves, this.#talking, this.#stopped] = [false, false, true];
    const party = this.#party;
    this.#party = null;
    await party?.stop();
  }
}
