// Everything that one test file needs: a PostgreSQL server, a Redis server, a database, and nodes on top.

import { randomBytes } from "node:crypto";
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority } from "./authority.mjs";
import { Functions, Relay } from "./functions.mjs";
import { dataFolder, HUBLINE, Node, ROOT } from "./node.mjs";
import { hangUp } from "./party.mjs";
import { freePort } from "./port.mjs";
import { Postgres } from "./postgres.mjs";
import { Program, run } from "./program.mjs";
import { RedisServer } from "./redis.mjs";
import { ServiceRequest } from "./service-request.mjs";
import { Spin, SPIN } from "./spin.mjs";
import { claims, hs256 } from "./tokens.mjs";

const DATABASE = "chat";

export class Cluster {
  #folder;
  #nodes = [];
  #secret = randomBytes(32).toString("hex");
  #variables;

  /** @param {{variables?: object, tls?: boolean, durable?: boolean}} [setup] variables for every node; whether the servers speak TLS; whether commits wait for the disk */
  static async start({ variables = {}, tls = false, durable = false } = {}) {
    const cluster = new Cluster(variables);
    cluster.authority = tls ? await Authority.make(cluster.folder("authority")) : null;
    const [server, redis] = await Promise.all([
      Postgres.start(cluster.folder("postgres"), cluster.authority, durable),
      RedisServer.start(cluster.folder("redis"), cluster.authority),
    ]);
    cluster.postgres = server;
    cluster.redis = redis;
    cluster.databaseUrl = await server.createDatabase(DATABASE);
    return cluster;
  }

  constructor(variables) {
    this.#folder = mkdtempSync(join(tmpdir(), "hubline-test-"));
    // PostgreSQL runs as another user when the tests run as root.
    chmodSync(this.#folder, 0o755);
    this.#variables = {
      jwt_secret: this.#secret,
      relay_key: randomBytes(32).toString("hex"),
      delivery_key: randomBytes(32).toString("hex"),
      ...variables,
    };
  }

  get deliveryKey() {
    return this.#variables.delivery_key;
  }

  get relayKey() {
    return this.#variables.relay_key;
  }

  /** A folder of its own, gone with the cluster. */
  folder(name) {
    const folder = join(this.#folder, name);
    mkdirSync(folder, { recursive: true });
    return folder;
  }

  /** Starts a node; `setup` may put other addresses and variables in place of the cluster's own. */
  async node(name, setup) {
    const node = await this.newNode(name, setup);
    return node.start();
  }

  /** A node that is yet to be started. */
  async newNode(name = "main", { variables = {}, port, ...setup } = {}) {
    const node = new Node({
      name,
      folder: this.folder(`node-${name}`),
      port: port ?? (await freePort()),
      databaseUrl: this.databaseUrl,
      redisUrl: this.redis.url,
      variables: { ...this.#variables, ...variables },
      ...setup,
    });
    this.#nodes.push(node);
    return node;
  }

  /**
   * Starts functions and a relay apart, on a database that is migrated: `{functions, relay, beside}`, where `beside` starts
   * one more relay, which may have other variables. The functions run in Spin where SPIN says which.
   */
  async apart({ node = "main", operationsDatabaseUrl, variables: more = {} } = {}) {
    const operated = operationsDatabaseUrl ? ["--operations-database-url", operationsDatabaseUrl] : [];
    await this.hubline(["migrate", "--database-url", this.databaseUrl, ...operated]);
    const internalPort = await freePort();
    const roleUrl = (url, role) => `${url}?options=${encodeURIComponent(`-c role=${role}`)}`;
    const originOf = (url) => `postgres://${new URL(url).host}`;
    const variables = {
      ...this.#variables,
      ...more,
      ...(operationsDatabaseUrl && {
        operations_database_url: roleUrl(operationsDatabaseUrl, "hubline_operations"),
        operations_database_origin: originOf(operationsDatabaseUrl),
      }),
      node,
      database_url: roleUrl(this.databaseUrl, "hubline_chat"),
      database_origin: originOf(this.databaseUrl),
      purge_database_url: roleUrl(this.databaseUrl, "hubline_purge"),
      redis_url: this.redis.url,
      redis_origin: this.redis.url,
      relay_url: `http://127.0.0.1:${internalPort}`,
    };
    const functions = await (SPIN ? Spin : Functions).start({ folder: this.folder("functions"), variables });
    this.#nodes.push(functions);
    const beside = async (name, port, others = {}) => {
      const relay = await Relay.start({
        folder: this.folder(`relay-${name}`),
        node: name,
        upstream: functions.origin,
        internalPort: port,
        variables: { ...this.#variables, ...others },
      });
      this.#nodes.push(relay);
      return relay;
    };
    return { functions, relay: await beside(node, internalPort, more), beside };
  }

  /** A token that holds; claims given replace the usual ones. */
  token(who) {
    const { jwt_issuer: iss, jwt_audience: aud } = this.#variables;
    return hs256(claims({ ...(iss && { iss }), ...(aud && { aud }), ...who }), this.#secret);
  }

  /** The same with any header or payload. */
  sign(payload, header) {
    return hs256(payload, this.#secret, header);
  }

  /** Reports a new, open service request with parties of its own. */
  async open(node, options) {
    const request = new ServiceRequest(this, options);
    await request.report(node);
    return request;
  }

  /** Runs statements as the owner of the database and gives the rows of the last. */
  sql(text, values) {
    return this.postgres.query(text, values, DATABASE);
  }

  /** Runs another command of `hubline` beside the nodes, with their variables, and gives what it printed. */
  hubline(args) {
    return run(HUBLINE, args, this.commandOptions());
  }

  /** Starts a command of `hubline` that the test may end before its time. */
  startHubline(args, environment = {}) {
    const { cwd, env } = this.commandOptions();
    return new Program(HUBLINE, args, { cwd, env: { ...env, ...environment } });
  }

  commandOptions() {
    const env = { ...process.env, HUBLINE_DATA_DIR: dataFolder(this.folder("commands")), HUBLINE_DATABASE_URL: this.databaseUrl };
    for (const [name, value] of Object.entries(this.#variables)) env[`SPIN_VARIABLE_${name.toUpperCase()}`] = value;
    return { cwd: ROOT, env };
  }

  async stop() {
    await hangUp();
    await Promise.all(this.#nodes.map((node) => node.kill()));
    await Promise.all([this.postgres?.stop(), this.redis?.stop()]);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
