// Must hold: settings that would let in too many, or nobody, are refused at the start, by every command that has them.

import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { dataFolder, HUBLINE, ROOT } from "../system/node.mjs";
import { Party } from "../system/party.mjs";
import { freePort } from "../system/port.mjs";
import { Program } from "../system/program.mjs";
import { claims, signed } from "../system/tokens.mjs";

const key = generateKeyPairSync("ec", { namedCurve: "P-256" });
const JWKS = JSON.stringify({ keys: [{ ...key.publicKey.export({ format: "jwk" }), kid: "one", use: "sig" }] });
const SECRET = "a secret of more than thirty-two bytes";

/** `[name, variables, what the refusal says]` */
const REFUSED = [
  ["a key set without issuer and audience", { jwks: JWKS }, /jwt_issuer and jwt_audience/],
  ["the address of one", { jwks_url: "https://issuer.example/keys" }, /jwt_issuer and jwt_audience/],
  ["with an issuer alone", { jwks: JWKS, jwt_issuer: "https://issuer.example" }, /jwt_issuer and jwt_audience/],
  ["with an audience alone", { jwks: JWKS, jwt_audience: "hubline" }, /jwt_issuer and jwt_audience/],
  ["beside a secret", { jwks: JWKS, jwt_secret: SECRET }, /jwt_issuer and jwt_audience/],
  ["an address that is none", { jwks_url: "issuer.example/keys", jwt_audience: "any" }, /jwks_url must look like/],
  ["an address of another kind", { jwks_url: "file:///etc/keys", jwt_audience: "any" }, /jwks_url must look like/],
  ["a key set that is none", { jwks: "{}", jwt_audience: "any" }, /jwks is unusable/],
  ["a key set without a usable key", { jwks: '{"keys":[]}', jwt_audience: "any" }, /no key for RS256/],
  ["a secret that could be guessed", { jwt_secret: "short" }, /at least 32 bytes/],
  ["a refresh that is no time", { jwt_secret: SECRET, jwks_refresh: "often" }, /jwks_refresh must be a time/],
  ["a refresh without a unit", { jwt_secret: SECRET, jwks_refresh: "300" }, /jwks_refresh must be a time/],
  ["no time at all", { jwt_secret: SECRET, jwks_stale: "0h" }, /jwks_stale must be a time/],
  ["keys given up before they are asked for", { jwt_secret: SECRET, jwks_stale: "1m" }, /jwks_stale must not be shorter/],
  ["a user's claim that is none", { jwt_secret: SECRET, user_claim: "a..b" }, /user_claim is no claim/],
  ["a role's claim that is none", { jwt_secret: SECRET, role_claim: "/a~2" }, /role_claim is no claim/],
  ["a centre's claim that is none", { jwt_secret: SECRET, center_claim: "." }, /center_claim is no claim/],
  ["a map of roles that is none", { jwt_secret: SECRET, role_map: "customer" }, /role_map must be/],
  ["a map to a role that is none", { jwt_secret: SECRET, role_map: '{"a":"king"}' }, /unknown role `king`/],
  ["three keys of relays", { jwt_secret: SECRET, relay_key: "a,b,c" }, /relay_key is unusable.*more than two/s],
  ["no key of relays between commas", { jwt_secret: SECRET, relay_key: " , " }, /relay_key is unusable.*empty/s],
  ["three keys of events", { jwt_secret: SECRET, delivery_key: "a,b,c" }, /delivery_key is unusable.*more than two/s],
];

let folder;

before(() => (folder = mkdtempSync(join(tmpdir(), "hubline-settings-"))));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Starts a command that ought to end by itself: `{code, output}`. */
async function attempt(command, variables) {
  const env = { ...process.env, NO_COLOR: "1", SPIN_VARIABLE_DATABASE_URL: "postgres://nobody@127.0.0.1:1/none", SPIN_VARIABLE_REDIS_URL: "redis://127.0.0.1:1" };
  for (const [name, value] of Object.entries(variables)) env[`SPIN_VARIABLE_${name.toUpperCase()}`] = value;
  const args = [command, "--listen", `127.0.0.1:${await freePort()}`, "--data-dir", dataFolder(join(folder, command))];
  if (command === "relay") args.push("--internal-listen", "127.0.0.1:0");
  const program = new Program(HUBLINE, args, { cwd: ROOT, env });
  const timer = setTimeout(() => program.signal("SIGKILL"), 20_000);
  const { code, signal } = await program.ended();
  clearTimeout(timer);
  return { code: code ?? signal, output: program.output };
}

for (const [name, variables, refusal] of REFUSED) {
  test(`${name}: refused at the start`, async () => {
    for (const command of ["up", "functions", "relay"]) {
      const { code, output } = await attempt(command, variables);
      assert.equal(code, 1, `${command}: ${output}`);
      assert.match(output, refusal, command);
      assert.doesNotMatch(output, /panicked|is ready at/, command);
    }
  });
}

/** What issuers put where: `[issuer, settings, claims of a customer]`. */
const ISSUERS = [
  ["Keycloak", { role_claim: "realm_access.roles", user_claim: "preferred_username" },
    (sub) => ({ sub: crypto.randomUUID(), preferred_username: sub, realm_access: { roles: ["offline_access", "customer"] } })],
  ["Keycloak, by client", { role_claim: "/resource_access/hubline.api/roles" },
    (sub) => ({ sub, resource_access: { "hubline.api": { roles: ["customer"] } }, realm_access: { roles: ["platform"] } })],
  ["Auth0", { role_claim: "https://app.example/roles", center_claim: "https://app.example/center" },
    (sub) => ({ sub, "https://app.example/roles": ["customer"], "https://app.example/center": "north" })],
  ["Entra", { role_claim: "roles", user_claim: "oid", role_map: '{"Hubline.Customer":"customer"}' },
    (sub) => ({ sub: "pairwise", oid: sub, roles: ["Hubline.Customer"] })],
];

test("users, roles and centres are found where the issuer puts them", async (story) => {
  const cluster = await Cluster.start({ variables: { jwks: JWKS, jwt_issuer: "https://issuer.example", jwt_audience: "any" } });
  story.after(() => cluster.stop());
  const reporter = await cluster.node("main");
  const request = await cluster.open(reporter);
  for (const [issuer, variables, of] of ISSUERS) {
    const node = await cluster.node("theirs", { variables });
    const token = signed({ ...claims({ iss: "https://issuer.example" }), ...of(request.customerId) }, key.privateKey, { alg: "ES256", kid: "one" });
    const party = await Party.connect(node, token);
    const { parties } = await party.join(request.id, 0);
    assert.equal(parties.find(({ role }) => role === "customer").userId, request.customerId, issuer);
    const sent = await party.send(request.id, issuer);
    assert.deepEqual([sent.senderId, sent.senderRole], [request.customerId, "customer"]);
    assert.equal((await node.as(token).page(request.id)).status, 200, issuer);
    const plain = signed(claims({ iss: "https://issuer.example", sub: request.customerId, role: "customer" }), key.privateKey, { alg: "ES256", kid: "one" });
    assert.ok((await node.as(plain).page(request.id)).status >= 400, `${issuer}: the usual claims mean nothing there`);
    await party.stop();
    await node.stop();
  }
});
