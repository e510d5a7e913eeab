-- Storing messages.

set local role hubline_owner;

-- Stores a batch of messages. Refusals are outcomes, not errors: the rest of the batch is stored all the same.
--
-- Items name their conversation and their sender by the place in the arrays before, counted from 1, so that the work
-- for a conversation or a sender is done once. A sender is a user id, and again as customer, technician and service
-- centre where the token says so, else null.
--
-- Two rules hold it together. The conversations are locked first, in the order of their keys, in a statement of its
-- own: so batches that overlap never wait for each other in a circle, and what is read after that belongs to everything
-- committed before. And closed conversations are not locked at all: nothing that works on them delays a batch.
create function hubline.send(
    conversations text[],
    users text[],
    as_customers text[],
    as_technicians text[],
    as_centers text[],
    item_conversations int[],
    item_users int[],
    ids text[],
    client_message_ids text[],
    bodies text[],
    -- The database's history, and when the new messages were taken, in microseconds since 1970.
    out history text,
    out taken_at bigint,
    -- By item: 0 new, 1 stored by an earlier call, 2 not found or not for this sender, 3 closed; number; role.
    out outcomes int[],
    out seqs bigint[],
    out roles text[],
    -- By item of outcome 1, in their order.
    out earlier_ids text[],
    out earlier_sent_ats bigint[],
    out earlier_bodies text[],
    -- By conversation of items of outcome 0 or 1.
    out conversation_ids text[],
    out versions bigint[],
    out customers text[],
    out technicians text[],
    out centers text[],
    out statuses text[],
    out closed_ats bigint[],
    out holders text[]
)
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
    -- One plan each, by the indexes: the planner would prefer whole tables while they are small, plan every batch anew
    -- for its length, and compile it.
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set jit = off
as $$
declare
    message_ids uuid[] := ids::uuid[];
    client_ids uuid[] := client_message_ids::uuid[];
    request record;
    earlier record;
    now timestamptz;
    -- By conversation; the key is null when it does not exist. Only open ones are locked. Arrays that are taken apart
    -- side by side below are made in their full length, since one that is first set at 3 begins at 3.
    keys bigint[] := array_fill(null::bigint, array[cardinality(conversations)]);
    locked boolean[];
    last_seqs bigint[] := keys;
    chains bytea[] := array_fill(null::bytea, array[cardinality(conversations)]);
    request_customers text[];
    request_technicians text[];
    request_centers text[];
    -- The conversations to tell of.
    touched bigint[];
    -- The new messages, and the numbers and chains that they lead to.
    new_items int[];
    new_keys bigint[];
    new_digests bytea[];
    new_chains bytea[];
    next_seqs bigint[];
    next_chains bytea[];
    new int;
    repeated int;
    c int;
    u int;
    seq bigint;
    role text;
    digest bytea;
    link bytea;
