-- Reading for people.

set local role hubline_owner;

-- A link of the audit log as the domain reads it.
create function operations.link(a operations.audit) returns jsonb
    language sql immutable
    set search_path = operations, pg_temp
as $$
    select jsonb_build_object('seq', a.seq, 'previous', 'sha256:' || encode(a.previous, 'hex'), 'text', a.text,
        'hash', 'sha256:' || encode(a.hash, 'hex'))
$$;

-- The incidents, the newest first: in these states, and in this environment, unless null; those before one that was seen.
create function operations.incidents(states text[], environment text, before text, most bigint) returns text
    language sql stable security definer
    set search_path = operations, pg_temp
as $$
    select jsonb_build_object('now', clock_timestamp(), 'incidents', (
        select coalesce(jsonb_agg(page.document order by page.opened_at desc, page.id desc), '[]')
        from (
            select i.document, i.opened_at, i.id
            from operations.incident i
            where (states is null or i.state = any (states))
                and (incidents.environment is null or i.environment = incidents.environment)
                and (before is null or (i.opened_at, i.id) < (
                    select b.opened_at, b.id from operations.incident b where b.id = before::uuid
                ))
            order by i.opened_at desc, i.id desc
            limit greatest(1, least(most, 200))
        ) page
    ))::text
$$;

-- Everything about an incident; null when there is none such.
create function operations.incident_file(incident text) returns text
    language sql stable security definer
    set search_path = operations, pg_temp
as $$
    select jsonb_build_object(
        'now', clock_timestamp(),
        'incident', i.document,
        'triage', i.triage,
        'runs', (
            select coalesce(jsonb_agg(r.document order by r.opened_at), '[]') from operations.run r where r.incident = i.id
        ),
        'alerts', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'key', a.key, 'consequence', a.consequence, 'receiver', a.receiver, 'group', a.grouping,
                'truncated', a.truncated, 'alert', a.document, 'firstAt', a.first_at, 'lastAt', a.last_at,
                'times', a.times
            ) order by a.first_at), '[]')
            from operations.alert a where a.incident = i.id
        ),
        'timeline', (
            select coalesce(jsonb_agg(operations.link(a) order by a.seq), '[]')
            from operations.audit a where a.incident = i.id
        ),
        'messages', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'seq', o.seq, 'audience', o.audience, 'at', o.at, 'sentAt', o.sent_at, 'outcome', o.outcome
            ) order by o.seq), '[]')
            from operations.outbox o where o.incident = i.id
        ),
        'jobs', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'kind', j.kind, 'key', j.key, 'dueAt', j.due_at, 'tries', j.tries, 'notes', j.notes
            ) order by j.id), '[]')
            from operations.job j where j.incident = i.id
        )
    )::text
    from operations.incident i
    where i.id = incident_file.incident::uuid
$$;

-- Links of the audit log after a number, and the chain's head: {"links", "length", "head"?}.
create function operations.audit_page(after bigint, most bigint) returns text
    language sql stable security definer
    set search_path = operations, pg_temp
as $$
    select jsonb_build_object(
        'links', (
            select coalesce(jsonb_agg(operations.link(page) order by page.seq), '[]')
            from (
                select * from operations.audit a where a.seq > after order by a.seq limit greatest(1, least(most, 1000))
            ) page
        ),
        'length', coalesce((select max(a.seq) from operations.audit a), 0),
        'head', (
            select 'sha256:' || encode(a.hash, 'hex') from operations.audit a order by a.seq desc limit 1
        )
    )::text
$$;

-- A piece of evidence; null when there is none such.
create function operations.evidence_file(digest text) returns text
    language sql stable security definer
    set search_path = operations, pg_temp
as $$
    select jsonb_build_object('digest', e.digest, 'mediaType', e.media_type, 'source', e.source, 'at', e.at,
        'base64', encode(e.bytes, 'base64'))::text
    from operations.evidence e
    where e.digest = evidence_file.digest
$$;

-- The alerts that opened nothing and were attached to nothing, the latest first.
create function operations.recorded_alerts(most bigint) returns text
    language sql stable security definer
    set search_path = operations, pg_temp
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'key', page.key, 'consequence', page.consequence, 'receiver', page.receiver, 'group', page.grouping,
        'truncated', page.truncated, 'alert', page.document, 'firstAt', page.first_at, 'lastAt', page.last_at,
        'times', page.times
    ) order by page.last_at desc), '[]')::text
    from (
        select * from operations.alert a where a.incident is null
        order by a.last_at desc
        limit greatest(1, least(most, 200))
    ) page
$$;

-- Every drill of the last two years, when people were last reminded of which, and since when there is a Hubline.
create function operations.drills() returns text
    language sql stable security definer
    set search_path = operations, pg_temp
as $$
    select jsonb_build_object(
        'now', clock_timestamp(),
        'installedAt', (select i.at from operations.installation i),
        'reminded', (select coalesce(jsonb_object_agg(r.kind, r.at), '{}') from operations.drill_reminder r),
        'drills', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'id', d.id, 'kind', d.kind, 'incident', d.incident, 'startedAt', d.started_at, 'doneAt', d.done_at,
                'recoverySeconds', d.recovery_seconds
            ) order by d.started_at), '[]')
            from operations.drill d where d.started_at > clock_timestamp() - interval '2 years'
        )
    )::text
$$;

grant execute on function operations.incidents, operations.incident_file, operations.audit_page, operations.evidence_file,
    operations.recorded_alerts, operations.drills to hubline_operations;
