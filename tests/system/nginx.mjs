// nginx in front of a node, as Debian packages it.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Api } from "./api.mjs";
import { freePort } from "./port.mjs";
import { Program } from "./program.mjs";

const NGINX = process.env.NGINX ?? "/usr/sbin/nginx";

/** What a proxy needs for WebSockets at all. */
const UPGRADE = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection $connection_upgrade;";

export class Nginx {
  #program;

  /** Passes everything on to a node's port; `directives` say what it tells the node of a request. */
  static async start(folder, upstream, directives = "") {
    const proxy = new Nginx();
    proxy.port = await freePort();
    mkdirSync(join(folder, "temporary"), { recursive: true });
    const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path temporary/${name};`);
    const configuration = `
      daemon off; master_process off; pid nginx.pid; error_log stderr warn;
      events { worker_connections 256; }
      http {
        access_log off; ${temporary.join(" ")}
        map $http_upgrade $connection_upgrade { default upgrade; "" close; }
        server { listen 127.0.0.1:${proxy.port}; location / { proxy_pass http://127.0.0.1:${upstream}; ${UPGRADE} ${directives} } }
      }`;
    writeFileSync(join(folder, "nginx.conf"), configuration);
    proxy.#program = new Program(NGINX, ["-p", folder, "-c", "nginx.conf", "-e", "stderr"], { cwd: folder });
    await proxy.#program.ready(() => fetch(`${proxy.origin}/healthz`).then(({ ok }) => ok, () => false));
    return proxy;
  }

  get origin() {
    return `http://127.0.0.1:${this.port}`;
  }

  get hubUrl() {
    return `${this.origin}/hubs/chat`;
  }

  as(token) {
    return new Api(this.origin, token);
  }

  stop() {
    return this.#program.stop("SIGKILL");
  }
}
