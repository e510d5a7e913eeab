-- Writing what was decided.

set local role hubline_owner;

-- Commits a decision, whole or not at all. Its members, each of which may be missing:
--
--   versions    the environments that it was decided on, with the version that was read. Each gets the next one.
--   job, fence  the claim that it is made under.
--   then        what becomes of that job: {"do": "keep" | "again" | "done", "seconds"?, "notes"?}.
--   answer      what the same command gets when it comes again: {"person", "key", "request", "status", "body"}.
--   incidents   [{"document", "open"}]        runs        [{"document", "kind", "standing"}]
--   plans       [{"digest", "run"}]           triages     [{"incident", "document"}]
--   alerts      [{"key", "incident", "environment", "consequence", "receiver", "grouping", "truncated", "document"}]
--   evidence    [{"digest", "mediaType", "base64", "source"}]
--   drills      [drill]                       drillsDone  [{"id", "kind", "at", "seconds"}]    reminded [kind]
--   halted      for every environment
--   jobs        [{"kind", "incident"?, "run"?, "key", "seconds", "payload", "wake"}]
--   told        [{"seq", "outcome"}]
--   records     [{"text", "audience"?}]
--
-- Answers {"outcome": "committed" | "conflict" | "fenced" | "repeated", "answer"?, "seq"?}. Nothing is written unless it is
-- committed.
create function operations.commit(change text) returns text
    language plpgsql volatile security definer
    set search_path = operations, pg_temp
as $$
declare
    doc jsonb := change::jsonb;
    item jsonb;
    row record;
    last bigint;
