-- Service requests, as their owner reports them: what the owner numbers can't be undone by an older report that comes late.

set local role hubline_owner;

-- Creates or replaces a service request, in the order that its owner gives the reports.
create function hubline.report(
    request_id text,
    reported_customer text,
    reported_technician text,
    reported_center text,
    reported_status text,
    -- In microseconds since 1970; null when the report does not say.
    said_closing bigint,
    -- Null when the report has no place in an order.
    said_revision bigint,
    -- What the caller has seen, as `epoch.reports`, one of which must be the case, or `*` for whatever is there; null when
    -- the caller does not mind.
    expected text[],
    -- Whether it must not be there yet.
    must_be_new boolean,
    -- created; replaced; same (nothing that a party sees differs); or nothing was stored: future (by this server's clock, and
    -- by more than clocks differ), stale (a later report is stored, or another one in this one's place), mismatch (not what
    -- was expected).
    out outcome text,
    out customer text,
    out technician text,
    out center text,
    out status text,
    out closed_at bigint,
    out last_seq bigint,
    out history text,
    out revision bigint,
    out reports bigint,
    out version bigint,
    out holders text
)
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
as $$
declare
    closed constant boolean not null := reported_status = 'closed';
    now constant timestamptz not null := clock_timestamp();
    said constant timestamptz := hubline.moment(said_closing);
    -- A clock that is a little ahead is no reason to lose a closing.
    ahead constant interval not null := interval '1 minute';
    old hubline.service_request;
    is_expected boolean;
    closing timestamptz;
    recorded timestamptz;
    gone boolean;
    conversation bigint;
begin
    if said > now + ahead then
        outcome := 'future';
        return;
    end if;

    insert into hubline.service_request (id, customer_id, technician_id, service_center_id, closed_at,
        closing_recorded_at, revision, reported_closing)
    select request_id, reported_customer, reported_technician, reported_center,
        case when closed then coalesce(least(said, now), now) end, case when closed then now end, said_revision, said
    -- The look saves a number of the sequence and a row that is dead at once, for every report but the first.
    where expected is null and not exists (select from hubline.service_request r where r.id = request_id)
    on conflict on constraint service_request_id_unique do nothing
    returning key into conversation;

    if found then
        outcome := 'created';
    else
        select r.* into old from hubline.service_request r where r.id = request_id for no key update;
        if not found then
            outcome := 'mismatch';
            return;
        end if;
        conversation := old.key;
        select coalesce(expected && array['*', e.name || '.' || old.reports], true) and not must_be_new
        into is_expected
        from hubline.epoch e;

        if said_revision < old.revision then
            outcome := 'stale';
            return;
        elsif (old.closed_at is not null) = closed
            and old.reported_closing is not distinct from said
            and coalesce(said_revision = old.revision, said_revision is null)
            -- Of what is purged the people can't be compared.
            and (old.customer_id is null or (old.customer_id, old.technician_id, old.service_center_id)
                is not distinct from (reported_customer, reported_technician, reported_center))
        then
            -- Its answer was lost, and it is sent again. What the caller wants is the case, whatever they had seen before.
            outcome := 'same';
        elsif not is_expected then
            outcome := 'mismatch';
            return;
        elsif said_revision = old.revision then
            outcome := 'stale';
            return;
        else
            -- A repeated closing keeps what it does not say anew, and the moment that it was first recorded.
            closing := case
                when not closed then null
                when said is null or said = old.reported_closing then coalesce(old.closed_at, now)
                else least(said, now)
            end;
            recorded := case when closed then coalesce(old.closing_recorded_at, now) end;
            -- Who is told of an old closing again and again does not bring back the people of a history that is purged.
            gone := closed and old.customer_id is null and hubline.due_at(closing, recorded) <= now;
            update hubline.service_request r
            set customer_id = case when not gone then reported_customer end,
                technician_id = case when not gone then reported_technician end,
                service_center_id = case when not gone then reported_center end,
                closed_at = closing,
                closing_recorded_at = recorded,
                revision = coalesce(said_revision, old.revision),
                reported_closing = said,
                reports = old.reports + 1,
                version = old.version + 1
            where r.key = old.key;
            outcome := 'replaced';
        end if;
    end if;

    select r.customer_id, r.technician_id, r.service_center_id,
        case when r.closed_at is null then 'open' else 'closed' end, hubline.micros(r.closed_at), r.last_seq,
        (select e.name::text from hubline.epoch e), r.revision, r.reports, r.version,
        coalesce((
            select string_agg(distinct h.node, ',')
            from hubline.conversation_node h join hubline.node n on n.name = h.node
            where h.service_request = r.key and n.seen_at > now - hubline.node_lifetime()
        ), '')
    into customer, technician, center, status, closed_at, last_seq, history, revision, reports, version, holders
    from hubline.service_request r
    where r.key = conversation;
end
$$;

grant execute on function hubline.report to hubline_chat;
