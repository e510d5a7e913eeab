-- The epoch: which history of the database this is.

set local role hubline_owner;

create table hubline.epoch (
    single boolean constraint epoch_key primary key default true constraint epoch_single check (single),
    -- Names this history of the database. It is renewed after a restore to an earlier time, and clients then drop what
    -- they have: the same numbers may stand for other messages now.
    name uuid not null default gen_random_uuid(),
    since timestamptz not null default now()
);

comment on table hubline.epoch is 'the name of this history of the database; one row';

insert into hubline.epoch default values;

-- Gives the history another name; for the owner, after a restore.
create function hubline.renew_epoch() returns text
    language sql volatile
    begin atomic
        update hubline.epoch set name = gen_random_uuid(), since = clock_timestamp() returning name::text;
    end;

grant select on hubline.epoch to hubline_chat;
