// Azure's registry in front of the real one: its logins, and its list of tags with times and pages.

import { randomBytes } from "node:crypto";
import { Fake, Refusal, bearer, form } from "./fake.mjs";

/** The audiences that the registry takes tokens of. */
const AUDIENCES = ["https://containerregistry.azure.net", "https://management.azure.com"];

/** What is on a page when nobody says how much. */
const PAGE = 100;

export class Acr extends Fake {
  #refresh = new Set();
  #access = new Map();

  constructor(registry, entra) {
    super();
    this.registry = registry;
    this.entra = entra;
    /** Who may not list, though the login works. */
    this.denied = false;
    this.on("POST", "/oauth2/exchange", (asked) => this.#exchange(asked));
    this.on("POST", "/oauth2/token", (asked) => this.#token(asked));
    this.on("GET", "/acr/v1/{repository*}/_tags", (asked) => this.#tags(asked));
    this.on("GET", "/acr/v1/{repository*}/_tags/{tag}", (asked) => this.#oneTag(asked));
    for (const method of ["GET", "HEAD"]) this.on(method, "/v2/{repository*}/{kind}/{reference}", (asked) => this.#pull(asked));
  }

  static start(registry, entra, port = 0) {
    return new Acr(registry, entra).listen(port);
  }

  get service() {
    return new URL(this.origin).host;
  }

  /** Repositories are named with the server in references of images. */
  get loginServer() {
    return this.service;
  }

  #exchange(asked) {
    const given = form(asked);
    if (given.grant_type !== "access_token" || given.service !== this.service) throw unauthorized("the request is not understood");
    if (!this.entra.holds(given.access_token, AUDIENCES)) throw unauthorized("the token is not one of this registry's audience");
    const token = randomBytes(40).toString("base64url");
    this.#refresh.add(token);
    return { body: { refresh_token: token } };
  }

  #token(asked) {
    const given = form(asked);
    if (given.grant_type !== "refresh_token" || given.service !== this.service) throw unauthorized("the request is not understood");
    if (!this.#refresh.has(given.refresh_token)) throw unauthorized("the refresh token is not known");
    const token = randomBytes(40).toString("base64url");
    // Azure grants of the scopes asked for what the caller may do, and says nothing about the rest.
    this.#access.set(token, this.denied ? [] : (given.scope ?? "").split(" "));
    return { body: { access_token: token } };
  }

  #demand(asked, repository, action) {
    const scopes = this.#access.get(bearer(asked));
    const allowed = scopes?.some((scope) => {
      const [kind, name, actions = ""] = scope.split(":");
      return kind === "repository" && name === repository && actions.split(",").some((it) => it === action || it === "*");
    });
    if (allowed) return;
    const scope = `repository:${repository}:${action}`;
    const challenge = `Bearer realm="${this.origin}/oauth2/token",service="${this.service}",scope="${scope}"`;
    const [type, name, act] = scope.split(":");
    const detail = [{ Type: type, Name: name, Action: act }];
    const errors = [{ code: "UNAUTHORIZED", message: "authentication required, visit https://aka.ms/acr/authorization for more information.", detail }];
    throw new Refusal(401, { errors }, { "www-authenticate": challenge });
  }

  async #tags(asked) {
    const { repository } = asked.params;
    this.#demand(asked, repository, "metadata_read");
    const names = await this.registry.tags(repository);
    if (names === null) {
      const errors = [{ code: "NAME_UNKNOWN", message: `repository "${repository}" is not found`, detail: { name: repository } }];
      throw new Refusal(404, { errors });
    }
    const { query } = asked;
    const only = query.get("digest");
    const order = query.get("orderby") ?? "none";
    let tags = await Promise.all(names.map((name) => this.#tag(repository, name)));
    if (only) tags = tags.filter(({ digest }) => digest === only);
    tags.sort((a, b) => (order === "none" ? (a.name < b.name ? -1 : 1) : a.lastUpdateTime < b.lastUpdateTime ? -1 : 1));
    if (order === "timedesc") tags.reverse();
    const last = query.get("last");
    if (last) tags = tags.slice(tags.findIndex(({ name }) => name === last) + 1);
    const size = Math.min(Number(query.get("n") ?? PAGE), PAGE);
    const page = tags.slice(0, size);
    const more = new URLSearchParams({ last: page.at(-1)?.name ?? "", n: String(size), ...(order !== "none" && { orderby: order }) });
    const headers = tags.length > size ? { link: `</acr/v1/${repository}/_tags?${more}>; rel="next"` } : {};
    return { headers, body: { registry: this.service, imageName: repository, tags: page } };
  }

  async #oneTag(asked) {
    const { repository, tag } = asked.params;
    this.#demand(asked, repository, "metadata_read");
    if (!(await this.registry.tags(repository))?.includes(tag)) {
      const errors = [{ code: "TAG_UNKNOWN", message: `the specified tag does not exist`, detail: { name: repository, tag } }];
      throw new Refusal(404, { errors });
    }
    return { body: { registry: this.service, imageName: repository, tag: await this.#tag(repository, tag) } };
  }

  async #tag(repository, name) {
    const at = this.registry.time(repository, name).toISOString().replace("Z", "0000Z");
    return {
      name,
      digest: await this.registry.digest(repository, name),
      createdTime: at,
      lastUpdateTime: at,
      signed: false,
      changeableAttributes: { deleteEnabled: true, writeEnabled: true, readEnabled: true, listEnabled: true },
    };
  }

  /** Manifests and blobs come from the registry behind. */
  async #pull(asked) {
    const { repository, kind, reference } = asked.params;
    this.#demand(asked, repository, kind === "tags" ? "metadata_read" : "pull");
    const place = `${this.registry.origin}/v2/${repository}/${kind}/${reference}`;
    // Azure keeps blobs elsewhere, and hands out addresses that open them by themselves.
    if (kind === "blobs" && asked.method === "GET") return { status: 307, headers: { location: `${place}?sig=${randomBytes(16).toString("base64url")}` } };
    const headers = asked.headers.accept ? { accept: asked.headers.accept } : {};
    const answer = await fetch(place, { method: asked.method, headers });
    const passed = ["content-type", "docker-content-digest", "content-length"];
    const kept = passed.map((name) => [name, answer.headers.get(name)]).filter(([, value]) => value !== null);
    const body = asked.method === "HEAD" ? undefined : Buffer.from(await answer.arrayBuffer());
    return { status: answer.status, headers: Object.fromEntries(kept), body };
  }
}

function unauthorized(message) {
  return new Refusal(401, { errors: [{ code: "UNAUTHORIZED", message }] });
}
