-- What the issuer of tokens has published.
--
-- As in the database of the chat, without a key to vouch with, and for the same reason: operations have no other.

set local role hubline_owner;

create table operations.issuer_keys (
    url text collate "C" constraint issuer_keys_key primary key,
    -- The number of the last time that the issuer was asked: of several who want to ask, the one who shows it may.
    ask bigint not null,
    asked_at timestamptz not null,
    -- Whether it has answered then; null while nobody knows yet.
    answered boolean,
    -- Its last good answer.
    keys text,
    fetched_at timestamptz
);

comment on table operations.issuer_keys is 'the key set that each issuer published last, and when it was asked';

-- Reads what is kept of an issuer. With the number of an ask, first does one of two things, if that is still the last one:
-- begins the next ask, or, when the last one is told to be over, notes what came of it. Ages are told and not times, so that
-- nobody compares a clock with this one.
create function operations.issuer_keys(issuer text, last_ask bigint, is_over boolean, new_keys text) returns text
    language plpgsql volatile security definer
    set search_path = operations, pg_temp
as $$
declare
    kept operations.issuer_keys;
    is_done boolean := false;
    now_at timestamptz := clock_timestamp();
begin
    if last_ask = 0 and not is_over then
        insert into operations.issuer_keys as k (url, ask, asked_at) values (issuer, 1, now_at)
        on conflict on constraint issuer_keys_key do nothing;
        is_done := found;
    elsif last_ask is not null and not is_over then
        update operations.issuer_keys k
        set ask = k.ask + 1, asked_at = now_at, answered = null
        where k.url = issuer and k.ask = last_ask;
        is_done := found;
    elsif last_ask is not null then
        update operations.issuer_keys k
        set answered = new_keys is not null,
            keys = coalesce(new_keys, k.keys),
            fetched_at = case when new_keys is null then k.fetched_at else now_at end
        where k.url = issuer and k.ask = last_ask and k.answered is null;
        is_done := found;
    end if;
    select * into kept from operations.issuer_keys k where k.url = issuer;
    return json_build_object(
        'ask', coalesce(kept.ask, 0),
        'asked', (extract(epoch from now_at - kept.asked_at) * 1000)::bigint,
        'answered', kept.answered,
        'keys', kept.keys,
        'fetched', (extract(epoch from now_at - kept.fetched_at) * 1000)::bigint,
        'done', is_done
    )::text;
end
$$;

grant execute on function operations.issuer_keys to hubline_operations;
