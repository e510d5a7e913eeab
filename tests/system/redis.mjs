// A private Redis server.

import { readFileSync } from "node:fs";
import Redis from "ioredis";
import { freePort } from "./port.mjs";
import { Program } from "./program.mjs";

export class RedisServer {
  #folder;
  #authority;
  #password;
  #program = null;

  /** With an authority it speaks TLS only, and asks for a password. */
  static async start(folder, authority = null) {
    const server = new RedisServer(folder, await freePort(), authority);
    await server.start();
    return server;
  }

  constructor(folder, port, authority) {
    this.#folder = folder;
    this.#authority = authority;
    this.#password = authority ? "a password: with/specials" : null;
    this.port = port;
  }

  get url() {
    if (!this.#authority) return `redis://127.0.0.1:${this.port}`;
    return `rediss://:${encodeURIComponent(this.#password)}@localhost:${this.port}`;
  }

  async start() {
    const settings = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", ...this.#listening()];
    this.#program = new Program("redis-server", settings, { cwd: this.#folder });
    await this.#program.ready(async () => {
      try {
        return await this.use((client) => client.ping());
      } catch {
        return null;
      }
    });
  }

  #listening() {
    if (!this.#authority) return ["--port", String(this.port)];
    const { root, certificate, key } = this.#authority;
    const files = ["--tls-ca-cert-file", root, "--tls-cert-file", certificate, "--tls-key-file", key];
    const access = ["--tls-auth-clients", "no", "--requirepass", this.#password];
    return ["--port", "0", "--tls-port", String(this.port), ...files, ...access];
  }

  async stop() {
    await this.#program?.stop("SIGKILL");
    this.#program = null;
  }

  /** Stops answering, and keeps every connection: what a machine under too much load looks like from outside. */
  hang() {
    this.#program.signal("SIGSTOP");
  }

  /** Goes on with whatever has been waiting. */
  goOn() {
    this.#program.signal("SIGCONT");
  }

  /** Hands a connection to `work`. */
  async use(work) {
    const tls = this.#authority ? { tls: { ca: readFileSync(this.#authority.root) } } : {};
    const options = { lazyConnect: true, maxRetriesPerRequest: 0, retryStrategy: () => null, ...tls };
    const client = new Redis(this.url, options);
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
