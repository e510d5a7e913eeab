-- Whose turn it is.

set local role hubline_owner;

-- Takes the next job that is due, for so many seconds, of these kinds unless null: {"job", "fence", "kind", "key", "tries",
-- "payload", "notes", "snapshot"}, or null when none is due or others are at those that are.
--
-- People are told first, and what nobody has looked at yet comes before the steps of runs. What goes unanswered waits with the
-- rest, so a channel or a system that is away keeps nobody from working.
create function operations.claim(seconds bigint, kinds text[]) returns text
    language plpgsql volatile security definer
    set search_path = operations, pg_temp
as $$
declare
    taken operations.job;
begin
    update operations.job j
    set fence = j.fence + 1, tries = j.tries + 1, woken = false,
        lease_until = clock_timestamp() + make_interval(secs => greatest(1, least(seconds, 600)))
    where j.id = (
        select d.id from operations.job d
        where d.due_at <= clock_timestamp() and (d.lease_until is null or d.lease_until <= clock_timestamp())
            and (kinds is null or d.kind = any (kinds))
        order by case
            when d.kind = 'notify' and coalesce(d.notes->'later', '{}') = '{}' then 0
            when d.kind in ('alerts', 'triage') and coalesce(d.notes->'tries', '0') = '0' then 1
            else 2
        end, d.due_at, d.id
        limit 1
        for update skip locked
    )
    returning * into taken;
    if taken.id is null then
        if kinds is null then
            -- Nobody waits, so there is time to throw away what is too old to come again.
            delete from operations.idempotency i where i.at < clock_timestamp() - interval '7 days';
            delete from operations.delivery d where d.at < clock_timestamp() - interval '7 days';
        end if;
        return null;
    end if;
    return jsonb_build_object(
        'job', taken.id, 'fence', taken.fence, 'kind', taken.kind, 'key', taken.key, 'tries', taken.tries,
        'payload', taken.payload, 'notes', taken.notes,
        'snapshot', operations.view(taken.incident, taken.run)
    )::text;
end
$$;

-- The same for a worker that does not say of which kinds.
create or replace function operations.claim(seconds bigint) returns text
    language sql volatile security definer
    set search_path = operations, pg_temp
as $$
    select operations.claim(seconds, null)
$$;

grant execute on function operations.claim(bigint, text[]) to hubline_operations;
