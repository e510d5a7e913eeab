// A certificate authority of the test's own, and a certificate for servers on this machine.

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./program.mjs";

export class Authority {
  /** @param {string} folder where the files go */
  static async make(folder) {
    const authority = new Authority(folder);
    const openssl = (...args) => run("openssl", args, { cwd: folder });
    const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
    await openssl("req", "-x509", ...key, "-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=test authority", "-days", "2");
    await openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=localhost");
    writeFileSync(join(folder, "names"), "subjectAltName=DNS:localhost\n");
    const signer = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-days", "2", "-extfile", "names"];
    await openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", ...signer);
    return authority;
  }

  constructor(folder) {
    this.#folder = folder;
  }

  #folder;

  /** Whom clients have to trust. */
  get root() {
    return join(this.#folder, "ca.pem");
  }

  /** Holds for `localhost` and for no other name. */
  get certificate() {
    return join(this.#folder, "server.pem");
  }

  get key() {
    return join(this.#folder, "server.key");
  }
}
