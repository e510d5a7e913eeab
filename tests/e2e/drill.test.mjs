// Must hold: every rollback goes from its alert to its proof, and stops wherever it must, with everything in its place.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Rehearsal } from "../lab/rehearsal.mjs";

test("the drill", async (t) => {
  const log = [];
  const { stories, checks, failures } = await Rehearsal.play((text) => log.push(text));
  for (const { title, environment, proofs } of stories) {
    await t.test(`${title}, in ${environment}`, () => {
      assert.ok(proofs.length > 0, "nothing was proven");
      for (const { text, holds } of proofs) assert.ok(holds, text);
    });
  }
  for (const { text, holds } of checks) await t.test(text, () => assert.ok(holds, text));
  assert.deepEqual(failures.map((failure) => failure.stack ?? String(failure)), [], log.slice(-40).join("\n"));
});
