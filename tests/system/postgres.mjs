// A private PostgreSQL server.

import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, copyFileSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { freePort } from "./port.mjs";
import { Program, run } from "./program.mjs";

/** Where package managers keep each version's programs, off the path: the places where crates/programs looks. */
const VERSIONED = ["/usr/lib/postgresql", "/opt/homebrew/opt", "/usr/local/opt", "/usr"];

/** The programs of a server. Debian links those of a client alone into the path, and some systems `postgres` alone. */
const SERVER = ["postgres", "initdb", "pg_ctl", "psql"];

/** The folder of a server's programs; the newest version's comes first. */
function programs() {
  const names = (root) => (existsSync(root) ? readdirSync(root) : []);
  const version = (name) => Number(/\d+$/.exec(name)?.[0] ?? 0); // `17`, `postgresql@17`, `pgsql-17`
  const versioned = VERSIONED.flatMap((root) => names(root).map((name) => ({ root, name })))
    .sort((one, other) => version(other.name) - version(one.name))
    .map(({ root, name }) => join(root, name, "bin"));
  const found = [...versioned, ...process.env.PATH.split(":")].find((folder) => SERVER.every((name) => existsSync(join(folder, name))));
  if (!found) throw new Error(`PostgreSQL's server is not installed: it is neither on the path nor in ${VERSIONED.join(", ")}`);
  return found;
}

/** Where a program of PostgreSQL is. */
export const program = (name) => join(programs(), name);

/** PostgreSQL refuses to run as root: then it runs as the user that its package made. */
function account() {
  if (userInfo().uid !== 0) return {};
  const id = (flag) => Number(execFileSync("id", [flag, "postgres"], { encoding: "utf8" }));
  return { uid: id("-u"), gid: id("-g") };
}

export const ACCOUNT = account();
const SUPERUSER = "owner";

/** Gives a file or folder to the user that PostgreSQL runs as. */
export function own(path) {
  if (ACCOUNT.uid !== undefined) chownSync(path, ACCOUNT.uid, ACCOUNT.gid);
}

/** The settings for TLS; PostgreSQL takes its key from a file that nobody else can read. */
function certified(folder, authority) {
  const key = join(folder, "server.key");
  copyFileSync(authority.key, key);
  chmodSync(key, 0o600);
  own(key);
  return [["ssl", "on"], ["ssl_cert_file", authority.certificate], ["ssl_key_file", key]];
}

export class Postgres {
  #folder;
  #program = null;
  #options;

  /** @param {string} folder an empty folder of its own; with an authority it offers TLS; `durable`: commits wait for the disk */
  static async start(folder, authority = null, durable = false) {
    own(folder);
    await copyTemplate(join(folder, "data"));
    const options = [...(authority ? certified(folder, authority) : []), ...(durable ? [["fsync", "on"]] : [])];
    const server = new Postgres(folder, await freePort(), options);
    await server.start();
    return server;
  }

  constructor(folder, port, options) {
    this.#folder = folder;
    this.#options = options;
    this.port = port;
  }

  /** The address of a database, as its owner. */
  url(database = "postgres") {
    return `postgres://${SUPERUSER}@127.0.0.1:${this.port}/${database}`;
  }

  async start() {
    const settings = [
      ["listen_addresses", "127.0.0.1"],
      ["unix_socket_directories", ""],
      ["max_connections", "200"],
      // A test's data need not survive a power cut; that commits wait for the disk is measured by the benchmarks.
      ["fsync", "off"],
      ...this.#options,
    ];
    const args = ["-D", join(this.#folder, "data"), "-p", String(this.port)];
    settings.forEach(([name, value]) => args.push("-c", `${name}=${value}`));
    this.#program = new Program(program("postgres"), args, { ...ACCOUNT, cwd: this.#folder });
    await this.#program.ready(() => this.query("select 1").catch(() => null));
  }

  /** Stops the server at once, as a crash of its machine would: `SIGQUIT` breaks all connections. */
  async stop() {
    await this.#program?.stop("SIGQUIT");
    this.#program = null;
  }

  /**
   * Keeps the data as they are now, and gives what puts them back: everything that is committed until then is lost, as when
   * a standby takes over that lacks it. The server is away for a moment both times.
   */
  async keep() {
    const [data, kept] = ["data", "kept"].map((name) => join(this.#folder, name));
    await this.stop();
    await run("cp", ["-a", data, kept]);
    await this.start();
    return async () => {
      await this.stop();
      rmSync(data, { recursive: true });
      renameSync(kept, data);
      await this.start();
    };
  }

  async createDatabase(name) {
    await this.query(`create database ${name}`);
    return this.url(name);
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

  /** Runs one of PostgreSQL's own programs. */
  tool(name, args) {
    return run(program(name), args, ACCOUNT);
  }
}

/** Copies a data folder that is made once for all tests on this machine. */
async function copyTemplate(target) {
  const [version] = (await run(program("postgres"), ["--version"])).match(/[\d.]+/);
  const template = join(tmpdir(), `hubline-tests-postgres-${version}-${userInfo().uid}`);
  if (!existsSync(template)) await makeTemplate(template);
  await run("cp", ["-a", template, target]);
}

async function makeTemplate(template) {
  const draft = `${template}.${process.pid}`;
  rmSync(draft, { recursive: true, force: true });
  mkdirSync(draft);
  own(draft);
  chmodSync(draft, 0o700);
  const args = ["-D", draft, "-U", SUPERUSER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync"];
  await run(program("initdb"), args, { ...ACCOUNT, cwd: "/" });
  try {
    renameSync(draft, template);
  } catch {
    rmSync(draft, { recursive: true, force: true }); // Another test was faster; its template is as good.
  }
}
