-- Which nodes hold which conversations, and for whom.
--
-- Unlogged: a crash of the database empties these tables, and the nodes' sweeps fill them again. Losing them costs
-- latency, never a message.

set local role hubline_owner;

create unlogged table hubline.node (
    name text collate "C" constraint node_key primary key,
    -- The run of the node's relay. A new run voids what an earlier one registered.
    incarnation uuid not null,
    -- Renewed by each sweep: one row a node, not one a conversation.
    seen_at timestamptz not null
) with (fillfactor = 50);

comment on table hubline.node is 'relays, and when each was last heard of';

create unlogged table hubline.conversation_node (
    service_request bigint not null,
    node text collate "C" not null,
    -- Who follows it there. Empty for a registration that a sweep restored: the node holds it, for whom is not known.
    user_id text collate "C" not null,
    -- As what they take part; empty when not known. Presence of the service centre is that of any of its people.
    role text collate "C" not null,
    constraint conversation_node_key primary key (service_request, node, user_id)
);

comment on table hubline.conversation_node is 'which node to ring for which conversation, and who is online';

-- For voiding what an earlier run registered.
create index conversation_node_node on hubline.conversation_node (node);

-- How long after its last sweep a node is rung and its users count as online: many sweeps. A node that pauses longer
-- finds what it missed by its next sweep.
create function hubline.node_lifetime() returns interval
    language sql immutable parallel safe
    return interval '30 seconds';

-- Counts a node as alive. The first that is heard of a new run voids what earlier runs registered.
create function hubline.enlist(node_name text, node_incarnation uuid) returns void
    language plpgsql volatile
as $$
declare
    known uuid;
begin
    -- Mostly nothing is to do: a node sweeps in several calls, and joins come in between.
    if exists (
        select from hubline.node n
        where n.name = node_name
            and n.incarnation = node_incarnation
            and n.seen_at > clock_timestamp() - interval '1 second'
    ) then
        return;
    end if;
    insert into hubline.node (name, incarnation, seen_at)
    values (node_name, node_incarnation, clock_timestamp())
    on conflict on constraint node_key do nothing;
    -- The lock lets one of several first calls of a run void the earlier one's registrations, before any makes its own.
    select n.incarnation into known from hubline.node n where n.name = node_name for no key update;
    if known <> node_incarnation then
        delete from hubline.conversation_node h where h.node = node_name;
        -- And what nodes left behind that are gone for good; one that comes back after all registers anew.
        delete from hubline.conversation_node h
        using hubline.node n
        where h.node = n.name and n.seen_at < clock_timestamp() - interval '1 day';
    end if;
    update hubline.node n
    set incarnation = node_incarnation, seen_at = clock_timestamp()
    where n.name = node_name;
end
$$;

grant select on hubline.node, hubline.conversation_node to hubline_chat;
