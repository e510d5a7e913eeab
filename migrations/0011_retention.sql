-- Retention: deleting history past its time, by many service requests and a bounded amount of work in a statement, and
-- figures of it.

set local role hubline_owner;

create table hubline.purge_record (
    id bigint generated always as identity constraint purge_record_key primary key,
    service_request bigint not null
        constraint purge_record_service_request references hubline.service_request (key),
    first_seq bigint not null,
    last_seq bigint not null,
    messages bigint not null,
    -- The chain value of the last message deleted: it commits to every one before, and the next message's builds on it.
    digest bytea not null,
    -- When this history became due, and when it was deleted.
    due_at timestamptz not null,
    purged_at timestamptz not null,
    constraint purge_record_range check (messages = last_seq - first_seq + 1)
);

comment on table hubline.purge_record is 'what was deleted past its retention: which, how many, digest, when';

create index purge_record_service_request_key on hubline.purge_record (service_request);

create table hubline.purge_total (
    single boolean constraint purge_total_key primary key default true constraint purge_total_single check (single),
    -- Service requests of which nothing is left but their row.
    service_requests bigint not null default 0,
    messages bigint not null default 0,
    batches bigint not null default 0,
    -- Microseconds that batches took, all together.
    busy_micros bigint not null default 0
) with (fillfactor = 50);

comment on table hubline.purge_total is 'what retention has done since this table exists; one row';

insert into hubline.purge_total default values;

-- Deletes one batch of what is due at a moment: so many messages at most, of so many service requests at most, the
-- longest overdue first.
--
-- A service request is locked, and the record of what is deleted is written in the same transaction: a crash leaves each
-- number either there or on record. Who purges as well passes over what is locked here; a report waits for the
-- milliseconds of one batch; and a batch of messages does not lock what is closed. A service request that is larger than
-- what is left of the batch is begun, and gone on with by the next one.
create function hubline.purge_due(
    moment timestamptz,
    most_messages bigint,
    most_requests bigint,
    -- How many service requests were worked on, how many of them are done with, and how many messages are deleted.
    out taken bigint,
    out finished bigint,
    out messages bigint,
    -- Whether something is due that this batch could not take, though it took nothing: others are at it.
    out busy boolean,
    -- Microseconds that the batch took here.
    out micros bigint
)
    language plpgsql volatile
    set search_path = hubline, pg_temp
    -- One plan each, by the indexes, whatever the statistics say of tables that shrink by the minute.
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set enable_bitmapscan = off
    set enable_hashjoin = off
    set enable_mergejoin = off
    set jit = off
as $$
declare
    began constant timestamptz := clock_timestamp();
    wanted bigint;
    keys bigint[];
    firsts bigint[];
    lasts bigint[];
    dues timestamptz[];
