// PgBouncer in front of PostgreSQL, as Debian packages it.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import pg from "pg";
import { freePort } from "./port.mjs";
import { ACCOUNT, own } from "./postgres.mjs";
import { Program } from "./program.mjs";

const PGBOUNCER = process.env.PGBOUNCER ?? "/usr/sbin/pgbouncer";

export class PgBouncer {
  #program;

  /** Pools one database for these logins. It drops the options of connections, as guides for clients that send them advise. */
  static async start(folder, postgres, database, logins) {
    const pooler = new PgBouncer();
    pooler.port = await freePort();
    const users = join(folder, "users.txt");
    const configuration = join(folder, "pgbouncer.ini");
    writeFileSync(users, logins.map((login) => `"${login}" ""\n`).join(""));
    writeFileSync(configuration, `
      [databases]
      ${database} = host=127.0.0.1 port=${postgres.port}
      [pgbouncer]
      listen_addr = 127.0.0.1
      listen_port = ${pooler.port}
      unix_socket_dir =
      auth_type = trust
      auth_file = ${users}
      pool_mode = session
      ignore_startup_parameters = options, extra_float_digits
    `);
    [folder, users, configuration].forEach(own);
    pooler.#program = new Program(PGBOUNCER, [configuration], { ...ACCOUNT, cwd: folder });
    await pooler.#program.ready(async () => {
      const client = new pg.Client({ connectionString: pooler.url(logins[0], database) });
      client.on("error", () => {});
      return client.connect().then(() => client.end().then(() => true), () => false);
    });
    return pooler;
  }

  /** The address of the database for a login. */
  url(login, database) {
    return `postgres://${login}@127.0.0.1:${this.port}/${database}`;
  }

  stop() {
    return this.#program.stop("SIGKILL");
  }
}
