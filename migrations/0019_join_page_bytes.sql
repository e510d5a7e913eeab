-- The first page of a join has as many bytes as a relay takes for one client, and not two hundred of the longest messages
-- (3.2 MB): the rest is asked for when the client has read what it got.

set local role hubline_owner;

-- As before, and the page ends before its messages have more than 256 KiB. The first one is there, whatever its size.
create or replace function hubline.join(
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
    other_nodes := hubline.other_nodes(node_name);

    -- A snapshot taken under the lock.
    return query
    with request as (
        select r.*, e.name::text as history, e.name::text <> after_history and after_seq is not null as replay
        from hubline.service_request r, hubline.epoch e
        where r.key = conversation
    ), page as (
        -- One more than asked for tells whether there are more.
        select m.*, row_number() over w = 1 or row_number() over w <= most and sum(octet_length(m.body)) over w <= 262144 as fits
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
