-- Reading what is the case, for a decision.

set local role hubline_owner;

-- The principals, as the domain reads them.
create function operations.principals() returns jsonb
    language sql stable security definer
    set search_path = operations, pg_temp
as $$
    select coalesce(jsonb_agg(jsonb_build_object(
        'person', p.person, 'roles', p.roles, 'scopes', p.scopes, 'revoked', p.revoked
    ) order by p.person), '[]')
    from operations.principal p
$$;

-- What is the case around an incident and a run, either of which may be null: the run's incident, or the incident's run,
-- comes along.
create function operations.view(of_incident uuid, of_run uuid) returns jsonb
    language sql stable
    set search_path = operations, pg_temp
as $$
    with named as (
        select coalesce(of_incident, (select r.incident from operations.run r where r.id = of_run)) as incident
    ), concerned as (
        select i.id, i.environment, i.document, coalesce(of_run, (i.document #>> '{run,id}')::uuid) as run
        from named n join operations.incident i on i.id = n.incident
    )
    select jsonb_build_object(
        'now', clock_timestamp(),
        'versions', (select jsonb_object_agg(e.name, e.version) from operations.environment e),
        'halted', (
            select bool_or(e.halted) from operations.environment e
            where e.name = coalesce((select c.environment from concerned c), e.name)
        ),
        'incident', (select c.document from concerned c),
        'run', (select r.document from operations.run r join concerned c on r.id = c.run and r.incident = c.id),
        'neighbours', (
            select coalesce(jsonb_agg(jsonb_build_object('run', r.id, 'kind', r.kind, 'standing', r.standing)), '[]')
            from operations.run r join concerned c on r.environment = c.environment and r.incident <> c.id
            where r.standing is not null
        ),
        'changedElsewhereAt', (
            select max(i.changed_at)
            from operations.incident i join concerned c on i.environment = c.environment and i.id <> c.id
        ),
        'principals', operations.principals(),
        'spentPlans', (select coalesce(jsonb_agg(p.digest), '[]') from operations.spent_plan p)
    )
$$;

-- The same for a function, with the answer that the person got to the key, if they have used it before.
create function operations.snapshot(incident text, run text, person text, key text) returns text
    language sql stable security definer
    set search_path = operations, pg_temp
as $$
    select (operations.view(incident::uuid, run::uuid) || jsonb_build_object('answer', (
        select jsonb_build_object('request', i.request, 'status', i.status, 'body', i.body)
        from operations.idempotency i
        where i.person = snapshot.person and i.key = snapshot.key
    )))::text
$$;

-- What is known of alerts: which of these events came before, and which incidents the fingerprints have.
create function operations.known_alerts(keys text[], fingerprints text[], environments text[]) returns text
    language sql stable security definer
    set search_path = operations, pg_temp
as $$
    select jsonb_build_object(
        'now', clock_timestamp(),
        'versions', (select jsonb_object_agg(e.name, e.version) from operations.environment e),
        'events', (
            select coalesce(jsonb_object_agg(a.key, jsonb_build_object(
                'id', i.id, 'state', i.state, 'fingerprint', i.fingerprint
            )), '{}')
            from operations.alert a left join operations.incident i on i.id = a.incident
            where a.key = any (keys)
        ),
        -- In the order of the fingerprints.
        'known', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'open', (
                    select i.document from operations.incident i
                    where i.fingerprint = f.fingerprint and i.environment = f.environment and i.open
                ),
                'lastClosed', (
                    select i.id from operations.incident i
                    where i.fingerprint = f.fingerprint and i.environment = f.environment and not i.open
                    order by i.opened_at desc limit 1
                )
            ) order by f.place), '[]')
            from unnest(fingerprints, environments) with ordinality as f (fingerprint, environment, place)
        )
    )::text
$$;

grant execute on function operations.snapshot, operations.known_alerts, operations.principals to hubline_operations;
