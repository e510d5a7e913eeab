-- Following conversations: joining and leaving.

set local role hubline_owner;

-- Registers a user of a node and reads what their client needs; no row for a stranger, who leaves no trace. It says which
-- parties are on other nodes, and not who is anywhere: of its own connections a relay knows best.
--
-- The share lock waits for a batch that is being stored and holds off the next one until the registration is committed:
-- so what is read here and what rings the node from now on leave no gap between them.
--
-- The page of messages ends before they have more than 256 KiB, which is what a relay takes for one client: the rest is
-- asked for when the client has read what it got. The first message is there, whatever its size.
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
        -- The parties that are on other nodes.
        elsewhere bigint,
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
    other_nodes text[];
begin
    select r.key,
        hubline.role_of(r.customer_id, r.technician_id, r.service_center_id, as_customer, as_technician, as_center)
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
    other_nodes := hubline.other_nodes(node_name);

    -- A snapshot taken under the lock.
    return query
    with request as (
        select r.*, e.name::text as history, e.name::text <> after_history and after_seq is not null as replay
        from hubline.service_request r, hubline.epoch e
        where r.key = conversation
    ), page as (
        -- One more than asked for tells whether there are more.
        select m.*,
            row_number() over w = 1 or row_number() over w <= most and sum(octet_length(m.body)) over w <= 262144 as fits
        from request r, hubline.message m
        where m.service_request = conversation and m.seq > case when r.replay then 0 else after_seq end
        window w as (order by m.seq rows unbounded preceding)
        order by m.seq
        limit most + 1
    ), messages as (
        select array_agg(p.id::text) as ids, array_agg(p.seq) as seqs, array_agg(p.sender_id) as senders,
            array_agg(p.sender_role) as roles, array_agg(p.client_message_id::text) as client_message_ids,
            array_agg(p.body) as bodies, array_agg(hubline.micros(p.sent_at)) as sent_ats
        from page p
        where p.fits
    )
    select r.last_seq, r.purged_through, r.history, case when r.closed_at is null then 'open' else 'closed' end,
        hubline.micros(r.closed_at), r.version, r.customer_id::text, r.technician_id::text, r.service_center_id::text,
        (
            select coalesce(bit_or(hubline.attendance(h.role, h.user_id, r.customer_id, r.technician_id)), 0)::bigint
            from hubline.conversation_node h
            where h.service_request = conversation and h.node = any (other_nodes)
        ),
        coalesce(r.replay, false), exists (select from page p where not p.fits), m.ids, m.seqs, m.senders, m.roles,
        m.client_message_ids, m.bodies, m.sent_ats,
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

-- Takes back registrations of a node, and answers which others are to ask who is there now. What an earlier run of the
-- node says no longer counts.
create function hubline.leave(
    node_name text,
    node_incarnation text,
    left_ids text[],
    left_users text[],
    out history text,
    out ids text[],
    -- The other nodes that hold each, with commas between them.
    out nodes text[]
)
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set jit = off
as $$
begin
    with gone as (
        delete from hubline.conversation_node h
        using unnest(left_ids, left_users) as l (id, user_id)
            join hubline.service_request r on r.id = l.id
        where h.service_request = r.key
            and h.node = node_name
            and h.user_id = l.user_id
            and exists (
                select from hubline.node n where n.name = node_name and n.incarnation = node_incarnation::uuid
            )
        returning h.service_request, r.id
    ), told as (
        select g.id, string_agg(distinct h.node, ',') as nodes
        from gone g
            join hubline.conversation_node h on h.service_request = g.service_request and h.node <> node_name
            join hubline.node n on n.name = h.node
        where n.seen_at > clock_timestamp() - hubline.node_lifetime()
        group by g.id
    )
    select (select e.name::text from hubline.epoch e), array_agg(t.id::text), array_agg(t.nodes)
    into history, ids, nodes
    from told t;
end
$$;

grant execute on function hubline.join, hubline.leave to hubline_chat;
