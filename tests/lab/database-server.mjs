// A PostgreSQL server that archives its log, and can be restored to a point in time as a server of its own.

import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { Program, run } from "../system/program.mjs";
import { ACCOUNT, own, program } from "../system/postgres.mjs";
import { tool } from "./tools.mjs";

/** All that is written is in the archive this many seconds later at most. */
const ARCHIVE_SECONDS = 2;

const SUPERUSER = "owner";

/** Everybody but the server's owner needs a password. */
const ACCESS = `local all all trust
host all ${SUPERUSER} 127.0.0.0/8 trust
host replication ${SUPERUSER} 127.0.0.0/8 trust
host all all 127.0.0.0/8 scram-sha-256
`;

export class DatabaseServer {
  #folder;
  #program = null;

  /** @param {{folder: string, name: string, host: string, port: number}} setup */
  constructor({ folder, name, host, port }) {
    this.#folder = folder;
    this.name = name;
    this.host = host;
    this.port = port;
    mkdirSync(this.#archive, { recursive: true });
    own(folder);
    own(this.#archive);
  }

  get #data() {
    return join(this.#folder, "data");
  }

  get #archive() {
    return join(this.#folder, "archive");
  }

  get #backup() {
    return join(this.#folder, "backup");
  }

  /**
   * A new server, backed up.
   *
   * With a history it is that many seconds old, and `history.live` was called for each of them that is a multiple of
   * `history.step`, with the server's clock at that moment: what it writes is in the log with that time.
   *
   * @param {{folder: string, name: string, host: string, port: number}} setup
   * @param {{seconds: number, step: number, live: (server: DatabaseServer) => Promise<void>}} [history]
   */
  static async create(setup, history) {
    const server = new DatabaseServer(setup);
    // Small segments of the log: a lab archives every other second.
    const args = ["-D", server.#data, "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync", "--wal-segsize=1"];
    await run(program("initdb"), args, { ...ACCOUNT, cwd: "/" });
    writeFileSync(join(server.#data, "pg_hba.conf"), ACCESS);
    if (history) await server.#live(history);
    await server.start();
    if (!history) await server.backUp();
    return server;
  }

  /** Lives through the time before now, with a clock of its own. */
  async #live({ seconds, step, live }) {
    const clock = join(this.#folder, "clock");
    const set = (age) => writeFileSync(clock, `-${age}\n`);
    set(seconds);
    const env = { ...process.env, LD_PRELOAD: tool("libfaketime.so.1"), FAKETIME_TIMESTAMP_FILE: clock, FAKETIME_NO_CACHE: "1" };
    await this.start([], env);
    for (let age = seconds; age > 0; age -= step) {
      set(age);
      await live(this);
      if (age === seconds) await this.backUp();
    }
    await this.stop("SIGINT");
  }

  async start(more = [], env = process.env) {
    const settings = [
      `listen_addresses=${this.host}`,
      "unix_socket_directories=",
      "fsync=off",
      "archive_mode=on",
      `archive_command=test ! -f ${this.#archive}/%f && cp %p ${this.#archive}/%f`,
      `archive_timeout=${ARCHIVE_SECONDS}`,
      "max_wal_size=64MB",
      ...more,
    ];
    const args = ["-D", this.#data, "-p", String(this.port), ...settings.flatMap((setting) => ["-c", setting])];
    this.#program = new Program(program("postgres"), args, { ...ACCOUNT, cwd: this.#folder, env });
    const isOpen = "select 1 where not pg_is_in_recovery()";
    await this.#program.ready(() => this.query(isOpen).then((rows) => rows.length > 0, () => null));
    return this;
  }

  /** Stops at once, as a crash would; `SIGINT` lets it finish what it writes. */
  async stop(signal = "SIGQUIT") {
    await this.#program?.stop(signal);
    this.#program = null;
  }

  get isRunning() {
    return this.#program !== null;
  }

  /** A base backup, from which on it can be restored. */
  async backUp() {
    const args = ["-h", this.host, "-p", String(this.port), "-U", SUPERUSER, "-D", this.#backup, "-c", "fast", "-X", "none", "--no-sync", "--no-manifest"];
    await run(program("pg_basebackup"), args, { ...ACCOUNT, cwd: "/" });
    const [{ now }] = await this.query("select clock_timestamp() as now");
    this.earliestRestore = now;
  }

  /**
   * Another server with the data of this one as it was at a point in time: its base backup, and its log up to there.
   *
   * @param {{folder: string, name: string, host: string, port: number}} setup of the new server
   * @param {Date} pointInTime
   */
  async restored(setup, pointInTime) {
    // What is not in the archive yet: a cloud has it there minutes later, and a lab does not wait.
    if (this.isRunning) await this.query("select pg_switch_wal()").catch(() => {});
    await this.#isArchived(pointInTime);
    const server = new DatabaseServer(setup);
    await run("cp", ["-a", this.#backup, server.#data]);
    chmodSync(server.#data, 0o700);
    writeFileSync(join(server.#data, "recovery.signal"), "");
    own(join(server.#data, "recovery.signal"));
    const target = pointInTime.toISOString().replace("T", " ").replace("Z", "+00");
    await server.start([
      `restore_command=cp ${this.#archive}/%f %p`,
      `recovery_target_time=${target}`,
      "recovery_target_action=promote",
    ]);
    await server.backUp();
    return server;
  }

  /** Waits until something later than the point in time is in the archive. */
  async #isArchived(pointInTime) {
    for (let tries = 0; tries < 100 && this.isRunning; tries += 1) {
      const [row] = await this.query("select last_archived_time as at, last_archived_wal as wal from pg_stat_archiver");
      if (row.at > pointInTime && existsSync(join(this.#archive, row.wal))) return;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** The address of a database, as the server's owner. */
  url(database = "postgres") {
    return `postgres://${SUPERUSER}@${this.host}:${this.port}/${database}`;
  }

  /** Runs statements as the owner and gives the rows of the last. */
  async query(text, values = [], database = "postgres") {
    const client = new pg.Client({ connectionString: this.url(database), connectionTimeoutMillis: 5_000 });
    client.on("error", () => {});
    await client.connect();
    try {
      return (await client.query(text, values)).rows;
    } finally {
      await client.end().catch(() => {});
    }
  }
}