begin
    -- How many of the oldest fill a batch. Without locks: what is beyond is left to others.
    select count(*) into wanted
    from (
        select sum(r.size) over (order by r.due_at rows unbounded preceding) - r.size as before
        from (
            select r.last_seq - r.purged_through as size, hubline.due_at(r.closed_at, r.closing_recorded_at) as due_at
            from hubline.service_request r
            where r.closed_at is not null
                and r.customer_id is not null
                and hubline.due_at(r.closed_at, r.closing_recorded_at) <= moment
            order by hubline.due_at(r.closed_at, r.closing_recorded_at)
            limit most_requests
        ) r
    ) s
    where s.before < most_messages;

    select array_agg(s.key), array_agg(s.first), array_agg(s.last), array_agg(s.due_at), count(*),
        count(*) filter (where s.last = s.last_seq), coalesce(sum(s.last - s.first + 1), 0)
    into keys, firsts, lasts, dues, taken, finished, messages
    from (
        select r.key, r.due_at, r.last_seq, r.purged_through + 1 as first,
            least(r.last_seq, r.purged_through + most_messages - r.before) as last
        from (
            select l.*, coalesce(sum(l.last_seq - l.purged_through)
                over (order by l.due_at, l.key rows between unbounded preceding and 1 preceding), 0) as before
            from (
                select r.key, r.last_seq, r.purged_through,
                    hubline.due_at(r.closed_at, r.closing_recorded_at) as due_at
                from hubline.service_request r
                where r.closed_at is not null
                    and r.customer_id is not null
                    and hubline.due_at(r.closed_at, r.closing_recorded_at) <= moment
                order by hubline.due_at(r.closed_at, r.closing_recorded_at)
                limit wanted
                for no key update skip locked
            ) l
        ) r
        where r.before < most_messages
    ) s;
    busy := taken = 0 and wanted > 0;
    micros := 0;
    if taken = 0 then
        return;
    end if;

    -- What a crash takes back is due again, and done again: so nobody waits for the disk, and no send behind it either.
    perform set_config('synchronous_commit', 'off', true);

    -- With a snapshot that is taken under the locks.
    with share as (
        select u.* from unnest(keys, firsts, lasts, dues) as u (key, first, last, due_at)
    ), recorded as (
        insert into hubline.purge_record (service_request, first_seq, last_seq, messages, digest, due_at, purged_at)
        -- A message that is not there, whatever took it, keeps nothing else from going: the head of the chain stands in.
        select s.key, s.first, s.last, s.last - s.first + 1, coalesce(m.chain, r.chain), s.due_at, clock_timestamp()
        from share s
            join hubline.service_request r on r.key = s.key
            left join hubline.message m on m.service_request = s.key and m.seq = s.last
        where s.last >= s.first
    ), deleted as (
        delete from hubline.message m
        using share s
        where m.service_request = s.key and m.seq between s.first and s.last
    ), forgotten as (
        delete from hubline.conversation_node h
        using share s join hubline.service_request r on r.key = s.key
        where h.service_request = s.key and s.last = r.last_seq
    )
    update hubline.service_request r
    set purged_through = s.last,
        customer_id = case when s.last < r.last_seq then r.customer_id end,
        technician_id = case when s.last < r.last_seq then r.technician_id end,
        service_center_id = case when s.last < r.last_seq then r.service_center_id end,
        version = r.version + 1
    from share s
    where r.key = s.key;

    micros := hubline.micros(clock_timestamp()) - hubline.micros(began);
    -- Last, since all who purge share this row, and hold it from here to the commit.
    update hubline.purge_total t
    set service_requests = t.service_requests + finished,
        messages = t.messages + purge_due.messages,
        batches = t.batches + 1,
        busy_micros = t.busy_micros + micros;
end
$$;

-- What the purging role may do: what is due now, by the server's clock, and nothing else.
create function hubline.purge(
    most_messages bigint,
    most_requests bigint,
    out taken bigint,
    out finished bigint,
    out messages bigint,
    out busy boolean,
    out micros bigint
)
    -- A body of SQL would be planned again by each call.
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
as $$
begin
    select p.taken, p.finished, p.messages, p.busy, p.micros
    into taken, finished, messages, busy, micros
    from hubline.purge_due(clock_timestamp(), greatest(1, least(most_messages, 20000)),
        greatest(1, least(most_requests, 2000))) p;
end
$$;

-- How retention stands. What is due is counted up to a hundred thousand, so that asking costs little when it matters most.
create function hubline.retention(
    out due bigint,
    -- For how many microseconds the oldest has been due; 0 when nothing is.
    out overdue_micros bigint,
    out purged_service_requests bigint,
    out purged_messages bigint,
    out batches bigint,
    out busy_micros bigint
)
    language sql volatile security definer
    set search_path = hubline, pg_temp
    set enable_seqscan = off
    set enable_bitmapscan = off
    set jit = off
as $$
    select count(d.due_at), coalesce(hubline.micros(clock_timestamp()) - hubline.micros(min(d.due_at)), 0),
        t.service_requests, t.messages, t.batches, t.busy_micros
    from hubline.purge_total t
        left join (
            select hubline.due_at(r.closed_at, r.closing_recorded_at) as due_at
            from hubline.service_request r
            where r.closed_at is not null
                and r.customer_id is not null
                and hubline.due_at(r.closed_at, r.closing_recorded_at) <= clock_timestamp()
            order by hubline.due_at(r.closed_at, r.closing_recorded_at)
            limit 100000
        ) d on true
    group by t.single, t.service_requests, t.messages, t.batches, t.busy_micros;
$$;

grant execute on function hubline.purge to hubline_purge;
grant execute on function hubline.retention to hubline_purge, hubline_chat;
