-- Storing one message with less work, which is what most calls do while there is little to do.

set local role hubline_owner;

-- Stores one message that is new, of a party, in an open conversation: what hubline.send does with it, in two statements
-- of few expressions, by single values in place of arrays.
--
-- Whatever is out of the ordinary is left to hubline.send: all is null when the conversation is closed, or not for this
-- sender, or another transaction is at it, for whom hubline.send waits as long as it is told. A message that came before
-- breaks the unique key, which undoes everything. That is dearer than looking first, but a look costs every message, and
-- few come twice.
create function hubline.send_new(
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
        hubline.role_of(r.customer_id, r.technician_id, r.service_center_id, as_customer, as_technician, as_center) as role
    into request
    from hubline.service_request r
    where r.id = conversation and r.closed_at is null
    for no key update skip locked;
    if request.role is null then
        return;
    end if;

    taken_at := hubline.micros(request.now);
    digest := sha256(convert_to(body, 'UTF8'));
    request.chain := hubline.link(
        request.chain, digest, request.seq, id::uuid, client_message_id::uuid, taken_at, request.role, sender
    );
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

grant execute on function hubline.send_new to hubline_chat;
