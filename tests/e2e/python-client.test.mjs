// Must hold: signalrcore, the client of Python's index, connects, misses no message, and sends whatever its JSON makes of it.

import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { ROOT } from "../system/node.mjs";
import { Program } from "../system/program.mjs";

const PACKAGES = process.env.SIGNALRCORE ?? join(ROOT, "target/toolchain/signalrcore");
const ROUNDS = 50;

let cluster;
let node;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
});
after(() => cluster?.stop());

/** The newest asks for version 0 of the protocol; the old one takes the first WebSocket frame for the handshake's answer. */
for (const release of ["newest", "old"]) {
  test(`the ${release} one sees the first unread message on each of ${ROUNDS} connects`, async () => {
    const packages = join(PACKAGES, release);
    assert.ok(existsSync(join(packages, "signalrcore")), "signalrcore is missing: `cargo xtask test` installs it");
    const request = await cluster.open(node);
    await node.as(request.technician).send(request.id, "unread");
    const emoji = "😀".repeat(4000);
    const env = {
      ...process.env,
      PYTHONPATH: packages,
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONIOENCODING: "utf-8",
      HUB: node.hubUrl,
      TOKEN: request.customer,
      REQUEST: request.id,
      ROUNDS: String(ROUNDS),
      BODY: emoji,
    };
    const program = new Program("python3", [join(ROOT, "tests/signalrcore/talk.py")], { cwd: cluster.folder(release), env });
    const { code, error } = await program.ended();
    assert.equal(error, undefined);
    assert.equal(code, 0, program.output);
    const { pushes, sent, errors } = JSON.parse(program.output.trim().split("\n").at(-1));
    assert.deepEqual(pushes, Array.from({ length: ROUNDS }, () => [1]), "each time the message, once");
    assert.deepEqual(sent, [2, 3]);
    assert.equal(errors.length, 1);
    assert.match(errors[0], /^too_large: /);
    assert.deepEqual((await node.as(request.customer).history(request.id)).map(({ body }) => body), ["unread", emoji, "afterwards"]);
  });
}
