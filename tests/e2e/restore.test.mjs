// Must hold: after the database was replaced by its own earlier backup, clients end up with what the database has.

import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { Cluster } from "../system/cluster.mjs";
import { eventually, range } from "../system/eventually.mjs";
import { Party } from "../system/party.mjs";

let cluster;
let node;

before(async () => {
  cluster = await Cluster.start();
  node = await cluster.node();
});
after(() => cluster?.stop());

const DATABASE = "chat";

/** Replaces the database by what was in the backup, as an operator would, and renews the epoch. */
async function restore(backup) {
  await cluster.postgres.query(`drop database ${DATABASE} with (force)`);
  await cluster.postgres.createDatabase(DATABASE);
  await cluster.postgres.tool("pg_restore", ["--dbname", cluster.databaseUrl, backup]);
  await cluster.hubline(["epoch", "renew"]);
}

test("clients that were away when the database was restored have exactly what it has", async () => {
  const request = await cluster.open(node);
  const epochs = [];
  const meet = async (token, afterSeq, epoch) => {
    const party = await Party.connect(node, token);
    const answer = await party.join(request.id, afterSeq, epoch);
    epochs.push(answer.epoch);
    return { party, answer };
  };
  const talk = async (first, last) => {
    for (const count of range(first, last)) await node.as(request.customer).send(request.id, `text ${count}`);
  };

  await talk(1, 30);
  const backup = join(cluster.folder("postgres"), "backup");
  await cluster.postgres.tool("pg_dump", ["--format=custom", "--file", backup, cluster.databaseUrl]);
  await talk(31, 60);
  const before = await meet(request.technician, 0, null);
  await before.party.receives(request.id, 60);
  const behind = await meet(request.center, 10, before.answer.epoch);
  await behind.party.receives(request.id, 50);
  await Promise.all([before, behind].map(({ party }) => party.stop()));

  await restore(backup);
  // The numbers go on from the backup's, so 31 is another message now.
  await eventually(async () => (await node.as(request.customer).read(request.id)).status === 200, { patience: 20_000 });
  await talk(131, 150);

  // One had everything, one was behind, one knows of no epoch; after joining again all have what there is.
  const [had] = epochs;
  const returned = [
    await meet(request.technician, 60, had),
    await meet(request.center, 10, had),
    await meet(request.customer, 0, null),
  ];
  const history = await node.as(request.customer).history(request.id);
  assert.deepEqual(history.map(({ body }) => body), [...range(1, 30), ...range(131, 150)].map((count) => `text ${count}`));
  for (const { party, answer } of returned) {
    assert.notEqual(answer.epoch, had);
    assert.equal(answer.lastSeq, 50);
    await party.receives(request.id, 50);
    assert.deepEqual(party.received(request.id), history);
  }
  const { epoch } = returned[0].answer;
  assert.equal((await node.as(request.customer).read(request.id)).body.epoch, epoch);

  // From here on it is a day like any other.
  const reply = await returned[0].party.send(request.id, "back again");
  assert.equal(reply.seq, 51);
  await returned[1].party.receives(request.id, 51);
  const late = await meet(request.technician, 50, epoch);
  assert.equal(late.answer.epoch, epoch);
  await late.party.receives(request.id, 1);
  assert.deepEqual(late.party.seqs(request.id), [51]);
  await Promise.all([...returned, late].map(({ party }) => party.stop()));
});