begin
    -- First of all, in the order of their names: so commits never wait for each other in a circle.
    for row in
        select e.version, (doc #>> array['versions', e.name])::bigint as expected
        from operations.environment e
        where doc->'versions' ? e.name
        order by e.name
        for no key update
    loop
        if row.version <> row.expected then
            return '{"outcome": "conflict"}';
        end if;
    end loop;

    if doc ? 'fence' then
        perform from operations.job j
        where j.id = (doc->>'job')::bigint and j.fence = (doc->>'fence')::bigint
        for no key update;
        if not found then
            return '{"outcome": "fenced"}';
        end if;
    end if;

    begin
        if doc ? 'answer' then
            item := doc->'answer';
            insert into operations.idempotency (person, key, request, status, body)
            values (item->>'person', item->>'key', item->>'request', (item->>'status')::bigint, item->>'body')
            on conflict on constraint idempotency_key do nothing;
            if not found then
                -- With a snapshot of its own: it sees what has just been waited for.
                return (
                    select jsonb_build_object('outcome', 'repeated', 'answer', jsonb_build_object(
                        'request', i.request, 'status', i.status, 'body', i.body
                    ))::text
                    from operations.idempotency i
                    where i.person = item->>'person' and i.key = item->>'key'
                );
            end if;
        end if;

        update operations.environment e
        set version = e.version + 1, halted = coalesce((doc->>'halted')::boolean, e.halted)
        where doc->'versions' ? e.name;

        insert into operations.incident as i (id, environment, mode, fingerprint, state, open, version, opened_at,
            changed_at, document)
        select (d->>'id')::uuid, d #>> '{target,environment}', d #>> '{target,mode}', d->>'fingerprint', d->>'state',
            (v->>'open')::boolean, (d->>'version')::bigint, (d #>> '{moments,openedAt}')::timestamptz,
            (d #>> '{moments,lastChangeAt}')::timestamptz, d
        from jsonb_array_elements(doc->'incidents') v, lateral (select v->'document' as d) document
        on conflict on constraint incident_key do update
        set state = excluded.state, open = excluded.open, version = excluded.version, changed_at = excluded.changed_at,
            document = excluded.document;

        insert into operations.run as r (id, incident, environment, kind, state, standing, version, opened_at, document)
        select (d->>'id')::uuid, (d->>'incident')::uuid, d #>> '{target,environment}', v->>'kind', d->>'state',
            v->>'standing', (d->>'version')::bigint, (d->>'openedAt')::timestamptz, d
        from jsonb_array_elements(doc->'runs') v, lateral (select v->'document' as d) document
        on conflict on constraint run_key do update
        set state = excluded.state, standing = excluded.standing, version = excluded.version,
            document = excluded.document;

        insert into operations.spent_plan (digest, run)
        select v->>'digest', (v->>'run')::uuid from jsonb_array_elements(doc->'plans') v;

        insert into operations.evidence (digest, media_type, bytes, source)
        select v->>'digest', v->>'mediaType', decode(v->>'base64', 'base64'), v->>'source'
        from jsonb_array_elements(doc->'evidence') v
        on conflict on constraint evidence_key do nothing;

        insert into operations.alert as a (key, incident, environment, consequence, receiver, grouping, truncated,
            document)
        select v->>'key', (v->>'incident')::uuid, v->>'environment', v->>'consequence', v->>'receiver', v->>'grouping',
            (v->>'truncated')::bigint, v->'document'
        from jsonb_array_elements(doc->'alerts') v
        order by v->>'key'
        on conflict on constraint alert_key do update
        set times = a.times + 1, last_at = excluded.last_at;

        update operations.incident i set triage = v->'document'
        from jsonb_array_elements(doc->'triages') v
        where i.id = (v->>'incident')::uuid;

        insert into operations.drill (id, kind, incident, started_at)
        select (v->>'id')::uuid, v->>'kind', (v->>'incident')::uuid, (v->>'startedAt')::timestamptz
        from jsonb_array_elements(doc->'drills') v
        on conflict on constraint drill_key do nothing;

        update operations.drill d set done_at = (v->>'at')::timestamptz, recovery_seconds = (v->>'seconds')::bigint
        from jsonb_array_elements(doc->'drillsDone') v
        where d.id = (v->>'id')::uuid and d.kind = v->>'kind' and d.done_at is null;

        insert into operations.drill_reminder (kind, at)
        select v, clock_timestamp() from jsonb_array_elements_text(doc->'reminded') v
        on conflict on constraint drill_reminder_key do update set at = excluded.at;

        update operations.outbox o set sent_at = clock_timestamp(), outcome = v->'outcome'
        from jsonb_array_elements(doc->'told') v
        where o.seq = (v->>'seq')::bigint;

        -- Whoever is at a job decides about that one.
        insert into operations.job as j (kind, incident, run, key, due_at, payload)
        select v->>'kind', (v->>'incident')::uuid, (v->>'run')::uuid, v->>'key',
            clock_timestamp() + make_interval(secs => (v->>'seconds')::float8), v->'payload'
        from jsonb_array_elements(doc->'jobs') v
        where not exists (
            select from operations.job own
            where doc ? 'fence' and own.id = (doc->>'job')::bigint and own.key = v->>'key'
        )
        order by v->>'key'
        on conflict on constraint job_about do update
        set due_at = least(j.due_at, excluded.due_at), woken = j.woken or coalesce(j.lease_until > clock_timestamp(), false)
        where (select bool_or((w->>'wake')::boolean) from jsonb_array_elements(doc->'jobs') w where w->>'key' = j.key);

        if doc ? 'then' then
            item := doc->'then';
            if item->>'do' = 'done' then
                delete from operations.job j where j.id = (doc->>'job')::bigint and not j.woken;
                item := item || '{"seconds": 0}';
            end if;
            -- A job that is done but was woken meanwhile is still there.
            update operations.job j
            set notes = coalesce(item->'notes', j.notes),
                due_at = case when item->>'do' = 'keep' then j.due_at
                    when j.woken then clock_timestamp()
                    else clock_timestamp() + make_interval(secs => (item->>'seconds')::float8) end,
                lease_until = case when item->>'do' = 'keep' then j.lease_until end,
                tries = case when item->>'do' = 'keep' then j.tries else 0 end,
                woken = item->>'do' = 'keep' and j.woken
            where j.id = (doc->>'job')::bigint;
        end if;

        if jsonb_array_length(coalesce(doc->'records', '[]')) > 0 then
            last := operations.append(doc->'records');
        end if;
    exception when unique_violation then
        -- Somebody else was first: with the incident of an alert, with a run, with a plan.
        return '{"outcome": "conflict"}';
    end;
    return jsonb_build_object('outcome', 'committed', 'seq', last)::text;
end
$$;

-- Takes in a delivery of GitHub, and wakes the run that it is about, or all that are being worked on when it can't be told.
-- Answers whether it is new.
create function operations.deliver(delivery text, run text) returns boolean
    language plpgsql volatile security definer
    set search_path = operations, pg_temp
as $$
begin
    insert into operations.delivery (id) values (delivery) on conflict on constraint delivery_key do nothing;
    if not found then
        return false;
    end if;
    update operations.job j
    set due_at = least(j.due_at, clock_timestamp()), woken = j.woken or coalesce(j.lease_until > clock_timestamp(), false)
    where j.kind = 'step' and (deliver.run is null or j.run = deliver.run::uuid);
    return true;
end
$$;

grant execute on function operations.commit, operations.deliver to hubline_operations;
