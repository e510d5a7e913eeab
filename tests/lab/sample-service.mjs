// The service that is rolled back: users, service requests, and metrics of what it really does.
//
// Environment: `RELEASE` (JSON, what its image holds: `version`, `latency` [least, most] in ms, `failing` a share of
// requests, `neverReady`), `DATABASE_URL`, `API_TOKEN`, `APPLICATION`. It prints its port.

import { createServer } from "node:http";
import pg from "pg";

const { DATABASE_URL, API_TOKEN, APPLICATION = "api", HOST = "127.0.0.1" } = process.env;
const RELEASE = { version: "0", latency: [5, 15], failing: 0, neverReady: false, ...JSON.parse(process.env.RELEASE ?? "{}") };

/** The writers' heartbeat: whoever looks at a copy of the data sees how old it is. */
const HEARTBEAT_MS = 250;

/** How often the data is looked over. */
const CHECK_MS = 500;

const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.4, 0.5, 0.6, 0.65, 0.7, 0.8, 1, 2.5, 5, 10];
const buckets = BUCKETS.map(() => 0);
const requests = new Map();
let observed = 0;
let seconds = 0;
let schemaVersion = NaN;
let badRows = NaN;
let badSince = NaN;

const pool = DATABASE_URL ? new pg.Pool({ connectionString: DATABASE_URL, max: 8, connectionTimeoutMillis: 2_000 }) : null;
pool?.on("error", () => {});

class Problem extends Error {
  constructor(status, title) {
    super(title);
    this.status = status;
  }
}

const ROUTES = [
  ["GET", /^\/livez$/, () => ({ status: 200, body: "ok" })],
  ["GET", /^\/readyz$/, ready],
  ["GET", /^\/metrics$/, () => ({ status: 200, type: "text/plain; version=0.0.4", body: metrics() })],
  ["GET", /^\/version$/, () => ({ status: 200, body: { version: RELEASE.version, database: DATABASE_URL ? new URL(DATABASE_URL).hostname : null } })],
  ["POST", /^\/users$/, ({ body }) => create("customer", { id: text(body.id), name: text(body.name) })],
  ["GET", /^\/users\/([\w.-]+)$/, ({ id }) => read("customer", id)],
  ["DELETE", /^\/users\/([\w.-]+)$/, ({ id }) => remove("customer", id)],
  [
    "POST",
    /^\/service-requests$/,
    ({ body }) => create("service_request", { id: text(body.id), customer: text(body.customer), subject: text(body.subject) }),
  ],
  ["GET", /^\/service-requests$/, () => query("select id, customer, subject from service_request order by id desc limit 20").then(ok)],
  ["GET", /^\/service-requests\/([\w.-]+)$/, ({ id }) => read("service_request", id)],
  ["DELETE", /^\/service-requests\/([\w.-]+)$/, ({ id }) => remove("service_request", id)],
];

/** Not what users ask for: neither slow nor counted. */
const OPERATIONAL = /^\/(livez|readyz|metrics|version)$/;

const ok = (body) => ({ status: 200, body });

function text(value) {
  if (typeof value !== "string" || value === "" || value.length > 200) throw new Problem(422, "a text is missing or too long");
  return value;
}

async function query(statement, values = []) {
  if (!pool) throw new Problem(503, "no database is configured");
  return (await pool.query(statement, values)).rows;
}

/** The same id again is the same thing: who repeats a request makes nothing twice. */
async function create(table, row) {
  const names = Object.keys(row);
  const places = names.map((_, index) => `$${index + 1}`);
  const statement = `insert into ${table} (${names.join(", ")}) values (${places.join(", ")}) on conflict (id) do nothing`;
  await query(statement, Object.values(row));
  return { ...(await read(table, row.id)), status: 201 };
}

async function read(table, id) {
  const [row] = await query(`select * from ${table} where id = $1`, [id]);
  if (!row) throw new Problem(404, `there is no such ${table}`);
  return ok(row);
}

async function remove(table, id) {
  await query(`delete from ${table} where id = $1`, [id]);
  return { status: 204 };
}

