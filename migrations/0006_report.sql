-- Service requests, as their owner reports them.

set local role hubline_owner;

-- Creates or replaces a service request.
create function hubline.put_service_request(
    request_id text,
    reported_customer text,
    reported_technician text,
    reported_center text,
    reported_status text,
    -- In microseconds since 1970; null when the report does not say.
    reported_closing bigint,
    -- created, replaced, same (nothing differs), or future (by this server's clock; nothing is stored).
    out outcome text,
    out customer text,
    out technician text,
    out center text,
    out status text,
    out closed_at bigint,
    out last_seq bigint,
    out history text,
    out version bigint,
    out holders text
)
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
as $$
declare
    closed constant boolean not null := reported_status = 'closed';
    now constant timestamptz not null := clock_timestamp();
    closing constant timestamptz := hubline.moment(reported_closing);
    old hubline.service_request;
    conversation bigint;
begin
    if closing > now then
        outcome := 'future';
        return;
    end if;

    insert into hubline.service_request (id, customer_id, technician_id, service_center_id, closed_at,
        closing_recorded_at)
    select request_id, reported_customer, reported_technician, reported_center,
        case when closed then coalesce(closing, now) end, case when closed then now end
    -- The look saves a number of the sequence and a row that is dead at once, for every report but the first.
    where not exists (select from hubline.service_request r where r.id = request_id)
    on conflict on constraint service_request_id_unique do nothing
    returning key into conversation;

    if found then
        outcome := 'created';
    else
        select r.* into strict old from hubline.service_request r where r.id = request_id for no key update;
        conversation := old.key;
        update hubline.service_request r
        set customer_id = reported_customer,
            technician_id = reported_technician,
            service_center_id = reported_center,
            -- A repeated closing keeps what it does not say anew, and the moment that it was first recorded.
            closed_at = case when closed then coalesce(closing, old.closed_at, now) end,
            closing_recorded_at = case when closed then coalesce(old.closing_recorded_at, now) end,
            purged = old.purged and closed,
            version = r.version + 1
        where r.key = old.key
            and (old.customer_id, old.technician_id, old.service_center_id, old.closed_at) is distinct from
                (reported_customer, reported_technician, reported_center,
                    case when closed then coalesce(closing, old.closed_at, now) end);
        outcome := case when found then 'replaced' else 'same' end;
    end if;

    select r.customer_id, r.technician_id, r.service_center_id,
        case when r.closed_at is null then 'open' else 'closed' end, hubline.micros(r.closed_at), r.last_seq,
        (select e.name::text from hubline.epoch e), r.version,
        coalesce((
            select string_agg(distinct h.node, ',')
            from hubline.conversation_node h join hubline.node n on n.name = h.node
            where h.service_request = r.key and n.seen_at > now - hubline.node_lifetime()
        ), '')
    into customer, technician, center, status, closed_at, last_seq, history, version, holders
    from hubline.service_request r
    where r.key = conversation;
end
$$;

grant execute on function hubline.put_service_request to hubline_chat;
