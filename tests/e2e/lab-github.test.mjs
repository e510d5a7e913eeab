// Must hold: the lab's GitHub is one by GitHub's own description, and what it dispatches really runs.

import assert from "node:assert/strict";
import { createHmac, createSign, generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Fake } from "../lab/fake.mjs";
import { Repository } from "../lab/git.mjs";
import { GitHub } from "../lab/github.mjs";
import { python } from "../lab/python.mjs";
import { Runner } from "../lab/runner.mjs";
import { eventually } from "../system/eventually.mjs";
import { run } from "../system/program.mjs";

const WORKFLOW = `
name: Make
run-name: Make \${{ inputs.what }} (\${{ inputs.correlation }})
on:
  workflow_dispatch:
    inputs:
      what: { type: string, required: true }
      correlation: { type: string, required: true }
      environment: { type: choice, options: [production, staging], default: staging }
permissions: { contents: read }
concurrency: { group: "make-\${{ inputs.environment }}" }
jobs:
  make:
    runs-on: ubuntu-latest
    environment: \${{ inputs.environment }}
    steps:
      - name: Check out
        uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683
      - name: Make it
        env: { SECRET: "\${{ secrets.SECRET }}", REVISION: "\${{ vars.REVISION }}" }
        run: |
          test "\${{ inputs.what }}" != nonsense
          mkdir out
          printf '{"what": "%s", "secret": "%s", "revision": "%s", "readme": "%s"}' "\${{ inputs.what }}" "\${#SECRET}" "$REVISION" "$(cat README.md)" > out/made.json
      - name: Keep it
        uses: actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02
        with: { name: made, path: out }
`;
const SECRET = "the webhook's";
const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const folder = mkdtempSync(join(tmpdir(), "hubline-test-"));

let github;
let listener;
let commit;
const heard = [];