begin
    for request in
        select array_position(conversations, r.id::text) as place, r.key, r.last_seq, r.chain, r.customer_id,
            r.technician_id, r.service_center_id
        from hubline.service_request r
        where r.id = any (conversations) and r.closed_at is null
        order by r.key
        for no key update
    loop
        c := request.place;
        keys[c] := request.key;
        locked[c] := true;
        last_seqs[c] := request.last_seq;
        chains[c] := request.chain;
        request_customers[c] := request.customer_id;
        request_technicians[c] := request.technician_id;
        request_centers[c] := request.service_center_id;
    end loop;

    if array_position(keys, null) is not null then
        for request in
            select array_position(conversations, r.id::text) as place, r.key, r.customer_id, r.technician_id,
                r.service_center_id
            from hubline.service_request r
            where r.id = any (conversations) and r.key <> all (array_remove(keys, null))
        loop
            c := request.place;
            keys[c] := request.key;
            request_customers[c] := request.customer_id;
            request_technicians[c] := request.technician_id;
            request_centers[c] := request.service_center_id;
        end loop;
    end if;

    now := clock_timestamp();
    taken_at := (extract(epoch from now) * 1000000)::bigint;

    -- The first pass takes every message for new, which the unique key confirms at no cost of its own. When it objects,
    -- nothing of that pass stays, and the second one looks each message up before it stores it.
    for pass in 1..2 loop
        outcomes := '{}';
        seqs := array_fill(null::bigint, array[cardinality(ids)]);
        roles := array_fill(null::text, array[cardinality(ids)]);
        earlier_ids := '{}';
        earlier_sent_ats := '{}';
        earlier_bodies := '{}';
        touched := '{}';
        new_items := '{}';
        new_keys := '{}';
        new_digests := '{}';
        new_chains := '{}';
        next_seqs := last_seqs;
        next_chains := chains;
        new := 0;
        repeated := 0;

        for item in 1..cardinality(ids) loop
            c := item_conversations[item];
            u := item_users[item];
            role := case
                when request_customers[c] = as_customers[u] then 'customer'
                when request_technicians[c] = as_technicians[u] then 'technician'
                when request_centers[c] = as_centers[u] then 'service-center'
            end;
            if role is null then
                outcomes[item] := 2;
                continue;
            end if;

            if pass = 2 or locked[c] is null then
                select m.seq, m.id, m.sender_role, m.sent_at, m.body into earlier
                from hubline.message m
                where m.service_request = keys[c] and m.client_message_id = client_ids[item] and m.sender_id = users[u];
                if found then
                    repeated := repeated + 1;
                    outcomes[item] := 1;
                    seqs[item] := earlier.seq;
                    roles[item] := earlier.sender_role;
                    earlier_ids[repeated] := earlier.id;
                    earlier_sent_ats[repeated] := hubline.micros(earlier.sent_at);
                    earlier_bodies[repeated] := earlier.body;
                    touched := touched || keys[c];
                    continue;
                end if;
                if locked[c] is null then
                    outcomes[item] := 3;
                    continue;
                end if;
            end if;

            seq := next_seqs[c] + 1;
            digest := sha256(convert_to(bodies[item], 'UTF8'));
            link := sha256(next_chains[c] || digest || convert_to(
                seq || ' ' || message_ids[item] || ' ' || client_ids[item] || ' ' || taken_at || ' ' || role || ' '
                    || users[u],
                'UTF8'
            ));
            next_seqs[c] := seq;
            next_chains[c] := link;
            outcomes[item] := 0;
            seqs[item] := seq;
            roles[item] := role;
            new := new + 1;
            new_items[new] := item;
            new_keys[new] := keys[c];
            new_digests[new] := digest;
            new_chains[new] := link;

            -- At once, so that the next look-up finds what stands twice in one batch.
            if pass = 2 then
                insert into hubline.message (service_request, seq, id, client_message_id, sent_at, sender_id,
                    sender_role, body, digest, chain)
                values (keys[c], seq, message_ids[item], client_ids[item], now, users[u], role, bodies[item], digest,
                    link);
            end if;
        end loop;

        exit when pass = 2 or new = 0;
        begin
            insert into hubline.message (service_request, seq, id, client_message_id, sent_at, sender_id, sender_role,
                body, digest, chain)
            select n.key, seqs[n.item], message_ids[n.item], client_ids[n.item], now, users[item_users[n.item]],
                roles[n.item], bodies[n.item], n.digest, n.chain
            from unnest(new_items, new_keys, new_digests, new_chains) as n (item, key, digest, chain);
            exit;
        exception when unique_violation then
            null;
        end;
    end loop;

    if new > 0 then
        update hubline.service_request r
        set last_seq = n.last_seq, chain = n.chain, version = r.version + 1
        from unnest(keys, next_seqs, next_chains) as n (key, last_seq, chain)
        where r.key = n.key and r.last_seq < n.last_seq;
        touched := touched || new_keys;
    end if;

    -- A snapshot of its own again: a node that registered while this call waited for the locks is seen.
    select (select e.name::text from hubline.epoch e), array_agg(r.id::text), array_agg(r.version),
        array_agg(r.customer_id::text), array_agg(r.technician_id::text), array_agg(r.service_center_id::text),
        array_agg(case when r.closed_at is null then 'open' else 'closed' end), array_agg(hubline.micros(r.closed_at)),
        array_agg(coalesce((
            select string_agg(distinct h.node, ',')
            from hubline.conversation_node h join hubline.node n on n.name = h.node
            where h.service_request = r.key and n.seen_at > now - hubline.node_lifetime()
        ), ''))
    into history, conversation_ids, versions, customers, technicians, centers, statuses, closed_ats, holders
    from hubline.service_request r
    where r.key = any (touched);
end
$$;

grant execute on function hubline.send to hubline_chat;
