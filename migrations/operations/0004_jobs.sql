-- What is to be done, and whose turn it is.

set local role hubline_owner;

-- What is to be done, one thing after another.
create table operations.job (
    id bigint generated always as identity constraint job_key primary key,
    kind text not null,
    incident uuid,
    run uuid,
    -- What it is about: there is one job about a thing.
    key text not null constraint job_about unique,
    due_at timestamptz not null,
    -- Until when somebody is at it; whoever dies is done with it then.
    lease_until timestamptz,
    -- Rises with each claim: who has been overtaken commits nothing any more.
    fence bigint not null default 0,
    -- How often it was claimed since somebody finished a turn with it.
    tries bigint not null default 0,
    -- Whether it became due again while somebody was at it.
    woken boolean not null default false,
    payload jsonb not null default '{}',
    -- What whoever is at it wants to know the next time.
    notes jsonb not null default '{}'
);
create index job_due_at on operations.job (due_at, id);

-- Drills are looked after from the beginning.
insert into operations.job (kind, key, due_at) values ('drill', 'drill', clock_timestamp());

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

grant execute on function operations.claim to hubline_operations;