before(async () => {
  const repository = await Repository.create(join(folder, "repository"));
  commit = await repository.commit("Begin", { "README.md": "hello", ".github/workflows/make.yml": WORKFLOW });
  const artifacts = join(folder, "artifacts");
  const runner = new Runner(join(folder, "runner"), () => ({ LAB_ARTIFACTS: artifacts }));
  const app = { id: "Iv23lab", installation: 7, publicKey: publicKey.export({ type: "spki", format: "pem" }) };
  github = await GitHub.start({ repository: "shop/platform", origin: repository.folder, runner, folder: artifacts, app, gated: ["production"] });
  listener = new Fake();
  listener.on("POST", "/hook", (asked) => {
    heard.push(asked);
    return { status: 202 };
  });
  await listener.listen();
  github.hook(`${listener.origin}/hook`, SECRET);
});
after(async () => {
  await Promise.all([github?.stop(), listener?.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

function jwt({ iss = "Iv23lab", life = 540 } = {}) {
  const encode = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1000);
  const text = `${encode({ alg: "RS256", typ: "JWT" })}.${encode({ iss, iat: now - 60, exp: now + life })}`;
  return `${text}.${createSign("RSA-SHA256").update(text).sign(privateKey, "base64url")}`;
}

async function call(token, method, path, body) {
  const headers = { authorization: `Bearer ${token}`, accept: "application/vnd.github+json", "x-github-api-version": "2022-11-28" };
  const answer = await fetch(github.origin + path, { method, headers, body: body && JSON.stringify(body), redirect: "manual" });
  const text = await answer.text();
  return { status: answer.status, headers: answer.headers, body: text && JSON.parse(text) };
}

async function login(permissions) {
  const answer = await call(jwt(), "POST", "/app/installations/7/access_tokens", permissions && { permissions });
  assert.equal(answer.status, 201);
  return answer.body.token;
}

const ACTIONS = "/repos/shop/platform/actions";
const dispatch = (token, inputs, more = { return_run_details: true }) =>
  call(token, "POST", `${ACTIONS}/workflows/make.yml/dispatches`, { ref: "main", inputs, ...more });

async function finished(token, id) {
  let answer;
  await eventually(
    async () => (answer = (await call(token, "GET", `${ACTIONS}/runs/${id}`)).body).status === "completed",
    { patience: 30_000 },
  );
  return answer;
}

test("a dispatch runs the repository's own file, and its artifact is what the run made", async () => {
  github.vault.set("secret", "staging", "SECRET", "12345");
  github.vault.set("variable", "", "REVISION", "r1");
  const token = await login();
  const begun = await dispatch(token, { what: "tea", correlation: "c-1" });
  assert.equal(begun.status, 200);
  const found = await finished(token, begun.body.workflow_run_id);
  assert.deepEqual([found.conclusion, found.display_title, found.head_sha], ["success", "Make tea (c-1)", commit]);
  const list = await call(token, "GET", `${ACTIONS}/runs/${found.id}/artifacts?name=made`);
  const [artifact] = list.body.artifacts;
  const moved = await call(token, "GET", `${ACTIONS}/artifacts/${artifact.id}/zip`);
  assert.equal(moved.status, 302);
  const place = moved.headers.get("location");
  assert.equal((await fetch(place, { headers: { authorization: "Bearer x" } })).status, 400, "no token goes there");
  const zip = Buffer.from(await (await fetch(place)).arrayBuffer());
  const { createHash } = await import("node:crypto");
  assert.equal(artifact.digest, `sha256:${createHash("sha256").update(zip).digest("hex")}`);
  const { writeFileSync } = await import("node:fs");
  writeFileSync(join(folder, "made.zip"), zip);
  const made = await run("python3", ["-c", "import sys,zipfile;print(zipfile.ZipFile(sys.argv[1]).read('made.json').decode())", join(folder, "made.zip")]);
  assert.deepEqual(JSON.parse(made), { what: "tea", secret: "5", revision: "r1", readme: "hello" });
});

test("a step that fails is named, and a run is found by the name that it was given", async () => {
  const token = await login();
  const begun = await dispatch(token, { what: "nonsense", correlation: "c-2" }, {});
  assert.equal(begun.status, 204, "without details");
  const list = await call(token, "GET", `${ACTIONS}/workflows/make.yml/runs?event=workflow_dispatch&branch=main&per_page=50`);
  const own = list.body.workflow_runs.find(({ display_title: title }) => title.includes("c-2"));
  assert.equal((await finished(token, own.id)).conclusion, "failure");
  const { body } = await call(token, "GET", `${ACTIONS}/runs/${own.id}/jobs`);
  const failed = body.jobs[0].steps.find(({ conclusion }) => conclusion === "failure");
  assert.equal(failed.name, "Make it");
});

test("what GitHub refuses is refused", async () => {
  const token = await login();
  const right = { what: "tea", correlation: "c" };
  const unknown = await dispatch(token, { ...right, more: "x" });
  assert.deepEqual([unknown.status, unknown.body.message], [422, 'Unexpected inputs provided: ["more"]']);
  assert.equal((await dispatch(token, { what: "tea" })).status, 422);
  assert.equal((await dispatch(token, right, { ref: commit })).status, 422, "a commit is no ref");
  assert.equal((await call(token, "POST", `${ACTIONS}/workflows/no.yml/dispatches`, { ref: "main" })).status, 404);
  assert.equal((await dispatch("ghs_nobody", right)).status, 401);
  assert.equal((await dispatch(await login({ contents: "read" }), right)).status, 403);
  assert.equal((await call(jwt({ life: 3_600 }), "POST", "/app/installations/7/access_tokens")).status, 401);
  assert.equal((await call(jwt({ iss: "another" }), "POST", "/app/installations/7/access_tokens")).status, 401);
});

test("a secret that libsodium has sealed is opened, and one that is not is refused", async () => {
  const token = await login();
  const root = `${ACTIONS}/secrets`;
  const { body: key } = await call(token, "GET", `${root}/public-key`);
  const sealed = await python("sealed.py", "seal", key.key, "a new password");
  const put = (encrypted_value) => call(token, "PUT", `${root}/DB_CONNECTION`, { encrypted_value, key_id: key.key_id });
  assert.equal((await put(sealed)).status, 201);
  assert.equal((await put(sealed)).status, 204);
  assert.equal(github.vault.value("secret", "", "DB_CONNECTION"), "a new password");
  assert.equal((await put(Buffer.alloc(64).toString("base64"))).status, 422);
  const shown = await call(token, "GET", `${root}/DB_CONNECTION`);
  assert.deepEqual(Object.keys(shown.body).sort(), ["created_at", "name", "updated_at"]);
  assert.equal((await call(token, "PATCH", `${ACTIONS}/variables/REVISION`, { value: "r2" })).status, 204);
  assert.equal((await call(token, "GET", `${ACTIONS}/variables/REVISION`)).body.value, "r2");
});

test("a run of a guarded environment waits for the App, and goes on or does not", async () => {
  const token = await login();
  for (const [state, conclusion] of [["approved", "success"], ["rejected", "failure"]]) {
    const { body } = await dispatch(token, { what: "tea", correlation: `gate-${state}`, environment: "production" });
    const place = `${ACTIONS}/runs/${body.workflow_run_id}`;
    assert.equal((await call(token, "GET", place)).body.status, "waiting");
    const say = (environment_name) => call(token, "POST", `${place}/deployment_protection_rule`, { environment_name, state, comment: "as approved" });
    assert.equal((await say("staging")).status, 422);
    assert.equal((await say("production")).status, 204);
    assert.equal((await finished(token, body.workflow_run_id)).conclusion, conclusion);
  }
});

test("commits are compared as git does", async () => {
  const token = await login();
  const { body } = await call(token, "GET", `/repos/shop/platform/compare/${commit}...main`);
  assert.equal(body.status, "identical");
  assert.equal((await call(token, "GET", `/repos/shop/platform/commits/${commit}`)).body.sha, commit);
  assert.equal((await call(token, "GET", `/repos/shop/platform/commits/${"0".repeat(40)}`)).status, 422);
});

test("events are told once each, signed", () => {
  assert.deepEqual([...new Set(heard.map(({ raw }) => JSON.parse(raw).action))].sort(), ["completed", "in_progress", "requested"]);
  for (const { headers, raw } of heard) {
    const expected = createHmac("sha256", SECRET).update(raw).digest("hex");
    assert.equal(headers["x-hub-signature-256"], `sha256=${expected}`);
  }
  const guids = heard.map(({ headers }) => headers["x-github-delivery"]);
  assert.equal(new Set(guids).size, guids.length);
});

test("every request, answer and event was as GitHub describes it", () => {
  assert.ok(github.asked.length > 20);
  assert.deepEqual(github.faults, []);
});
