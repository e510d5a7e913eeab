// Must hold: the description at /openapi.json and the server say the same.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import Ajv2020 from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { Cluster } from "../system/cluster.mjs";

let cluster;
let node;
let document;
let schemas;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
  document = await (await fetch(`${node.origin}/openapi.json`)).json();
  schemas = new Ajv2020({ strict: false, allErrors: true });
  addFormats(schemas);
  schemas.addFormat("int64", { type: "number", validate: Number.isSafeInteger });
  schemas.addSchema(document, "openapi");
});
after(() => cluster?.stop());

const resolve = (value) =>
  value?.$ref ? value.$ref.slice(2).split("/").reduce((at, part) => at[part.replaceAll("~1", "/")], document) : value;

/** Checks one call against what the document says about it, and returns the answer. */
async function documented(token, method, template, { id, query, ...options } = {}) {
  const path = template.replace("{id}", id) + (query ? `?${new URLSearchParams(query)}` : "");
  const answer = await node.as(token).call(method.toUpperCase(), path, options);
  const operation = document.paths[template]?.[method.toLowerCase()];
  const where = `${method} ${path} → ${answer.status} ${JSON.stringify(answer.body)}`;
  if (!operation) {
    assert.equal(answer.status, 405, where);
    return answer;
  }
  const response = resolve(operation.responses[answer.status]);
  assert.ok(response, `undocumented: ${where}`);
  for (const name of Object.keys(response.headers ?? {})) assert.ok(answer.headers.has(name), `no ${name}: ${where}`);
  if (!response.content) {
    assert.equal(answer.body, "", where);
    return answer;
  }
  const media = answer.type.split(";")[0];
  const content = response.content[media];
  assert.ok(content, `undocumented type ${media}: ${where}`);
  const pointer = content.schema.$ref ?? null;
  if (pointer) {
    const validate = schemas.compile({ $ref: `openapi${pointer}` });
    assert.ok(validate(answer.body), `${where}: ${JSON.stringify(validate.errors)}`);
  }
  if (media === "application/problem+json") {
    assert.equal(answer.body.status, answer.status, where);
    assert.match(response.description, new RegExp(`\`${answer.body.code}\``), where);
  }
  return answer;
}

const REQUEST = "/v1/service-requests/{id}";
const MESSAGES = "/v1/service-requests/{id}/messages";

test("every answer is documented, with its shape", async () => {
  const request = await cluster.open(node);
  const { id, customerId, technicianId, serviceCenterId, platform, customer } = request;
  const report = { customerId, technicianId, serviceCenterId, status: "open" };
  const expected = [];
  const call = async (status, ...rest) => {
    const answer = await documented(...rest);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    expected.push(status);
  };
  const message = (body = "text") => ({ clientMessageId: crypto.randomUUID(), body });
  const again = message();

  await call(201, platform, "PUT", REQUEST, { id: `${id}-new`, body: { ...report, technicianId: undefined } });
  await call(200, platform, "PUT", REQUEST, { id, body: report });
  await call(400, platform, "PUT", REQUEST, { id, body: "{" });
  const seen = await documented(platform, "PUT", REQUEST, { id, body: { ...report, revision: 7 } });
  await call(409, platform, "PUT", REQUEST, { id, body: { ...report, revision: 6 } });
  await call(200, platform, "PUT", REQUEST, { id, body: report, headers: { "if-match": seen.headers.get("etag") } });
  await call(412, platform, "PUT", REQUEST, { id, body: { ...report, status: "closed" }, headers: { "if-match": '"0"' } });
  await call(412, platform, "PUT", REQUEST, { id, body: { ...report, status: "closed" }, headers: { "if-none-match": "*" } });
  await call(304, customer, "GET", REQUEST, { id, headers: { "if-none-match": seen.headers.get("etag") } });
  await call(401, undefined, "PUT", REQUEST, { id, body: report });
  await call(403, customer, "PUT", REQUEST, { id, body: report });
  await call(413, platform, "PUT", REQUEST, { id, body: JSON.stringify({ ...report, more: "x".repeat(100_000) }) });
  await call(415, platform, "PUT", REQUEST, { id, body: "x", type: "text/plain" });
  await call(422, platform, "PUT", REQUEST, { id, body: { ...report, status: "unknown" } });
  await call(200, customer, "GET", REQUEST, { id });
  await call(200, platform, "GET", REQUEST, { id: `${id}-new` });
  await call(401, "nonsense", "GET", REQUEST, { id });
  await call(404, customer, "GET", REQUEST, { id: "missing" });
  await call(405, platform, "DELETE", REQUEST, { id });

  await call(201, customer, "POST", MESSAGES, { id, body: again });
  await call(200, customer, "POST", MESSAGES, { id, body: again });
  await call(400, customer, "POST", MESSAGES, { id, body: "[]" });
  await call(401, undefined, "POST", MESSAGES, { id, body: again });
  await call(403, platform, "POST", MESSAGES, { id, body: message() });
  await call(404, customer, "POST", MESSAGES, { id: "missing", body: message() });
  await call(413, customer, "POST", MESSAGES, { id, body: message("x".repeat(100_000)) });
  await call(415, customer, "POST", MESSAGES, { id, body: "x", type: "text/plain" });
  await call(422, customer, "POST", MESSAGES, { id, body: message("") });
  await call(200, customer, "GET", MESSAGES, { id });
  await call(200, platform, "GET", MESSAGES, { id, query: { afterSeq: 0, limit: 1 } });
  await call(401, undefined, "GET", MESSAGES, { id });
  await call(404, customer, "GET", MESSAGES, { id: "missing" });
  await call(422, customer, "GET", MESSAGES, { id, query: { limit: 0 } });
  await call(405, customer, "PATCH", MESSAGES, { id, body: {} });
  await request.report(node, { status: "closed" });
  await call(409, customer, "POST", MESSAGES, { id, body: message() });
  await call(200, customer, "GET", REQUEST, { id });

  for (const path of ["/healthz", "/readyz", "/metrics"]) await call(200, undefined, "GET", path);
  await cluster.postgres.stop();
  await call(503, customer, "POST", MESSAGES, { id, body: message() });
  await call(503, customer, "GET", MESSAGES, { id });
  await call(503, platform, "PUT", REQUEST, { id, body: report });
  await call(503, undefined, "GET", "/readyz");
  await cluster.postgres.start();

  // Whatever the document lists was seen, but for what takes a flood.
  const listed = new Set(Object.values(document.paths).flatMap(Object.values).flatMap((it) => Object.keys(it.responses ?? {})));
  listed.delete("429");
  assert.deepEqual([...listed].sort(), [...new Set(expected)].map(String).sort());
});
