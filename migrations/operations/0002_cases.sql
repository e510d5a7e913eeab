-- Incidents and their runs. What they are is decided by `crates/rollback` and kept as its documents; the columns beside a
-- document are what is searched by, taken from it when it is written.

set local role hubline_owner;

-- An environment is what commits are serialised by: every commit says which version it was decided on, and makes the next
-- one. So what was read for a decision is still the case when the decision is committed, without a lock in between.
create table operations.environment (
    name text constraint environment_key primary key
        constraint environment_name check (name in ('production', 'staging')),
    version bigint not null default 0,
    -- Whether rollbacks are halted.
    halted boolean not null default false
);
insert into operations.environment (name) values ('production'), ('staging');

-- Since when there is a Hubline here: no drill is overdue from before.
create table operations.installation (
    only_row boolean constraint installation_key primary key default true
        constraint installation_only_row check (only_row),
    at timestamptz not null default clock_timestamp()
);
insert into operations.installation default values;

create table operations.incident (
    id uuid constraint incident_key primary key,
    environment text not null constraint incident_environment references operations.environment,
    mode text not null constraint incident_mode check (mode in ('live', 'drill')),
    fingerprint text not null,
    state text not null,
    -- Whether it is not over.
    open boolean not null,
    version bigint not null,
    opened_at timestamptz not null,
    -- When something was last changed under it.
    changed_at timestamptz,
    document jsonb not null,
    -- What was found out around the alert, and the strategy that it speaks for. It decides nothing.
    triage jsonb,
    constraint incident_drill_in_staging check (mode = 'live' or environment = 'staging')
);
-- However many alerts come at once: an alert has one incident that is not over.
create unique index incident_open_key on operations.incident (fingerprint, environment) where open;
create index incident_fingerprint on operations.incident (fingerprint, environment, opened_at desc);
create index incident_opened_at on operations.incident (opened_at desc, id desc);
create index incident_changed_at on operations.incident (environment, changed_at desc) where changed_at is not null;

create table operations.run (
    id uuid constraint run_key primary key,
    incident uuid not null constraint run_incident references operations.incident,
    environment text not null constraint run_environment references operations.environment,
    kind text not null constraint run_kind check (kind in ('application', 'database', 'infrastructure')),
    state text not null,
    -- How far it has come, while it holds its environment; null when it does not.
    standing text constraint run_standing check (standing in ('preparing', 'executing', 'stopped')),
    version bigint not null,
    opened_at timestamptz not null,
    document jsonb not null
);
create unique index run_live_key on operations.run (environment, kind) where standing is not null;
create index run_incident on operations.run (incident, opened_at);

-- The plans that were sent to be applied, whatever came of it. A plan is applied once, ever.
create table operations.spent_plan (
    digest text constraint spent_plan_key primary key,
    run uuid not null constraint spent_plan_run references operations.run,
    at timestamptz not null default clock_timestamp()
);

-- The people who may be something in operations. Written by the owner only: no function of Hubline grants roles.
create table operations.principal (
    person text constraint principal_key primary key,
    roles text[] not null,
    scopes text[] not null,
    revoked boolean not null,
    changed_at timestamptz not null default clock_timestamp()
);

create table operations.drill (
    id uuid constraint drill_key primary key,
    kind text not null constraint drill_kind check (kind in ('application', 'database', 'infrastructure')),
    incident uuid not null constraint drill_incident references operations.incident,
    started_at timestamptz not null,
    done_at timestamptz,
    recovery_seconds bigint
);
create index drill_started_at on operations.drill (started_at);

-- When people were last reminded of an overdue drill.
create table operations.drill_reminder (
    kind text constraint drill_reminder_key primary key,
    at timestamptz not null
);

-- What alerts came, each event once however often it was sent.
create table operations.alert (
    -- What identifies the event, whoever sends it: receiver, fingerprint, status, beginning and end.
    key text constraint alert_key primary key,
    incident uuid constraint alert_incident references operations.incident,
    environment text not null,
    -- What it did: opened, fired, cleared, or why it was recorded only.
    consequence text not null,
    receiver text not null,
    grouping text not null,
    -- How many alerts of its group the notification left out.
    truncated bigint not null,
    document jsonb not null,
    first_at timestamptz not null default clock_timestamp(),
    last_at timestamptz not null default clock_timestamp(),
    times bigint not null default 1
);
create index alert_incident on operations.alert (incident, first_at);
create index alert_last_at on operations.alert (last_at desc);

-- What proves something, by the digest of its bytes. It was redacted before it came here.
create table operations.evidence (
    digest text constraint evidence_key primary key,
    media_type text not null,
    bytes bytea not null,
    source text not null,
    at timestamptz not null default clock_timestamp(),
    constraint evidence_digest check (digest = 'sha256:' || encode(sha256(bytes), 'hex'))
);

-- The answers to commands that may come twice.
create table operations.idempotency (
    person text not null,
    key text not null,
    request text not null,
    status bigint not null,
    body text not null,
    at timestamptz not null default clock_timestamp(),
    constraint idempotency_key primary key (person, key)
);
create index idempotency_at on operations.idempotency (at);

-- The deliveries of GitHub that were taken in.
create table operations.delivery (
    id text constraint delivery_key primary key,
    at timestamptz not null default clock_timestamp()
);
create index delivery_at on operations.delivery (at);
