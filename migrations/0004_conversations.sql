-- Service requests and their messages.

set local role hubline_owner;

-- The rules of single values are domains and not constraints of the table, here and below: they hold all the same, and
-- cost nothing when an update leaves the value alone. Every batch of messages updates rows of this table.
create domain hubline.service_request_id as text collate "C"
    constraint service_request_id_form check (value ~ '^[A-Za-z0-9._-]{1,64}$');

create domain hubline.subject as text collate "C"
    constraint subject_length check (length(value) between 1 and 128);

create table hubline.service_request (
    -- What other tables refer to: shorter than the id, and never changing.
    key bigint generated always as identity constraint service_request_key primary key,
    -- The name that the owner gave it. Collation C wherever a name is compared: bytes, not a language's order.
    id hubline.service_request_id not null constraint service_request_id_unique unique,
    -- Once its history is purged, a service request keeps its numbers and nobody's name: who talked with whom is history
    -- too. Null is nobody: it equals no user, so nobody is a party, and the platform reads what is left. Only what is
    -- closed is without people: to open it again, its owner reports who they are.
    customer_id hubline.subject,
    -- Null also while nobody is assigned.
    technician_id hubline.subject,
    service_center_id hubline.subject,
    -- When it was closed. Null while open: there is no other status.
    closed_at timestamptz,
    -- When the server first heard of this closing; set and cleared with closed_at. Retention counts from the later of
    -- the two, so that a report that is late or backdated shortens nothing.
    closing_recorded_at timestamptz,
    -- The number of the last message. Never falls, not even when messages are purged.
    last_seq bigint not null default 0,
    -- Rises with every committed change of this row or its messages; relays compare it.
    version bigint not null default 1,
    -- The chain value of the last message; see hubline.message.chain.
    chain bytea not null default '\x',
    -- Messages up to this number are deleted.
    purged_through bigint not null default 0,
    -- Where the last report stands in the order that its owner gives them; null when none has said.
    revision bigint,
    -- When it was closed, as the last report said it; null when that did not say. The moment that counts, closed_at, may be
    -- another one: the server's, for a report that does not say, or whose clock is ahead.
    reported_closing timestamptz,
    -- How often what is reported has changed. Messages leave it alone.
    reports bigint not null default 1
) with (fillfactor = 50); -- room for the next versions of a row on its own page

comment on table hubline.service_request is 'a service request as its owner reports it; rows are never deleted';

-- When messages may be deleted: one calendar year, in UTC, after the later moment. Null while open.
create function hubline.due_at(closed_at timestamptz, closing_recorded_at timestamptz) returns timestamptz
    language sql immutable parallel safe
    return (greatest(closed_at, closing_recorded_at) at time zone 'utc' + interval '1 year') at time zone 'utc';

-- What is to be purged is what is closed and names people: that customer_id is null says that it is done. No message
-- changes a column of this index, which would end in-place updates.
create index service_request_due on hubline.service_request (hubline.due_at(closed_at, closing_recorded_at))
    where closed_at is not null and customer_id is not null;

create table hubline.message (
    -- No foreign key: rows of service_request are never deleted, only hubline.send and hubline.send_new insert here, under
    -- that row's lock, and the check would cost every insert a look-up and a lock.
    service_request bigint not null,
    -- 1, 2, 3 … without gaps.
    seq bigint not null,
    id uuid not null,
    client_message_id uuid not null,
    sent_at timestamptz not null,
    sender_id text collate "C" not null,
    sender_role text collate "C" not null,
    -- Null when erased; digest and chain stay, and so does the proof of what was there.
    body text,
    -- SHA-256 of the body in UTF-8.
    digest bytea not null,
    -- SHA-256 of the previous message's chain value (nothing for the first one), the digest, and in UTF-8 seq, id,
    -- client_message_id, sent_at in microseconds since 1970, sender_role and sender_id with a space between each: who
    -- changes or removes a message in the middle has to change all later ones.
    chain bytea not null,
    constraint message_key primary key (service_request, seq),
    -- Finds a repeated send. The service request comes first, so that neighbours in time are neighbours in the index.
    constraint message_client_key unique (service_request, client_message_id, sender_id)
);

comment on table hubline.message is 'messages; inserted by hubline.send, deleted by hubline.purge, by nothing else';

-- Microseconds since 1970, in which times travel to and from the functions.
create function hubline.micros(moment timestamptz) returns bigint
    language sql stable parallel safe
    return (extract(epoch from moment) * 1000000)::bigint;

create function hubline.moment(micros bigint) returns timestamptz
    language sql stable parallel safe
    return timestamptz '1970-01-01 00:00:00+00' + micros / 1000000 * interval '1 second'
        + micros % 1000000 * interval '1 microsecond';

-- As what somebody takes part, who is a customer, a technician or of a service centre by their token, or null for nobody.
create function hubline.role_of(
    customer text,
    technician text,
    center text,
    as_customer text,
    as_technician text,
    as_center text
) returns text
    language sql immutable parallel safe
    return case
        when customer = as_customer then 'customer'
        when technician = as_technician then 'technician'
        when center = as_center then 'service-center'
    end;

-- The chain value of a message, on top of the one before; see hubline.message.chain. This and the one above become part of
-- whatever calls them, and cost no call of their own.
create function hubline.link(
    previous bytea,
    digest bytea,
    seq bigint,
    id uuid,
    client_message_id uuid,
    sent_at bigint,
    sender_role text,
    sender_id text
) returns bytea
    language sql stable parallel safe
    return sha256(
        previous || digest
            || convert_to(concat_ws(' ', seq, id, client_message_id, sent_at, sender_role, sender_id), 'UTF8')
    );

grant select on hubline.service_request, hubline.message to hubline_chat;
grant execute on function hubline.micros to hubline_chat;
