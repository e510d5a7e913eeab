-- Following conversations: joining, and the sweep.

set local role hubline_owner;

-- Registers a user of a node and reads what their client needs; no row for a stranger, who leaves no trace.
--
-- The share lock waits for a batch that is being stored and holds off the next one until the registration is committed:
-- so what is read here and what rings the node from now on leave no gap between them.
create function hubline.join(
    request_id text,
    node_name text,
    node_incarnation text,
    joining_user text,
    as_customer text,
    as_technician text,
    as_center text,
    -- The last number that the client has, or null for new messages only; and the history that it belongs to.
    after_seq bigint,
    after_history text,
    most bigint
)
    returns table (
        last_seq bigint,
        purged_through bigint,
        history text,
        status text,
        closed_at bigint,
        version bigint,
        customer text,
        technician text,
        center text,
        customer_online boolean,
        technician_online boolean,
        center_online boolean,
        -- Whether the client's number belongs to another history, and counted as 0.
        replay boolean,
        has_more boolean,
        ids text[],
        seqs bigint[],
        senders text[],
        roles text[],
        client_message_ids text[],
        bodies text[],
        sent_ats bigint[]
    )
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set jit = off
as $$
declare
    conversation bigint;
    joining_role text;
begin
    select r.key,
        case
            when r.customer_id = as_customer then 'customer'
            when r.technician_id = as_technician then 'technician'
            else 'service-center'
        end
    into conversation, joining_role
    from hubline.service_request r
    where r.id = request_id
        and (r.customer_id = as_customer or r.technician_id = as_technician or r.service_center_id = as_center)
    for share;
    if not found then
        return;
    end if;

    perform hubline.enlist(node_name, node_incarnation::uuid);
    insert into hubline.conversation_node (service_request, node, user_id, role)
    values (conversation, node_name, joining_user, joining_role)
    on conflict on constraint conversation_node_key do update set role = excluded.role
    where conversation_node.role <> excluded.role;

    -- A snapshot taken under the lock.
    return query
    with request as (
        select r.*, e.name::text as history, e.name::text <> after_history and after_seq is not null as replay
        from hubline.service_request r, hubline.epoch e
        where r.key = conversation
    ), online as (
        select h.role, h.user_id
        from hubline.conversation_node h join hubline.node n on n.name = h.node
        where h.service_request = conversation and n.seen_at > clock_timestamp() - hubline.node_lifetime()
    ), page as (
        -- One more than asked for tells whether there are more.
        select m.*
        from request r, hubline.message m
        where m.service_request = conversation and m.seq > case when r.replay then 0 else after_seq end
        order by m.seq
        limit most + 1
    ), messages as (
        select count(*) > most as has_more, array_agg(p.id::text) as ids, array_agg(p.seq) as seqs,
            array_agg(p.sender_id) as senders, array_agg(p.sender_role) as roles,
            array_agg(p.client_message_id::text) as client_message_ids, array_agg(p.body) as bodies,
            array_agg(hubline.micros(p.sent_at)) as sent_ats
        from page p
    )
    select r.last_seq, r.purged_through, r.history, case when r.closed_at is null then 'open' else 'closed' end,
        hubline.micros(r.closed_at), r.version, r.customer_id::text, r.technician_id::text, r.service_center_id::text,
        exists (select from online o where o.role = 'customer' and o.user_id = r.customer_id),
        exists (select from online o where o.role = 'technician' and o.user_id = r.technician_id),
        exists (select from online o where o.role = 'service-center'),
        coalesce(r.replay, false), m.has_more, m.ids[:most], m.seqs[:most], m.senders[:most], m.roles[:most],
        m.client_message_ids[:most], m.bodies[:most], m.sent_ats[:most]
    from request r, messages m;
end
$$;

-- Answers what differs of what a node holds, and restores the registrations that a crash of the database has lost.
create function hubline.sweep(
    node_name text,
    node_incarnation text,
    known_ids text[],
    known_versions bigint[],
    out history text,
    out ids text[],
    -- -1 when this history does not have the service request.
    out versions bigint[],
    out last_seqs bigint[],
    out statuses text[],
    out closed_ats bigint[],
    out customers text[],
    out technicians text[],
    out centers text[]
)
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set jit = off
as $$
begin
    perform hubline.enlist(node_name, node_incarnation::uuid);
    insert into hubline.conversation_node (service_request, node, user_id, role)
    select r.key, node_name, '', ''
    from hubline.service_request r
    where r.id = any (known_ids)
        and not exists (
            select from hubline.conversation_node h where h.service_request = r.key and h.node = node_name
        )
    order by r.key
    on conflict do nothing;

    select (select e.name::text from hubline.epoch e), array_agg(k.id), array_agg(coalesce(r.version, -1)),
        array_agg(coalesce(r.last_seq, 0)),
        array_agg(case when r.closed_at is null and r.key is not null then 'open' else 'closed' end),
        array_agg(hubline.micros(r.closed_at)), array_agg(r.customer_id::text), array_agg(r.technician_id::text),
        array_agg(r.service_center_id::text)
    into history, ids, versions, last_seqs, statuses, closed_ats, customers, technicians, centers
    from unnest(known_ids, known_versions) as k (id, version)
        left join hubline.service_request r on r.id = k.id
    where r.version is distinct from k.version;
end
$$;

grant execute on function hubline.join, hubline.sweep to hubline_chat;
