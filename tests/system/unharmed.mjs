// Whether bad input has changed anything.

import assert from "node:assert/strict";

/** Everything in the database that a request of the chat could change, as it is now; the answer asserts that it still is so. */
export async function unharmed(cluster, node) {
  const stored = () =>
    cluster.sql(
      `select to_jsonb(s) as request, (select count(*) from hubline.message m where m.service_request = s.key)::int as messages
       from hubline.service_request s order by s.id`,
    );
  const before = await stored();
  return async () => {
    assert.deepEqual(await stored(), before, "something was stored");
    assert.equal((await fetch(`${node.origin}/healthz`)).status, 200);
  };
}
