-- Deleting history past its retention.

set local role hubline_owner;

-- Deletes one batch of what is due at a moment; no row when nothing is, or when others are at what is.
--
-- One conversation at a time, from its first number on, and the record in the same transaction: a crash leaves each
-- number either there or on record. The lock on the conversation is skipped by others who purge, waited for by a report
-- for the milliseconds of one batch, and no concern of a batch of messages, which does not lock what is closed.
create function hubline.purge_due(moment timestamptz, most bigint)
    returns table (service_request_id text, messages bigint, first_seq bigint, last_seq bigint)
    language plpgsql volatile
    set search_path = hubline, pg_temp
as $$
declare
    due record;
begin
    loop
        select r.key, r.id, r.last_seq, r.purged_through, hubline.due_at(r.closed_at, r.closing_recorded_at) as due_at
        into due
        from hubline.service_request r
        where r.closed_at is not null
            and not r.purged
            and hubline.due_at(r.closed_at, r.closing_recorded_at) <= moment
        order by hubline.due_at(r.closed_at, r.closing_recorded_at)
        limit 1
        for no key update skip locked;
        exit when not found;

        service_request_id := due.id;
        first_seq := due.purged_through + 1;
        last_seq := least(due.purged_through + most, due.last_seq);
        messages := last_seq - due.purged_through;
        if messages > 0 then
            insert into hubline.purge_record (service_request, first_seq, last_seq, messages, digest, due_at, purged_at)
            select due.key, purge_due.first_seq, purge_due.last_seq, purge_due.messages, m.chain, due.due_at,
                clock_timestamp()
            from hubline.message m
            where m.service_request = due.key and m.seq = purge_due.last_seq;
            delete from hubline.message m
            where m.service_request = due.key and m.seq between purge_due.first_seq and purge_due.last_seq;
        end if;
        update hubline.service_request r
        set purged_through = purge_due.last_seq, purged = purge_due.last_seq = r.last_seq, version = r.version + 1
        where r.key = due.key;

        -- A conversation without messages is done with nothing to tell.
        if messages > 0 then
            return next;
            exit;
        end if;
    end loop;
end
$$;

-- What the purging role may do: what is due now, by the server's clock, and nothing else.
create function hubline.purge(most bigint)
    returns table (service_request_id text, messages bigint, first_seq bigint, last_seq bigint)
    language sql volatile security definer
    set search_path = hubline, pg_temp
as $$
    select * from hubline.purge_due(clock_timestamp(), greatest(1, least(most, 10000)));
$$;

grant execute on function hubline.purge to hubline_purge;
