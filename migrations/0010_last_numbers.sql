-- Every answer says which number is the last one, and a conversation that another transaction holds keeps nobody else
-- waiting.

set local role hubline_owner;

-- Their answers have more columns. Whoever calls them as before finds what was there before.
drop function hubline.send, hubline.leave;

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
    -- The last number before this batch. At the end, where it is no matter to hubline.send_one.
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
            role := case
                when customers[c] = as_customers[u] then 'customer'
                when technicians[c] = as_technicians[u] then 'technician'
                when centers[c] = as_centers[u] then 'service-center'
            end;
            if role is null then
                outcomes[item] := 2;
                seqs[item] := null;
                roles[item] := null;
                continue;
            end if;

            if pass = 2 or unlocked[c] then
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
                if unlocked[c] then
                    outcomes[item] := case when patience is not null and closed_ats[c] is null then 4 else 3 end;
                    seqs[item] := null;
                    roles[item] := null;
                    continue;
                end if;
            end if;

            seq := coalesce(next_seqs[c], last_seqs[c]) + 1;
            digest := sha256(convert_to(bodies[item], 'UTF8'));
            chain := sha256(coalesce(next_heads[c], heads[c]) || digest || convert_to(
                seq || ' ' || message_ids[item] || ' ' || client_ids[item] || ' ' || taken_at || ' ' || role || ' '
                    || users[u],
                'UTF8'
            ));
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

-- Stores one message that is new, of a party, in an open conversation: what hubline.send does with it, in two statements
-- of few expressions, by single values in place of arrays.
--
-- Whatever is out of the ordinary is left to hubline.send: all is null when the conversation is closed, or not for this
-- sender, or another transaction is at it, for whom hubline.send waits as long as it is told. A message that came before
-- breaks the unique key, which undoes everything. That is dearer than looking first, but a look costs every message, and few
-- come twice.
create or replace function hubline.send_new(
    conversation text,
    sender text,
    as_customer text,
    as_technician text,
    as_center text,
    id text,
    client_message_id text,
    body text,
    out history text,
    out taken_at bigint,
    out seq bigint,
    out role text,
    out version bigint,
    out customer text,
    out technician text,
    out center text,
    out holders text
)
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
as $$
#variable_conflict use_variable
declare
    request record;
    digest bytea;
begin
    -- The lock comes first, in a statement of its own: what is read after it belongs to everything committed before.
    select r.key, r.last_seq + 1 as seq, r.version + 1 as version, r.chain, r.customer_id::text as customer,
        r.technician_id::text as technician, r.service_center_id::text as center, clock_timestamp() as now,
        case
            when r.customer_id = as_customer then 'customer'
            when r.technician_id = as_technician then 'technician'
            when r.service_center_id = as_center then 'service-center'
        end as role
    into request
    from hubline.service_request r
    where r.id = conversation and r.closed_at is null
    for no key update skip locked;
    if request.role is null then
        return;
    end if;

    taken_at := hubline.micros(request.now);
    digest := sha256(convert_to(body, 'UTF8'));
    request.chain := sha256(request.chain || digest || convert_to(
        concat_ws(' ', request.seq, id, client_message_id, taken_at, request.role, sender), 'UTF8'
    ));
    with stored as (
        insert into hubline.message (service_request, seq, id, client_message_id, sent_at, sender_id, sender_role, body,
            digest, chain)
        values (request.key, request.seq, id::uuid, client_message_id::uuid, request.now, sender, request.role, body,
            digest, request.chain)
    ), numbered as (
        update hubline.service_request r
        set last_seq = request.seq, chain = request.chain, version = request.version
        where r.key = request.key
    )
    select (select e.name::text from hubline.epoch e), request.seq, request.role, request.version, request.customer,
        request.technician, request.center,
        (
            select string_agg(distinct h.node, ',')
            from hubline.conversation_node h join hubline.node n on n.name = h.node
            where h.service_request = request.key
                and n.seen_at > clock_timestamp() - hubline.node_lifetime()
        )
    into history, seq, role, version, customer, technician, center, holders;
end
$$;

-- Takes back registrations of a node, and answers which others are to hear of it: those for which a party is nowhere else
-- any more. What an earlier run of the node says no longer counts.
create function hubline.leave(
    node_name text,
    node_incarnation text,
    left_ids text[],
    left_users text[],
    out history text,
    out ids text[],
    out versions bigint[],
    out last_seqs bigint[],
    out customers text[],
    out technicians text[],
    out centers text[],
    out statuses text[],
    out closed_ats bigint[],
    -- Who left, as the parties are named: a person of the service centre as the centre.
    out users text[],
    -- The nodes to tell, with commas between them.
    out nodes text[]
)
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set jit = off
as $$
declare
    gone_keys bigint[];
    gone_users text[];
    gone_roles text[];
begin
    -- With the last user goes what a sweep restored for nobody in particular; if the node holds it still, its next sweep
    -- brings that back.
    with gone as (
        delete from hubline.conversation_node h
        using unnest(left_ids, left_users) as l (id, user_id)
            join hubline.service_request r on r.id = l.id
        where h.service_request = r.key
            and h.node = node_name
            and h.user_id in (l.user_id, '')
            and exists (
                select from hubline.node n where n.name = node_name and n.incarnation = node_incarnation::uuid
            )
        returning h.service_request, h.user_id, h.role
    )
    select array_agg(g.service_request), array_agg(g.user_id), array_agg(g.role)
    into gone_keys, gone_users, gone_roles
    from gone g
    where g.role <> '';

    -- A snapshot in which they are gone.
    with alive as (
        select h.service_request, h.node, h.role, h.user_id
        from hubline.conversation_node h join hubline.node n on n.name = h.node
        where h.service_request = any (gone_keys) and n.seen_at > clock_timestamp() - hubline.node_lifetime()
    ), party as (
        select distinct r.key, g.role,
            case g.role when 'service-center' then r.service_center_id else g.user_id end as user_id
        from unnest(gone_keys, gone_users, gone_roles) as g (key, user_id, role)
            join hubline.service_request r on r.key = g.key
        where g.role = 'service-center'
            or g.role = 'customer' and g.user_id = r.customer_id
            or g.role = 'technician' and g.user_id = r.technician_id
    ), told as (
        -- A node has its own users in sight, and counts those of all other nodes together.
        select p.key, p.user_id, string_agg(o.node, ',') as nodes
        from party p
            cross join lateral (
                select distinct a.node from alive a where a.service_request = p.key and a.node <> node_name
            ) as o
        where not exists (
            select from alive a
            where a.service_request = p.key
                and a.node <> o.node
                and a.role = p.role
                and (p.role = 'service-center' or a.user_id = p.user_id)
        )
        group by p.key, p.user_id
    )
    select (select e.name::text from hubline.epoch e), array_agg(r.id), array_agg(r.version),
        array_agg(r.last_seq), array_agg(r.customer_id::text), array_agg(r.technician_id::text),
        array_agg(r.service_center_id::text),
        array_agg(case when r.closed_at is null then 'open' else 'closed' end), array_agg(hubline.micros(r.closed_at)),
        array_agg(t.user_id), array_agg(t.nodes)
    into history, ids, versions, last_seqs, customers, technicians, centers, statuses, closed_ats, users, nodes
    from told t join hubline.service_request r on r.key = t.key;
end
$$;

grant execute on function hubline.leave to hubline_chat;
