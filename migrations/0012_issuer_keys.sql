-- What the issuer of tokens has published.
--
-- It is kept here because nothing else that the functions may trust lives as long: an instance ends after some seconds without
-- work, and a relay must not be able to say whose signatures hold.

set local role hubline_owner;

create table hubline.issuer_keys (
    url text collate "C" constraint issuer_keys_key primary key,
    -- The number of the last time that the issuer was asked: of several who want to ask, the one who shows it may.
    ask bigint not null,
    asked_at timestamptz not null,
    -- Whether it has answered then; null while nobody knows yet.
    answered boolean,
    -- Its last good answer.
    keys text,
    fetched_at timestamptz,
    -- With what functions vouch to each other for what they have found about this issuer's tokens. A signature takes a
    -- function a millisecond to check, and a batch has many senders: what one instance has found out the next need not. It
    -- tells the relay, which can't make such a thing itself, for the key is here and where no relay can read. Another takes
    -- its place when the text of the published keys changes, and once a day when the issuer has answered: whoever comes
    -- upon an old copy of this table has nothing.
    vouching_key text not null
        default encode(sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())), 'hex'),
    vouching_since timestamptz not null default clock_timestamp()
);

comment on table hubline.issuer_keys is 'the key set that each issuer published last, and when it was asked';
comment on column hubline.issuer_keys.vouching_key is 'what functions sign with that a token''s signature is right';
comment on column hubline.issuer_keys.vouching_since is 'since when it has been this one';

-- Reads what is kept of an issuer. With the number of an ask, first does one of two things, if that is still the last one:
-- begins the next ask, or, when the last one is told to be over, notes what came of it. Ages are told and not times, so that
-- nobody compares a clock with this one.
create function hubline.issuer_keys(issuer text, last_ask bigint, is_over boolean, new_keys text) returns text
    language plpgsql volatile security definer
    set search_path = hubline, pg_temp
as $$
declare
    kept hubline.issuer_keys;
    is_done boolean := false;
    now_at timestamptz := clock_timestamp();
begin
    if last_ask = 0 and not is_over then
        insert into hubline.issuer_keys as k (url, ask, asked_at) values (issuer, 1, now_at)
        on conflict on constraint issuer_keys_key do nothing;
        is_done := found;
    elsif last_ask is not null and not is_over then
        update hubline.issuer_keys k
        set ask = k.ask + 1, asked_at = now_at, answered = null
        where k.url = issuer and k.ask = last_ask;
        is_done := found;
    elsif last_ask is not null then
        -- What a key has proven that is gone is not vouched for any more.
        update hubline.issuer_keys k
        set vouching_key = default, vouching_since = default
        where k.url = issuer and k.ask = last_ask and k.answered is null
            and new_keys is not null
            and (k.keys is distinct from new_keys or k.vouching_since < now_at - interval '1 day');
        update hubline.issuer_keys k
        set answered = new_keys is not null,
            keys = coalesce(new_keys, k.keys),
            fetched_at = case when new_keys is null then k.fetched_at else now_at end
        where k.url = issuer and k.ask = last_ask and k.answered is null;
        is_done := found;
    end if;
    select * into kept from hubline.issuer_keys k where k.url = issuer;
    return json_build_object(
        'ask', coalesce(kept.ask, 0),
        'asked', (extract(epoch from now_at - kept.asked_at) * 1000)::bigint,
        'answered', kept.answered,
        'keys', kept.keys,
        'fetched', (extract(epoch from now_at - kept.fetched_at) * 1000)::bigint,
        'done', is_done,
        'vouchingKey', kept.vouching_key
    )::text;
end
$$;

grant execute on function hubline.issuer_keys to hubline_chat;
