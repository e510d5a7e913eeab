-- What is counted and measured, for whoever watches: with what is open, what was lost, and whom nobody could tell.

set local role hubline_owner;

create function operations.figures() returns text
    language sql stable security definer
    set search_path = operations, pg_temp
as $$
    select jsonb_build_object(
        'now', clock_timestamp(),
        'incidents', (
            select coalesce(jsonb_agg(to_jsonb(g)), '[]') from (
                select i.environment, i.mode, i.state, count(*) as count
                from operations.incident i group by i.environment, i.mode, i.state
            ) g
        ),
        'runs', (
            select coalesce(jsonb_agg(to_jsonb(g)), '[]') from (
                select r.environment, r.kind, r.state, count(*) as count
                from operations.run r group by r.environment, r.kind, r.state
            ) g
        ),
        -- The moments of what was resolved in the last 90 days, to compute the clocks of.
        'resolved', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'mode', i.mode, 'kind', i.document #>> '{executed,kind}', 'moments', i.document->'moments',
                'loss', i.document->'loss'
            )), '[]')
            from operations.incident i
            where not i.open and i.state <> 'dismissed' and i.opened_at > clock_timestamp() - interval '90 days'
        ),
        -- Of a strategy that rolls nothing back there is no kind.
        'open', (
            select coalesce(jsonb_agg(jsonb_build_object(
                'environment', i.environment, 'mode', i.mode, 'moments', i.document->'moments',
                'kind', coalesce(
                    i.document #>> '{executed,kind}', nullif(i.document #>> '{decision,strategy}', 'no_rollback')
                )
            )), '[]')
            from operations.incident i
            where i.open
        ),
        'alerts', (select count(*) from operations.alert),
        'auditLength', (select coalesce(max(a.seq), 0) from operations.audit a),
        'untold', (select count(*) from operations.outbox o where o.sent_at is null),
        'untoldSeconds', (
            select coalesce(extract(epoch from clock_timestamp() - min(o.at)), 0)::bigint
            from operations.outbox o where o.sent_at is null
        ),
        -- Who was not to be told anything in the last day, by channel.
        'left', (
            select coalesce(jsonb_object_agg(g.channel, g.count), '{}') from (
                select told.key as channel, count(*) as count
                from operations.outbox o, lateral jsonb_each(
                    case when jsonb_typeof(o.outcome) = 'object' then o.outcome else '{}' end
                ) told
                where o.at > clock_timestamp() - interval '1 day' and told.value->>'outcome' = 'left'
                group by told.key
            ) g
        ),
        'dueJobs', (select count(*) from operations.job j where j.due_at <= clock_timestamp()),
        'lateSeconds', (
            select coalesce(extract(epoch from clock_timestamp() - min(j.due_at)), 0)::bigint
            from operations.job j
            where j.due_at <= clock_timestamp() and (j.lease_until is null or j.lease_until <= clock_timestamp())
        ),
        'halted', (select bool_or(e.halted) from operations.environment e)
    )::text
$$;

grant execute on function operations.figures to hubline_operations;
