-- Following conversations: joining, leaving, and the sweep.

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
        sent_ats bigint[],
        -- Other nodes that hold the conversation and are to hear that somebody came; none when the user was known there.
        others text
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
    came boolean;
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
    came := found;

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
        m.client_message_ids[:most], m.bodies[:most], m.sent_ats[:most],
        case when came then (
            select string_agg(distinct h.node, ',')
            from hubline.conversation_node h join hubline.node n on n.name = h.node
            where h.service_request = conversation
                and h.node <> node_name
                and n.seen_at > clock_timestamp() - hubline.node_lifetime()
        ) end
    from request r, messages m;
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
        array_agg(r.customer_id::text), array_agg(r.technician_id::text), array_agg(r.service_center_id::text),
        array_agg(case when r.closed_at is null then 'open' else 'closed' end), array_agg(hubline.micros(r.closed_at)),
        array_agg(t.user_id), array_agg(t.nodes)
    into history, ids, versions, customers, technicians, centers, statuses, closed_ats, users, nodes
    from told t join hubline.service_request r on r.key = t.key;
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

grant execute on function hubline.join, hubline.leave, hubline.sweep to hubline_chat;
