-- The sweep: by it a node finds what it missed, and who is there is compared and repaired, as messages are.

set local role hubline_owner;

-- Compares what a node knows of the conversations that it holds with what is, and answers what differs: of the
-- conversations themselves, of which parties are there, and of who is registered for the node.
create function hubline.sweep(
    node_name text,
    node_incarnation text,
    known_ids text[],
    known_versions bigint[],
    -- Three sets of parties in one number, each as hubline.attendance has them: which follow on the node; times 8, which are
    -- about to; times 64, which are known to be on other nodes.
    known_attendances int[],
    -- Who follows on the node and is not registered, as an earlier answer has shown.
    follower_ids text[],
    follower_users text[],
    follower_roles text[],
    -- The part of the node's registrations to list: after which key, and about how many. Null for none.
    inventory_after bigint,
    inventory_most bigint,
    out history text,
    out ids text[],
    -- -1 when this history does not have the service request.
    out versions bigint[],
    out last_seqs bigint[],
    out statuses text[],
    out closed_ats bigint[],
    out customers text[],
    out technicians text[],
    out centers text[],
    -- The parties that are registered for the node, and those that are on others.
    out here int[],
    out elsewhere int[],
    -- Registrations of the node: the inventory, and those of conversations that have too many.
    out registered_ids text[],
    out registered_users text[],
    -- After which key the inventory goes on; null at its end.
    out inventory_end bigint
)
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
    set plan_cache_mode = force_generic_plan
    -- Each row by its key: what is joined here is small, and what it is joined with is not.
    set enable_seqscan = off
    set enable_bitmapscan = off
    set enable_hashjoin = off
    set enable_mergejoin = off
    set jit = off
as $$
declare
    other_nodes text[];
    -- Whether nodes that are not heard of may be alive all the same, for nobody was heard of a moment ago.
    is_early boolean;
    crowded bigint[];
    listed bigint;
begin
    perform hubline.enlist(node_name, node_incarnation::uuid);
    if cardinality(follower_ids) > 0 then
        insert into hubline.conversation_node (service_request, node, user_id, role)
        select distinct on (r.key, f.user_id) r.key, node_name, f.user_id, f.role
        from unnest(follower_ids, follower_users, follower_roles) as f (id, user_id, role)
            join hubline.service_request r on r.id = f.id
        order by r.key, f.user_id
        on conflict on constraint conversation_node_key do update set role = excluded.role
        where conversation_node.role <> excluded.role;
    end if;
    other_nodes := hubline.other_nodes(node_name);
    is_early := exists (select from hubline.registry g where hubline.is_recent(g.since))
        or exists (select from hubline.node n where n.name = node_name and hubline.is_recent(n.back_at));

    with known as (
        select k.id, k.version, k.attendances & 7 as following, k.attendances >> 3 & 7 as coming,
            k.attendances >> 6 as elsewhere
        from unnest(known_ids, known_versions, known_attendances) as k (id, version, attendances)
    ), compared as (
        select k.id, k.version as known_version, k.following, k.coming, k.elsewhere as known_elsewhere, r.key,
            coalesce(r.version, -1) as version, coalesce(r.last_seq, 0) as last_seq, r.closed_at,
            r.customer_id::text as customer, r.technician_id::text as technician, r.service_center_id::text as center,
            a.attendances & 7 as here,
            -- Somebody else's place is no news of whoever had it before.
            a.attendances >> 3 | case when is_early and r.version = k.version then k.elsewhere else 0 end as elsewhere
        from known k
            left join hubline.service_request r on r.id = k.id
            left join lateral (
                select coalesce(bit_or(
                    hubline.attendance(h.role, h.user_id, r.customer_id, r.technician_id)
                        << case when h.node = node_name then 0 else 3 end
                ), 0) as attendances
                from hubline.conversation_node h
                where h.service_request = r.key and (h.node = node_name or h.node = any (other_nodes))
            ) a on true
    )
    select (select e.name::text from hubline.epoch e), array_agg(c.id), array_agg(c.version), array_agg(c.last_seq),
        array_agg(case when c.closed_at is null and c.key is not null then 'open' else 'closed' end),
        array_agg(hubline.micros(c.closed_at)), array_agg(c.customer), array_agg(c.technician), array_agg(c.center),
        array_agg(c.here), array_agg(c.elsewhere), array_agg(c.key) filter (where c.here & ~(c.following | c.coming) <> 0)
    into history, ids, versions, last_seqs, statuses, closed_ats, customers, technicians, centers, here, elsewhere, crowded
    from compared c
    where c.version <> c.known_version
        or c.elsewhere <> c.known_elsewhere
        or c.following & ~c.here <> 0
        or c.here & ~(c.following | c.coming) <> 0;

    if crowded is not null or inventory_most > 0 then
        with page as materialized (
            select h.service_request, h.user_id
            from hubline.conversation_node h
            where h.node = node_name and h.service_request > inventory_after
            order by h.service_request
            fetch first coalesce(inventory_most, 0) rows with ties
        ), listed as (
            select p.service_request, p.user_id from page p
            union all
            select h.service_request, h.user_id
            from hubline.conversation_node h
            where h.node = node_name and h.service_request = any (crowded)
        )
        select array_agg(r.id::text), array_agg(l.user_id),
            (select max(p.service_request) from page p having count(*) >= inventory_most)
        into registered_ids, registered_users, inventory_end
        from listed l join hubline.service_request r on r.key = l.service_request;
    end if;
end
$$;

grant execute on function hubline.sweep to hubline_chat;
