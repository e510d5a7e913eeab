// Microsoft Entra: tokens for an application, by its secret or by the token of a federated identity.

import { randomBytes } from "node:crypto";
import { Fake, Refusal, form } from "./fake.mjs";

const LIFE = 3599;

export class Entra extends Fake {
  #tokens = new Map();

  /** @param {{tenant: string, clientId: string, clientSecret: string, assertion?: string}} application who may log in */
  constructor(application) {
    super();
    this.application = application;
    this.on("POST", "/{tenant}/oauth2/v2.0/token", (asked) => this.#token(asked));
  }

  static start(application, port = 0) {
    return new Entra(application).listen(port);
  }

  #token(asked) {
    const { tenant, clientId, clientSecret, assertion } = this.application;
    const given = form(asked);
    if (asked.params.tenant !== tenant) throw refusal(400, "invalid_request", 90002, `Tenant '${asked.params.tenant}' not found.`);
    if (given.grant_type !== "client_credentials") throw refusal(400, "unsupported_grant_type", 70003, "The grant type is not supported.");
    if (given.client_id !== clientId) throw refusal(400, "unauthorized_client", 700016, "Application was not found in the directory.");
    const federated = given.client_assertion_type === "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
    const known = federated ? assertion !== undefined && given.client_assertion === assertion : given.client_secret === clientSecret;
    if (!known) throw refusal(401, "invalid_client", 7000215, "Invalid client secret provided.");
    if (!given.scope?.endsWith("/.default")) throw refusal(400, "invalid_scope", 1002012, "The provided value for scope is not valid.");
    return { body: { token_type: "Bearer", expires_in: LIFE, ext_expires_in: LIFE, access_token: this.issue(given.scope) } };
  }

  /** A token for a scope, as the endpoint would issue it. */
  issue(scope) {
    const token = `eyJ0eXAiOiJKV1QifQ.${randomBytes(60).toString("base64url")}.${randomBytes(30).toString("base64url")}`;
    this.#tokens.set(token, scope.replace(/\/\.default$/, "").replace(/\/$/, ""));
    return token;
  }

  /** Whether a token is for one of these audiences. */
  holds(token, audiences) {
    return audiences.includes(this.#tokens.get(token));
  }

  /** From now on no token that was issued holds. */
  forget() {
    this.#tokens.clear();
  }
}

function refusal(status, error, code, text) {
  const body = {
    error,
    error_description: `AADSTS${code}: ${text} Trace ID: 0a1b Correlation ID: 2c3d Timestamp: ${new Date().toISOString()}`,
    error_codes: [code],
    timestamp: new Date().toISOString(),
    trace_id: "00000000-0000-0000-0000-000000000000",
    correlation_id: "00000000-0000-0000-0000-000000000000",
  };
  return new Refusal(status, body);
}
