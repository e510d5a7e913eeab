-- Storing one message, which is what most calls do while there is little to do.

set local role hubline_owner;

-- Stores a batch of one: what hubline.send does with it, in a quarter of its expressions. Whatever is out of the
-- ordinary, such as a conversation that is closed or a message that came before, is left to hubline.send.
--
-- The arrays have one element each, so that both are called alike.
create function hubline.send_one(
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
    out history text,
    out taken_at bigint,
    out outcomes int[],
    out seqs bigint[],
    out roles text[],
    out earlier_ids text[],
    out earlier_sent_ats bigint[],
    out earlier_bodies text[],
    out versions bigint[],
    out customers text[],
    out technicians text[],
    out centers text[],
    out closed_ats bigint[],
    out holders text[]
)
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
as $$
declare
    request record;
begin
    -- The lock comes first, in a statement of its own: what is read after it belongs to everything committed before.
    select r.key, r.last_seq, r.version, r.chain, r.customer_id::text, r.technician_id::text, r.service_center_id::text,
        hubline.micros(clock_timestamp()) as now,
        case
            when r.customer_id = as_customers[1] then 'customer'
            when r.technician_id = as_technicians[1] then 'technician'
            when r.service_center_id = as_centers[1] then 'service-center'
        end as role
    into request
    from hubline.service_request r
    where r.id = conversations[1] and r.closed_at is null
    for no key update;

    if request.role is not null then
        with stored as (
            insert into hubline.message (service_request, seq, id, client_message_id, sent_at, sender_id, sender_role,
                body, digest, chain)
            select request.key, request.last_seq + 1, ids[1]::uuid, client_message_ids[1]::uuid,
                hubline.moment(request.now), users[1], request.role, bodies[1], d.digest,
                sha256(request.chain || d.digest || convert_to(
                    request.last_seq + 1 || ' ' || ids[1]::uuid || ' ' || client_message_ids[1]::uuid || ' '
                        || request.now || ' ' || request.role || ' ' || users[1],
                    'UTF8'
                ))
            from (select sha256(convert_to(bodies[1], 'UTF8')) as digest offset 0) d
            on conflict on constraint message_client_key do nothing
            returning seq, message.chain
        ), numbered as (
            update hubline.service_request r
            set last_seq = s.seq, chain = s.chain, version = r.version + 1
            from stored s
            where r.key = request.key
        )
        select (select e.name::text from hubline.epoch e), request.now, array[0], array[s.seq], array[request.role],
            array[request.version + 1], array[request.customer_id], array[request.technician_id],
            array[request.service_center_id], array[null::bigint],
            array[(
                select string_agg(distinct h.node, ',')
                from hubline.conversation_node h join hubline.node n on n.name = h.node
                where h.service_request = request.key
                    and n.seen_at > clock_timestamp() - hubline.node_lifetime()
            )]
        into history, taken_at, outcomes, seqs, roles, versions, customers, technicians, centers, closed_ats, holders
        from stored s;
        if found then
            return;
        end if;
    end if;

    select s.* into history, taken_at, outcomes, seqs, roles, earlier_ids, earlier_sent_ats, earlier_bodies, versions,
        customers, technicians, centers, closed_ats, holders
    from hubline.send(conversations, users, as_customers, as_technicians, as_centers, item_conversations, item_users, ids,
        client_message_ids, bodies) s;
end
$$;

grant execute on function hubline.send_one to hubline_chat;
