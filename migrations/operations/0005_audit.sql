-- The audit log, and what is told to whom: both are written by what happens, and nobody rewrites them.

set local role hubline_owner;

create table operations.audit (
    -- 1, 2, 3 … without gaps.
    seq bigint constraint audit_key primary key,
    previous bytea not null constraint audit_previous check (octet_length(previous) = 32),
    -- The record as it was hashed.
    text text not null,
    hash bytea not null constraint audit_hash check (octet_length(hash) = 32),
    -- To find it by; the text is what counts.
    incident uuid,
    run uuid,
    drill uuid,
    at timestamptz not null,
    actor text
);
create index audit_incident on operations.audit (incident, seq);

create function operations.refuse_change() returns trigger
    language plpgsql
    set search_path = operations, pg_temp
as $$
begin
    raise exception 'the audit log is never changed' using errcode = 'insufficient_privilege';
end
$$;

-- Not even the owner's sessions rewrite it by mistake.
create trigger audit_rows_stay before update or delete on operations.audit
    for each row execute function operations.refuse_change();
create trigger audit_stays before truncate on operations.audit
    for each statement execute function operations.refuse_change();
create trigger evidence_rows_stay before update or delete on operations.evidence
    for each row execute function operations.refuse_change();
create trigger evidence_stays before truncate on operations.evidence
    for each statement execute function operations.refuse_change();

grant select on operations.audit, operations.evidence to hubline_operations;

-- The digest of a link: SHA-256 over the link before it, the number and the text, each after its length. The domain's
-- `rollback::audit::Chain` computes the same.
create function operations.audit_hash(previous bytea, seq bigint, text text) returns bytea
    language sql immutable
    set search_path = operations, pg_temp
as $$
    select sha256(
        int8send(octet_length(previous)) || previous
            || int8send(8) || int8send(seq)
            || int8send(octet_length(convert_to(text, 'UTF8'))) || convert_to(text, 'UTF8')
    )
$$;

-- What people are to be told: the records that have an audience, by their number.
create table operations.outbox (
    seq bigint constraint outbox_key primary key constraint outbox_audit references operations.audit,
    incident uuid,
    audience text not null,
    body jsonb not null,
    at timestamptz not null default clock_timestamp(),
    -- When everybody was told who is told.
    sent_at timestamptz,
    -- What came of it, for a person to read: through which channels it went, which refused it.
    outcome jsonb
);
create index outbox_unsent on operations.outbox (at) where sent_at is null;
create index outbox_incident on operations.outbox (incident, seq);

-- Appends records to the audit log, and puts into the outbox what has an audience. Each record is
-- {"text", "audience"?}. Answers the last number.
--
-- One at a time in the whole database. It comes last in a commit, so that what holds the lock ends right after.
create function operations.append(records jsonb) returns bigint
    language plpgsql volatile
    set search_path = operations, pg_temp
as $$
declare
    head record;
    item jsonb;
    subject jsonb;
    body jsonb;
    link bytea;
    number bigint;
begin
    perform pg_advisory_xact_lock(hashtextextended('operations.audit', 0));
    -- With a snapshot of its own: everything that was appended before is seen.
    select a.seq, a.hash into head from operations.audit a order by a.seq desc limit 1;
    number := coalesce(head.seq, 0);
    link := coalesce(head.hash, sha256(convert_to('hubline rollback audit 1', 'UTF8')));
    for item in select value from jsonb_array_elements(records) loop
        number := number + 1;
        body := (item->>'text')::jsonb;
        subject := body->'subject';
        insert into operations.audit (seq, previous, text, hash, incident, run, drill, at, actor)
        values (number, link, item->>'text', operations.audit_hash(link, number, item->>'text'),
            (subject->>'incident')::uuid, (subject->>'run')::uuid, (subject->>'drill')::uuid,
            (body->>'at')::timestamptz, body->>'actor')
        returning hash into link;
        if item->>'audience' is not null then
            insert into operations.outbox (seq, incident, audience, body)
            values (number, (subject->>'incident')::uuid, item->>'audience', body);
            insert into operations.job (kind, incident, run, key, due_at, payload)
            values ('notify', (subject->>'incident')::uuid, (subject->>'run')::uuid, 'notify:' || number,
                clock_timestamp(), jsonb_build_object('seq', number, 'audience', item->>'audience', 'record', body));
        end if;
    end loop;
    return number;
end
$$;
