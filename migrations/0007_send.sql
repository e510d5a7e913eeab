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
--
-- Most of its time goes into starting statements and evaluating expressions for the first time in a transaction, hence
-- few of both: two statements do the work for a whole batch, and nothing is set up that only a rare path needs.
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
    -- How long to wait for a conversation that another transaction holds, in milliseconds; then the call fails with
    -- lock_not_available, and nothing is stored. 0: not at all, and items of such a conversation have outcome 4. Null: for
    -- as long as the role may.
    patience bigint default null,
    -- The database's history, and when the new messages were taken, in microseconds since 1970.
    out history text,
    out taken_at bigint,
    -- By item: 0 new, 1 stored by an earlier call, 2 not found or not for this sender, 3 closed, 4 not now, for another
    -- transaction holds the conversation; number; role.
    out outcomes int[],
    out seqs bigint[],
    out roles text[],
    -- By item of outcome 1, in their order.
    out earlier_ids text[],
    out earlier_sent_ats bigint[],
    out earlier_bodies text[],
    -- By conversation; null when there is no such thing, or nobody asked.
    out versions bigint[],
    out customers text[],
    out technicians text[],
    out centers text[],
    out closed_ats bigint[],
    out holders text[],
    -- The last number before this batch.
    out last_seqs bigint[]
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
    -- By conversation; the key is null when it does not exist. In their full length from the start, since an array that
    -- is first set at 3 begins at 3, and could not be taken apart beside others.
    keys bigint[] := array_fill(null::bigint, array[cardinality(conversations)]);
    -- The ones that nobody else holds, when the others are left out.
    free bigint[];
    -- Those that are not locked, once an item has asked for them.
    unlocked boolean[];
    heads bytea[];
    -- By conversation and by item, what is new.
    next_seqs bigint[];
    next_heads bytea[];
    digests bytea[];
    chains bytea[];
    request record;
    earlier record;
    c int;
    u int;
    seq bigint;
    role text;
    digest bytea;
    chain bytea;
