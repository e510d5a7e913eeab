// Who may ask GitHub: an App by its key, and for an hour by the tokens that it is given.

import { createVerify, randomBytes } from "node:crypto";
import { Refusal, bearer, json } from "../fake.mjs";

/** How long a token of an App holds, and the longest that its key's signature may. */
const TOKEN_LIFE = 3_600_000;
const JWT_LIFE = 600;

/** What is not there, or not to be seen. */
export const notFound = () => new Refusal(404, { message: "Not Found", documentation_url: "https://docs.github.com/rest", status: "404" });

/** What an App may do when it does not say for how little a token is. */
const ALL = { actions: "write", contents: "read", secrets: "write", environments: "write", actions_variables: "write", deployments: "write", metadata: "read" };

export class Logins {
  #app;
  #repository;
  #tokens = new Map();

  /** @param {{id: string, installation: number, publicKey: string}} app whose installation has the repository */
  constructor(app, repository) {
    this.#app = app;
    this.#repository = repository;
  }

  /** A token for an installation, for what its App's key has signed. */
  token(asked) {
    const app = this.#app;
    const [head, claims, signature] = (bearer(asked) ?? "").split(".");
    const bad = (message) => new Refusal(401, { message, documentation_url: "https://docs.github.com/rest", status: "401" });
    if (!signature || !app) throw bad("A JSON web token could not be decoded");
    const holds = createVerify("RSA-SHA256").update(`${head}.${claims}`).verify(app.publicKey, signature, "base64url");
    if (!holds) throw bad("A JSON web token could not be decoded");
    const { iss, iat, exp } = JSON.parse(Buffer.from(claims, "base64url"));
    const now = Date.now() / 1000;
    if (String(iss) !== String(app.id)) throw bad("Integration not found");
    if (iat > now + 5) throw bad("'Issued at' claim ('iat') must be an Integer representing the time that the assertion was issued");
    if (exp < now || exp > now + JWT_LIFE + 5) throw bad("'Expiration time' claim ('exp') is too far in the future");
    if (Number(asked.params.installation) !== app.installation) throw notFound();
    const { permissions = ALL, repositories } = asked.raw.length > 0 ? json(asked) : {};
    if (repositories && !repositories.includes(this.#repository.split("/")[1])) {
      throw new Refusal(422, { message: "There is at least one repository that does not exist or is not accessible to the parent installation.", errors: [] });
    }
    // The long, stateless form that tokens are changing to.
    const token = `ghs_${app.id}_${randomBytes(150).toString("base64url")}`;
    const until = Date.now() + TOKEN_LIFE;
    this.#tokens.set(token, { until, permissions });
    const expires = new Date(until).toISOString().replace(/\.\d+Z$/, "Z");
    return { status: 201, body: { token, expires_at: expires, permissions, repository_selection: repositories ? "selected" : "all" } };
  }

  /** The request, if its token lets it do this. */
  admitted(asked, permission, verb) {
    const known = this.#tokens.get(bearer(asked));
    const say = (status, message) => new Refusal(status, { message, documentation_url: "https://docs.github.com/rest", status: String(status) });
    if (!known || known.until < Date.now()) throw say(401, "Bad credentials");
    if (!asked.headers["user-agent"]) throw say(403, "Request forbidden by administrative rules. Please make sure your request has a User-Agent header.");
    const { owner, repo } = asked.params;
    if (`${owner}/${repo}` !== this.#repository) throw say(404, "Not Found");
    const right = known.permissions[permission];
    if (right !== "write" && right !== verb) throw say(403, "Resource not accessible by integration");
    return asked;
  }
}
