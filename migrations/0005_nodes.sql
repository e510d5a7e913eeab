-- Which nodes hold which conversations, for whom, and which of them are alive.
--
-- Unlogged: a crash of the database empties these tables, and the nodes' sweeps fill them again. Losing them costs
-- latency, never a message.
--
-- No clock but the database's own says which nodes are alive, and none at all which answer is newer: a relay asks one thing
-- after the other, and takes no answer for news that it asked for before it knew better.

set local role hubline_owner;

create unlogged table hubline.node (
    name text collate "C" constraint node_key primary key,
    -- The run of the node's relay. A new run voids what an earlier one registered.
    incarnation uuid not null,
    -- Renewed by each sweep: one row a node, not one a conversation.
    seen_at timestamptz not null,
    -- Since when it is heard of again after it was away. While it was, the others may have been too: for as long as they
    -- need to be heard of again, it is not told that anybody is gone.
    back_at timestamptz not null default '-infinity'
) with (fillfactor = 50);

comment on table hubline.node is 'relays, and when each was last heard of';

create unlogged table hubline.conversation_node (
    service_request bigint not null,
    node text collate "C" not null,
    -- Who follows it there.
    user_id text collate "C" not null,
    -- As what they take part. Presence of the service centre is that of any of its people.
    role text collate "C" not null,
    constraint conversation_node_key primary key (service_request, node, user_id)
);

comment on table hubline.conversation_node is 'which node to ring for which conversation, and who is online';

-- For a node's inventory as well as for voiding what an earlier run registered.
create index conversation_node_node_key on hubline.conversation_node (node, service_request);

-- A crash of the database empties it together with the other unlogged tables, and so tells since when they fill again.
create unlogged table hubline.registry (
    single boolean constraint registry_key primary key default true constraint registry_single check (single),
    since timestamptz not null
);

comment on table hubline.registry is 'since when nodes register again after a crash of the database; one row';

insert into hubline.registry (since) values ('-infinity');

-- How long after its last sweep a node is rung: many sweeps. A node that pauses longer finds what it missed by its next
-- sweep.
create function hubline.node_lifetime() returns interval
    language sql immutable parallel safe
    return interval '30 seconds';

-- How long after its last sweep a node's users count as online: two sweeps that come to nothing, and some. It is still rung
-- for longer than that (hubline.node_lifetime), which does no harm.
create function hubline.presence_lifetime() returns interval
    language sql immutable parallel safe
    return interval '6 seconds';

-- Whether a moment was not longer ago than that. One that is ahead is of a clock that was set back since.
create function hubline.is_recent(moment timestamptz) returns boolean
    language sql volatile parallel safe
    return moment between clock_timestamp() - hubline.presence_lifetime() and clock_timestamp() + hubline.presence_lifetime();

-- Which parties of today somebody is who is registered: 1 for the customer, 2 for the technician, 4 for the service centre,
-- added up. Who was one and is none any longer is 0.
create function hubline.attendance(role text, user_id text, customer text, technician text) returns int
    language sql immutable parallel safe
    return case when user_id = customer then 1 else 0 end
        | case when user_id = technician then 2 else 0 end
        | case when role = 'service-center' then 4 else 0 end;

-- Counts a node as alive. The first that is heard of a new run voids what earlier runs registered. What nodes left behind
-- that are gone for good is cleared away, a part at a time; one that comes back after all registers anew.
create function hubline.enlist(node_name text, node_incarnation uuid) returns void
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

grant select on hubline.node, hubline.conversation_node to hubline_chat;