begin
    versions := keys;
    last_seqs := keys;
    closed_ats := keys;
    customers := array_fill(null::text, array[cardinality(conversations)]);
    technicians := customers;
    centers := customers;

    if patience > 0 then
        perform set_config('lock_timeout', patience::text, true);
    elsif patience = 0 then
        -- Whoever waits for nobody is in nobody's way, whatever the order.
        select coalesce(array_agg(f.key), '{}') into free
        from (
            select r.key
            from hubline.service_request r
            where r.id = any (conversations) and r.closed_at is null
            order by r.key
            for no key update skip locked
        ) f;
    end if;
    for request in
        select array_position(conversations, r.id::text) as place, r.key, r.last_seq, r.version, r.chain, r.customer_id,
            r.technician_id, r.service_center_id
        from hubline.service_request r
        where r.id = any (conversations) and r.closed_at is null and (free is null or r.key = any (free))
        order by r.key
        for no key update
    loop
        c := request.place;
        keys[c] := request.key;
        last_seqs[c] := request.last_seq;
        heads[c] := request.chain;
        versions[c] := request.version;
        customers[c] := request.customer_id;
        technicians[c] := request.technician_id;
        centers[c] := request.service_center_id;
    end loop;

    taken_at := hubline.micros(clock_timestamp());

    -- The first pass takes every message for new, which the unique key confirms at no cost of its own. When it objects,
    -- nothing of that pass stays, and the second one looks each message up before it stores it.
    for pass in 1..2 loop
        for item in 1..cardinality(ids) loop
            c := item_conversations[item];
            u := item_users[item];
            if keys[c] is null then
                select r.key, r.last_seq, r.version, hubline.micros(r.closed_at) as closed_at, r.customer_id,
                    r.technician_id, r.service_center_id
                into request
                from hubline.service_request r
                where r.id = conversations[c];
                keys[c] := request.key;
                last_seqs[c] := request.last_seq;
                versions[c] := request.version;
                closed_ats[c] := request.closed_at;
                customers[c] := request.customer_id;
                technicians[c] := request.technician_id;
                centers[c] := request.service_center_id;
                -- Even if it was opened just now: this call has not locked it, and comes before that.
                unlocked[c] := true;
            end if;
            role := hubline.role_of(
                customers[c], technicians[c], centers[c], as_customers[u], as_technicians[u], as_centers[u]
            );
            -- Who is no party any more has sent what is stored all the same, and hears so when the answer was lost.
            if pass = 2 or unlocked[c] or role is null then
                select m.seq, m.id, m.sender_role, m.sent_at, m.body into earlier
                from hubline.message m
                where m.service_request = keys[c] and m.client_message_id = client_ids[item] and m.sender_id = users[u];
                if found then
                    outcomes[item] := 1;
                    seqs[item] := earlier.seq;
                    roles[item] := earlier.sender_role;
                    earlier_ids := earlier_ids || earlier.id::text;
                    earlier_sent_ats := earlier_sent_ats || hubline.micros(earlier.sent_at);
                    earlier_bodies := earlier_bodies || earlier.body;
                    continue;
                end if;
                if role is null then
                    outcomes[item] := 2;
                    seqs[item] := null;
                    roles[item] := null;
                    continue;
                end if;
                if unlocked[c] then
                    outcomes[item] := case when patience is not null and closed_ats[c] is null then 4 else 3 end;
                    seqs[item] := null;
                    roles[item] := null;
                    continue;
                end if;
            end if;

            seq := coalesce(next_seqs[c], last_seqs[c]) + 1;
            digest := sha256(convert_to(bodies[item], 'UTF8'));
            chain := hubline.link(
                coalesce(next_heads[c], heads[c]), digest, seq, message_ids[item], client_ids[item], taken_at, role, users[u]
            );
            next_seqs[c] := seq;
            next_heads[c] := chain;
            outcomes[item] := 0;
            seqs[item] := seq;
            roles[item] := role;
            digests[item] := digest;
            chains[item] := chain;

            -- At once, so that the next look-up finds what stands twice in one batch.
            if pass = 2 then
                insert into hubline.message (service_request, seq, id, client_message_id, sent_at, sender_id,
                    sender_role, body, digest, chain)
                values (keys[c], seq, message_ids[item], client_ids[item], hubline.moment(taken_at), users[u], role,
                    bodies[item], digest, chain);
            end if;
        end loop;

        begin
            -- With a snapshot of its own: a node that registered while this call waited for the locks is seen.
            with stored as (
                insert into hubline.message (service_request, seq, id, client_message_id, sent_at, sender_id,
                    sender_role, body, digest, chain)
                select keys[i.conversation], seqs[i.place], i.id, i.client_message_id, hubline.moment(taken_at),
                    users[i.sender], roles[i.place], i.body, digests[i.place], chains[i.place]
                from unnest(item_conversations, item_users, message_ids, client_ids, bodies) with ordinality
                    as i (conversation, sender, id, client_message_id, body, place)
                where pass = 1 and outcomes[i.place] = 0
            ), numbered as (
                update hubline.service_request r
                set last_seq = next_seqs[n.place], chain = next_heads[n.place], version = r.version + 1
                from unnest(keys) with ordinality as n (key, place)
                where r.key = n.key and next_seqs[n.place] is not null
            )
            select (select e.name::text from hubline.epoch e),
                array_agg(k.version + (next_seqs[k.place] is not null)::int),
                array_agg((
                    select string_agg(distinct h.node, ',')
                    from hubline.conversation_node h join hubline.node n on n.name = h.node
                    where h.service_request = k.key and n.seen_at > clock_timestamp() - hubline.node_lifetime()
                ))
            into history, versions, holders
            from unnest(keys, versions) with ordinality as k (key, version, place);
            exit;
        exception when unique_violation then
            if pass = 2 then
                raise;
            end if;
            outcomes := null;
            seqs := null;
            roles := null;
            earlier_ids := null;
            earlier_sent_ats := null;
            earlier_bodies := null;
            next_seqs := null;
            next_heads := null;
        end;
    end loop;
end
$$;

grant execute on function hubline.send to hubline_chat;
