// An issuer of tokens: publishes its keys, signs, and may be away.

import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { freePort } from "./port.mjs";
import { claims, signed } from "./tokens.mjs";

const ALGORITHMS = {
  RS256: () => generateKeyPairSync("rsa", { modulusLength: 2048 }),
  ES256: () => generateKeyPairSync("ec", { namedCurve: "P-256" }),
};

export class Issuer {
  #server = null;
  #silent = false;
  #odd = null;
  #keys = new Map();
  #published = [];
  /** How often it was asked for its keys. */
  asked = 0;
  name = "https://issuer.example";
  audience = "hubline";

  static async start() {
    const issuer = new Issuer();
    issuer.port = await freePort();
    await issuer.comeBack();
    return issuer;
  }

  /** What a node has to be told. It has no secret, so that only these keys count. */
  get variables() {
    const origin = `http://127.0.0.1:${this.port}`;
    return { jwt_secret: "", jwks_url: `${origin}/keys`, jwks_origin: origin, jwt_issuer: this.name, jwt_audience: this.audience };
  }

  /** Makes a key, which is not published yet. */
  make(kid, alg = "ES256") {
    this.#keys.set(kid, { alg, ...ALGORITHMS[alg]() });
  }

  /** Publishes these keys and no others. */
  publish(...kids) {
    this.#published = kids;
  }

  /** A token of somebody, signed with the last key that is published unless told otherwise. */
  sign({ kid = this.#published.at(-1), ...who }) {
    const { alg, privateKey } = this.#keys.get(kid);
    return signed(claims({ iss: this.name, aud: this.audience, ...who }), privateKey, { alg, kid });
  }

  get #document() {
    const jwk = (kid) => ({ ...this.#keys.get(kid).publicKey.export({ format: "jwk" }), kid, use: "sig" });
    return JSON.stringify({ keys: this.#published.map(jwk) });
  }

  /** Takes questions and never answers them. */
  fallSilent() {
    this.#silent = true;
  }

  /** From now on somebody else answers in its place, as a server of HTTP does: `(request, response) => …`. */
  answerBy(odd) {
    this.#odd = odd;
  }

  async comeBack() {
    this.#silent = false;
    this.#odd = null;
    if (this.#server) return;
    this.#server = createServer((request, response) => {
      this.asked += 1;
      if (this.#odd) this.#odd(request, response);
      else if (!this.#silent) response.writeHead(200, { "content-type": "application/json" }).end(this.#document);
    }).listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** Nobody listens at its address any more. */
  async goAway() {
    const server = this.#server;
    this.#server = null;
    if (!server) return;
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  }
}
