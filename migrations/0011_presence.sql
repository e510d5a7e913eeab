-- Who is there: compared and repaired by sweeps, as messages are.
--
-- No clock but the database's own says which nodes are alive, and none at all which answer is newer: a relay asks one thing
-- after the other, and takes no answer for news that it asked for before it knew better.

set local role hubline_owner;

-- How long after its last sweep a node's users count as online: two sweeps that come to nothing, and some. It is still rung
-- for longer than that (hubline.node_lifetime), which does no harm.
create function hubline.presence_lifetime() returns interval
    language sql immutable parallel safe
    return interval '6 seconds';

-- Whether a moment was not longer ago than that. One that is ahead is of a clock that was set back since.
create function hubline.is_recent(moment timestamptz) returns boolean
    language sql volatile parallel safe
    return moment between clock_timestamp() - hubline.presence_lifetime() and clock_timestamp() + hubline.presence_lifetime();

-- A crash of the database empties it together with the other unlogged tables, and so tells since when they fill again.
create unlogged table hubline.registry (
    single boolean constraint registry_key primary key default true constraint registry_single check (single),
    since timestamptz not null
);

comment on table hubline.registry is 'since when nodes register again after a crash of the database; one row';

insert into hubline.registry (since) values ('-infinity');

-- Since when a node is heard of again after it was away. While it was, the others may have been too: for as long as they
-- need to be heard of again, it is not told that anybody is gone.
alter table hubline.node add column back_at timestamptz not null default '-infinity';

-- For a node's inventory as well as for voiding what an earlier run registered.
create index conversation_node_node_key on hubline.conversation_node (node, service_request);
drop index hubline.conversation_node_node;

-- Which parties of today somebody is who is registered: 1 for the customer, 2 for the technician, 4 for the service centre, added
-- up. Who was one and is none any longer is 0.
create function hubline.attendance(role text, user_id text, customer text, technician text) returns int
    language sql immutable parallel safe
    return case when user_id = customer then 1 else 0 end
        | case when user_id = technician then 2 else 0 end
        | case when role = 'service-center' then 4 else 0 end;

-- Counts a node as alive. The first that is heard of a new run voids what earlier runs registered. What nodes left behind
-- that are gone for good is cleared away, a part at a time; one that comes back after all registers anew.
create or replace function hubline.enlist(node_name text, node_incarnation uuid) returns void
    language plpgsql volatile
as $$
declare
    known record;
    gone text;
begin
    -- Mostly nothing is to do: a node sweeps in several calls, and joins come in between.
    if exists (
        select from hubline.node n
        where n.name = node_name
            and n.incarnation = node_incarnation
            and n.seen_at between clock_timestamp() - interval '1 second' and clock_timestamp()
    ) then
        return;
    end if;
    insert into hubline.registry (since)
    select clock_timestamp() where not exists (select from hubline.registry)
    on conflict do nothing;
    insert into hubline.node (name, incarnation, seen_at)
    values (node_name, node_incarnation, clock_timestamp())
    on conflict on constraint node_key do nothing;
    -- The lock lets one of several first calls of a run void the earlier one's registrations, before any makes its own.
    select n.incarnation <> node_incarnation as is_other_run, hubline.is_recent(n.seen_at) as is_alive into known
    from hubline.node n
    where n.name = node_name
    for no key update;
    if known.is_other_run then
        delete from hubline.conversation_node h where h.node = node_name;
    end if;
    update hubline.node n
    set incarnation = node_incarnation,
        seen_at = clock_timestamp(),
        back_at = case
            when known.is_other_run then '-infinity'
            when known.is_alive then n.back_at
            else clock_timestamp()
        end
    where n.name = node_name;

    select n.name into gone
    from hubline.node n
    where n.seen_at < clock_timestamp() - interval '1 hour'
    limit 1
    for update skip locked;
    if found then
        delete from hubline.conversation_node h
        where h.ctid = any (array(select g.ctid from hubline.conversation_node g where g.node = gone limit 2000));
        if not found then
            delete from hubline.node n where n.name = gone;
        end if;
    end if;
end
$$;

-- The nodes besides this one whose users count as online.
create function hubline.other_nodes(node_name text) returns text[]
    language sql volatile
    begin atomic
        select array(select n.name from hubline.node n where n.name <> node_name and hubline.is_recent(n.seen_at));
    end;

-- As before, and says which parties are on other nodes in place of who is anywhere: of its own connections a relay knows best.
drop function hubline.join;

