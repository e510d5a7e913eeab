// A private Redis server.

import Redis from "ioredis";
import { freePort } from "./port.mjs";
import { Program } from "./program.mjs";

export class RedisServer {
  #folder;
  #program = null;

  static async start(folder) {
    const server = new RedisServer(folder, await freePort());
    await server.start();
    return server;
  }

  constructor(folder, port) {
    this.#folder = folder;
    this.port = port;
  }

  get url() {
    return `redis://127.0.0.1:${this.port}`;
  }

  async start() {
    const settings = ["--port", String(this.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"];
    this.#program = new Program("redis-server", settings, { cwd: this.#folder });
    await this.#program.ready(async () => {
      try {
        return await this.use((client) => client.ping());
      } catch {
        return null;
      }
    });
  }

  async stop() {
    await this.#program?.stop("SIGKILL");
    this.#program = null;
  }

  /** Hands a connection to `work`. */
  async use(work) {
    const client = new Redis(this.url, { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null });
    client.on("error", () => {});
    try {
      await client.connect();
      return await work(client);
    } finally {
      client.disconnect();
    }
  }

  /** Every payload published from now on to channels that match, until the returned function is called. */
  async record(pattern, payloads) {
    const client = new Redis(this.url);
    client.on("error", () => {});
    client.on("pmessageBuffer", (_pattern, channel, payload) => payloads.push({ channel: String(channel), payload }));
    await client.psubscribe(pattern);
    return () => client.disconnect();
  }
}
