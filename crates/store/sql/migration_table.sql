do $$
begin
    -- Asked first: `if not exists` alone still wants the right to make schemas.
    if to_regnamespace('hubline') is null then
        create schema hubline;
    end if;
    if to_regclass('hubline.migration') is null then
        create table hubline.migration (
            version bigint constraint migration_key primary key,
            name text not null,
            -- SHA-256 of the step's text: a step that was applied is never edited.
            checksum bytea not null,
            applied_at timestamptz not null default now()
        );
        comment on table hubline.migration is 'the steps of the schema that were applied';
    end if;
end
$$;