create function hubline.join(
    request_id text,
    node_name text,
    node_incarnation text,
    joining_user text,
    as_customer text,
    as_technician text,
    as_center text,
    -- The last number that the client has, or null for new messages only; and the history that it belongs to.
    after_seq bigint,
    after_history text,
    most bigint
)
    returns table (
        last_seq bigint,
        purged_through bigint,
        history text,
        status text,
        closed_at bigint,
        version bigint,
        customer text,
        technician text,
        center text,
        -- The parties that are on other nodes.
        elsewhere bigint,
        -- Whether the client's number belongs to another history, and counted as 0.
        replay boolean,
        has_more boolean,
        ids text[],
        seqs bigint[],
        senders text[],
        roles text[],
        client_message_ids text[],
        bodies text[],
        sent_ats bigint[],
        -- Other nodes that hold the conversation and are to hear that somebody came; none when the user was known there.
        others text
    )
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set jit = off
as $$
declare
    conversation bigint;
    joining_role text;
    came boolean;
    other_nodes text[];
begin
    select r.key,
        case
            when r.customer_id = as_customer then 'customer'
            when r.technician_id = as_technician then 'technician'
            else 'service-center'
        end
    into conversation, joining_role
    from hubline.service_request r
    where r.id = request_id
        and (r.customer_id = as_customer or r.technician_id = as_technician or r.service_center_id = as_center)
    for share;
    if not found then
        return;
    end if;

    perform hubline.enlist(node_name, node_incarnation::uuid);
    insert into hubline.conversation_node (service_request, node, user_id, role)
    values (conversation, node_name, joining_user, joining_role)
    on conflict on constraint conversation_node_key do update set role = excluded.role
    where conversation_node.role <> excluded.role;
    came := found;
    other_nodes := hubline.other_nodes(node_name);

    -- A snapshot taken under the lock.
    return query
    with request as (
        select r.*, e.name::text as history, e.name::text <> after_history and after_seq is not null as replay
        from hubline.service_request r, hubline.epoch e
        where r.key = conversation
    ), page as (
        -- One more than asked for tells whether there are more.
        select m.*
        from request r, hubline.message m
        where m.service_request = conversation and m.seq > case when r.replay then 0 else after_seq end
        order by m.seq
        limit most + 1
    ), messages as (
        select count(*) > most as has_more, array_agg(p.id::text) as ids, array_agg(p.seq) as seqs,
            array_agg(p.sender_id) as senders, array_agg(p.sender_role) as roles,
            array_agg(p.client_message_id::text) as client_message_ids, array_agg(p.body) as bodies,
            array_agg(hubline.micros(p.sent_at)) as sent_ats
        from page p
    )
    select r.last_seq, r.purged_through, r.history, case when r.closed_at is null then 'open' else 'closed' end,
        hubline.micros(r.closed_at), r.version, r.customer_id::text, r.technician_id::text, r.service_center_id::text,
        (
            select coalesce(bit_or(hubline.attendance(h.role, h.user_id, r.customer_id, r.technician_id)), 0)::bigint
            from hubline.conversation_node h
            where h.service_request = conversation and h.node = any (other_nodes)
        ),
        coalesce(r.replay, false), m.has_more, m.ids[:most], m.seqs[:most], m.senders[:most], m.roles[:most],
        m.client_message_ids[:most], m.bodies[:most], m.sent_ats[:most],
        case when came then (
            select string_agg(distinct h.node, ',')
            from hubline.conversation_node h join hubline.node n on n.name = h.node
            where h.service_request = conversation
                and h.node <> node_name
                and n.seen_at > clock_timestamp() - hubline.node_lifetime()
        ) end
    from request r, messages m;
end
$$;

-- Takes back registrations of a node, and answers which others are to ask who is there now. What an earlier run of the node
-- says no longer counts.
drop function hubline.leave;

create function hubline.leave(
    node_name text,
    node_incarnation text,
    left_ids text[],
    left_users text[],
    out history text,
    out ids text[],
    -- The other nodes that hold each, with commas between them.
    out nodes text[]
)
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
    set plan_cache_mode = force_generic_plan
    set enable_seqscan = off
    set jit = off
as $$
begin
    with gone as (
        delete from hubline.conversation_node h
        using unnest(left_ids, left_users) as l (id, user_id)
            join hubline.service_request r on r.id = l.id
        where h.service_request = r.key
            and h.node = node_name
            and h.user_id = l.user_id
            and exists (
                select from hubline.node n where n.name = node_name and n.incarnation = node_incarnation::uuid
            )
        returning h.service_request, r.id
    ), told as (
        select g.id, string_agg(distinct h.node, ',') as nodes
        from gone g
            join hubline.conversation_node h on h.service_request = g.service_request and h.node <> node_name
            join hubline.node n on n.name = h.node
        where n.seen_at > clock_timestamp() - hubline.node_lifetime()
        group by g.id
    )
    select (select e.name::text from hubline.epoch e), array_agg(t.id::text), array_agg(t.nodes)
    into history, ids, nodes
    from told t;
end
$$;

-- Compares what a node knows of the conversations that it holds with what is, and answers what differs: of the conversations
-- themselves, of which parties are there, and of who is registered for the node.
drop function hubline.sweep;

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

grant execute on function hubline.join, hubline.leave, hubline.sweep to hubline_chat;
