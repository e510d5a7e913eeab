// GitHub's own description of its API: what a request and an answer must be, and examples to begin an answer with.

import { readFileSync } from "node:fs";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import { GITHUB_DESCRIPTION } from "../tools.mjs";

let loaded = null;

/** The description, read once a process: it is large. */
export function contract() {
  loaded ??= new Contract(JSON.parse(readFileSync(GITHUB_DESCRIPTION, "utf8")));
  return loaded;
}

class Contract {
  #document;
  #ajv = new Ajv({ strict: false, allErrors: false, validateFormats: true, coerceTypes: false });
  #coercing = new Ajv({ strict: false, coerceTypes: true });
  #paths;

  constructor(document) {
    this.#document = document;
    for (const ajv of [this.#ajv, this.#coercing]) {
      addFormats(ajv);
      ajv.addFormat("repo.nwo", true).addFormat("timestamp", true).addFormat("ssh-key", true);
    }
    nullable(document);
    this.#ajv.addSchema(document, "github");
    this.#coercing.addSchema(document, "github");
    this.#paths = Object.keys(document.paths).map((template) => ({
      template,
      pattern: new RegExp(`^${template.replace(/[.+]/g, "\\$&").replace(/\{[^}]+\}/g, "([^/]+)")}$`),
      // Of two that match, the one with more words of its own is meant.
      variables: template.split("{").length,
    }));
    this.#paths.sort((a, b) => a.variables - b.variables);
  }

  #resolve(node) {
    if (!node?.$ref) return node;
    return node.$ref.split("/").slice(1).reduce((value, name) => value[name.replace(/~1/g, "/").replace(/~0/g, "~")], this.#document);
  }

  /** The example that the description has of an answer. */
  example(template, method, status = 200) {
    const response = this.#resolve(this.#document.paths[template][method].responses[status]);
    const examples = Object.values(response.content["application/json"].examples);
    return structuredClone(this.#resolve(examples[0]).value);
  }

  /** The example of one of its objects. */
  sample(name) {
    return structuredClone(this.#document.components.examples[name].value);
  }

  /** What is wrong with a request, or with the answer that it got: texts. */
  faults(asked, answer) {
    const path = asked.url.split("?")[0];
    const route = this.#paths.find(({ template, pattern }) => pattern.test(path) && this.#document.paths[template][asked.method.toLowerCase()]);
    const at = `${asked.method} ${path}`;
    if (!route) return [`${at}: GitHub has no such operation`];
    const operation = this.#document.paths[route.template][asked.method.toLowerCase()];
    const parameters = [...(this.#document.paths[route.template].parameters ?? []), ...(operation.parameters ?? [])].map((it) => this.#resolve(it));
    return [
      ...this.#faultsOfQuery(parameters, asked),
      ...this.#faultsOfBody(operation, asked, answer),
      ...this.#faultsOfAnswer(operation, answer),
    ].map((fault) => `${at}: ${fault}`);
  }

  #faultsOfQuery(parameters, { query }) {
    const known = new Map(parameters.filter((it) => it.in === "query").map((it) => [it.name, it]));
    const faults = [];
    for (const [name, value] of query) {
      const parameter = known.get(name);
      if (!parameter) faults.push(`there is no parameter ${name}`);
      // It is described as a time, and as what searches take: `>=2026-01-01T00:00:00Z`.
      else if (name !== "created") faults.push(...this.#invalid(this.#coercing, { type: "object", properties: { it: parameter.schema } }, { it: value }, `parameter ${name}`));
    }
    for (const { name, required } of known.values()) if (required && !query.has(name)) faults.push(`the parameter ${name} is missing`);
    return faults;
  }

  /** A request that was refused may have been wrong: that is what the refusal says. */
  #faultsOfBody(operation, { raw }, { status = 200 }) {
    const body = this.#resolve(operation.requestBody);
    if (status >= 400) return [];
    if (!body) return raw.length === 0 ? [] : ["a body is sent where none is expected"];
    if (raw.length === 0) return body.required ? ["the body is missing"] : [];
    const schema = body.content["application/json"]?.schema;
    return schema ? this.#invalid(this.#ajv, schema, JSON.parse(raw.toString("utf8")), "the body") : [];
  }

  #faultsOfAnswer(operation, { status = 200, headers = {}, body }) {
    const response = this.#resolve(operation.responses[status]);
    // Refusals that GitHub gives everywhere, and describes here and there.
    if (!response) return [401, 403, 404, 422].includes(status) ? [] : [`the answer ${status} is not described`];
    const content = response.content?.["application/json"];
    if (!content) return body === undefined ? [] : [`the answer ${status} has no body`];
    for (const name of Object.keys(response.headers ?? {})) {
      if (name === "Location" && !headers.location) return [`the answer ${status} has no header ${name}`];
    }
    return this.#invalid(this.#ajv, content.schema, JSON.parse(JSON.stringify(body)), `the answer ${status}`);
  }

  /** What is wrong with the body of a webhook. */
  faultsOfWebhook(event, payload) {
    const name = `webhook-${event}-${payload.action}`.replace(/_/g, "-");
    return this.#invalid(this.#ajv, { $ref: `#/components/schemas/${name}` }, payload, `the webhook ${event}`);
  }

  #compiled = new WeakMap();

  #invalid(ajv, schema, value, what) {
    let check = this.#compiled.get(schema);
    if (!check) {
      check = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"$ref":"#/', '"$ref":"github#/')));
      this.#compiled.set(schema, check);
    }
    if (check(value)) return [];
    const error = check.errors.at(-1);
    return [`${what}${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`];
  }
}

/** Says in the words of JSON Schema what OpenAPI 3.0 calls nullable. */
function nullable(node) {
  if (node === null || typeof node !== "object") return;
  Object.values(node).forEach(nullable);
  if (node.nullable !== true) return;
  delete node.nullable;
  if (node.enum && !node.enum.includes(null)) node.enum = [...node.enum, null];
  if (typeof node.type === "string") node.type = [node.type, "null"];
  else {
    const { allOf, anyOf, oneOf, $ref } = node;
    for (const name of ["allOf", "anyOf", "oneOf", "$ref"]) delete node[name];
    const either = Object.fromEntries(Object.entries({ allOf, anyOf, oneOf, $ref }).filter(([, value]) => value !== undefined));
    if (Object.keys(either).length > 0) node.anyOf = [either, { type: "null" }];
  }
}
