// History of long ago, put into the database as the functions store it.

/** So many service requests that were closed two years ago, named `name-1` on, each with so many messages. */
export async function old(cluster, name, howMany, messages = 0) {
  await cluster.sql(
    `insert into hubline.service_request (id, customer_id, technician_id, service_center_id, closed_at, closing_recorded_at, last_seq)
     select $1::text || '-' || n, 'customer-' || n, 'technician', 'center', now() - interval '2 years', now() - interval '2 years', $3::bigint
     from generate_series(1, $2::int) n`,
    [name, howMany, messages],
  );
  // In the order of time: the messages of one lie far apart.
  await cluster.sql(
    `insert into hubline.message (service_request, seq, id, client_message_id, sent_at, sender_id, sender_role, body, digest, chain)
     select s.key, n, gen_random_uuid(), gen_random_uuid(), now(), s.customer_id, 'customer', repeat('old words ', 8), sha256('old'),
         sha256(n::text::bytea)
     from generate_series(1, $2::int) n, hubline.service_request s where s.id like $1::text || '-%'`,
    [name, messages],
  );
}