async function ready() {
  if (RELEASE.neverReady) throw new Problem(503, "this release never gets ready");
  if (pool) await query("select 1");
  return { status: 200, body: "ok" };
}

function metrics() {
  const lines = ["# TYPE http_request_duration_seconds histogram"];
  const labels = `application="${APPLICATION}",version="${RELEASE.version}"`;
  BUCKETS.forEach((bound, index) => lines.push(`http_request_duration_seconds_bucket{${labels},le="${bound}"} ${buckets[index]}`));
  lines.push(`http_request_duration_seconds_bucket{${labels},le="+Inf"} ${observed}`);
  lines.push(`http_request_duration_seconds_sum{${labels}} ${seconds}`, `http_request_duration_seconds_count{${labels}} ${observed}`);
  lines.push("# TYPE http_requests_total counter");
  for (const [code, count] of requests) lines.push(`http_requests_total{${labels},code="${code}"} ${count}`);
  const gauges = { app_schema_version: schemaVersion, app_bad_rows: badRows, app_bad_data_since_seconds: badSince };
  for (const [name, value] of Object.entries(gauges)) {
    if (!Number.isNaN(value)) lines.push(`# TYPE ${name} gauge`, `${name}{${labels}} ${value}`);
  }
  return `${lines.join("\n")}\n`;
}

function count(status, duration) {
  requests.set(status, (requests.get(status) ?? 0) + 1);
  observed += 1;
  seconds += duration;
  BUCKETS.forEach((bound, index) => (buckets[index] += duration <= bound ? 1 : 0));
}

async function answer(request, raw) {
  const { pathname } = new URL(request.url, "http://service");
  for (const [method, pattern, handle] of ROUTES) {
    const match = method === request.method && pathname.match(pattern);
    if (!match) continue;
    if (API_TOKEN && method !== "GET" && request.headers.authorization !== `Bearer ${API_TOKEN}`) throw new Problem(401, "who is it?");
    return handle({ id: match[1], body: raw ? JSON.parse(raw) : {} });
  }
  throw new Problem(404, "there is nothing here");
}

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const server = createServer(async (request, response) => {
  const began = performance.now();
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const counted = !OPERATIONAL.test(new URL(request.url, "http://service").pathname);
  let result;
  try {
    if (counted) {
      const [least, most] = RELEASE.latency;
      await pause(least + Math.random() * (most - least));
      if (Math.random() < RELEASE.failing) throw new Problem(500, "this release fails now and then");
    }
    result = await answer(request, Buffer.concat(chunks).toString("utf8"));
  } catch (error) {
    const status = error.status ?? (error instanceof SyntaxError ? 400 : 503);
    result = { status, body: { title: error.message, status } };
  }
  const plain = typeof result.body === "string";
  response.writeHead(result.status, { "content-type": result.type ?? (plain ? "text/plain" : "application/json") });
  response.end(plain || result.body === undefined ? result.body : JSON.stringify(result.body));
  if (counted) count(result.status, (performance.now() - began) / 1000);
});

/** Does something again and again, whatever becomes of it. */
async function repeatedly(milliseconds, work) {
  for (;;) {
    await work().catch(() => {});
    await pause(milliseconds);
  }
}

async function lookOver() {
  const [row] = await query(
    `select (select max(version) from schema_version) as version, count(*)::int as bad, extract(epoch from min(s.changed_at))::float as since
     from service_request s where not exists (select from customer c where c.id = s.customer)`,
  );
  schemaVersion = row.version ?? NaN;
  badRows = row.bad;
  badSince = row.bad > 0 ? row.since : NaN;
}

if (pool && APPLICATION === "api") {
  repeatedly(HEARTBEAT_MS, () => query("update heartbeat set at = clock_timestamp()"));
  repeatedly(CHECK_MS, lookOver);
}

server.listen(0, HOST, () => console.log(`listening on ${server.address().port}`));
process.on("SIGTERM", () => {
  server.close(() => process.exit(0));
  setTimeout(() => process.exit(0), 1_000).unref();
});
