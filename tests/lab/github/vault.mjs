// Secrets and variables of a repository and of its environments.

import { Refusal, json } from "../fake.mjs";
import { python } from "../python.mjs";
import { notFound } from "./logins.mjs";

export class Vault {
  #kept = new Map();
  #keys = new Map();

  #place(asked, kind) {
    return `${kind}/${asked.params.environment ?? ""}/${(asked.params.name ?? "").toUpperCase()}`;
  }

  /** What a job of an environment is given, by name; the repository's own is in the environment "". */
  held(kind, environment) {
    const prefix = `${kind}/${environment ?? ""}/`;
    if (environment === null) return {};
    const own = [...this.#kept].filter(([name]) => name.startsWith(prefix));
    return Object.fromEntries(own.map(([name, { value }]) => [name.slice(prefix.length), value]));
  }

  /** Sets a secret or variable, as the repository's administrator would. */
  set(kind, environment, name, value) {
    this.#kept.set(`${kind}/${environment}/${name.toUpperCase()}`, { value, createdAt: new Date(), updatedAt: new Date() });
  }

  /** The value of a secret or variable: jobs see it, and nobody who asks the API does. */
  value(kind, environment, name) {
    return this.#kept.get(`${kind}/${environment}/${name.toUpperCase()}`)?.value;
  }

  async publicKey(asked) {
    const owner = asked.params.environment ?? "";
    if (!this.#keys.has(owner)) this.#keys.set(owner, { id: String(Date.now()), ...(await python("sealed.py", "keys")) });
    const { id, public: key } = this.#keys.get(owner);
    return { body: { key_id: id, key } };
  }

  secret(asked) {
    const found = this.#kept.get(this.#place(asked, "secret"));
    if (!found) throw notFound();
    return { body: { name: asked.params.name.toUpperCase(), created_at: found.createdAt.toISOString(), updated_at: found.updatedAt.toISOString() } };
  }

  async putSecret(asked) {
    const { encrypted_value: sealed, key_id: id } = json(asked);
    const key = this.#keys.get(asked.params.environment ?? "");
    if (!key || key.id !== id) throw new Refusal(422, { message: "Bad request - public key identifier is not valid.", documentation_url: "https://docs.github.com/rest" });
    const value = await python("sealed.py", "open", key.private, sealed).catch(() => null);
    if (value === null) throw new Refusal(422, { message: "Improperly encrypted secret", documentation_url: "https://docs.github.com/rest" });
    const place = this.#place(asked, "secret");
    const known = this.#kept.get(place);
    this.#kept.set(place, { value, createdAt: known?.createdAt ?? new Date(), updatedAt: new Date() });
    return known ? { status: 204 } : { status: 201, body: {} };
  }

  variable(asked) {
    const found = this.#kept.get(this.#place(asked, "variable"));
    if (!found) throw notFound();
    const times = { created_at: found.createdAt.toISOString(), updated_at: found.updatedAt.toISOString() };
    return { name: asked.params.name.toUpperCase(), value: found.value, ...times };
  }

  patchVariable(asked) {
    this.variable(asked);
    const { value } = json(asked);
    Object.assign(this.#kept.get(this.#place(asked, "variable")), { ...(value !== undefined && { value }), updatedAt: new Date() });
    return { status: 204 };
  }

  createVariable(asked) {
    const { name, value } = json(asked);
    this.set("variable", asked.params.environment ?? "", name, value);
    return { status: 201, body: {} };
  }
}
