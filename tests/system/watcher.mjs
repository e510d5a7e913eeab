// Somebody who joins conversations and sees who is there.

import { eventually } from "./eventually.mjs";
import { Party } from "./party.mjs";

export class Watcher {
  #party;
  #request;
  /** By party: whether they are there, as the answer to the join and the events since say. */
  #there;
  /** What came since the join, in its order. */
  heard = [];

  static async join(node, token, request) {
    const party = new Party(node, token);
    const watcher = new Watcher();
    party.connection.on("OnPresenceChanged", (event) => watcher.#hear(event));
    await party.start();
    const { parties } = await party.join(request.id, 0);
    const before = parties.map(({ userId, online }) => [userId, online]);
    // What came together with the answer is later than it.
    watcher.#there = new Map([...before, ...watcher.heard.map(({ userId, online }) => [userId, online])]);
    watcher.#party = party;
    watcher.#request = request;
    return watcher;
  }

  #hear({ userId, online }) {
    this.heard.push({ userId, online });
    this.#there?.set(userId, online);
  }

  sees(userId) {
    return this.#there.get(userId);
  }

  get isConnected() {
    return this.#party.connection.state === "Connected";
  }

  /** Waits until somebody is seen to be there, or not, and answers how long that took. */
  async willSee(userId, online, patience) {
    const began = performance.now();
    await eventually(() => this.sees(userId) === online, {
      patience,
      otherwise: () => `${userId} in ${this.#request.id} is ${online ? "not there" : "still there"}: ${JSON.stringify(this.heard)}`,
    });
    return performance.now() - began;
  }

  stop() {
    return this.#party.stop();
  }
}
