-- The roles of the parts. Roles belong to the whole cluster: other databases of it may have made them already, or be
-- making them right now, and every step below takes that in its stride.

do $$
declare
    part text;
    setting text[];
begin
    foreach part in array array['hubline_owner', 'hubline_chat', 'hubline_purge', 'hubline_operations'] loop
        begin
            execute format('create role %I nologin', part);
        exception when duplicate_object or unique_violation then
            null;
        end;
        -- Whoever migrates makes objects for the owner, and `hubline up` takes on the others by `role=…`.
        if not pg_has_role(current_user, part, case when current_setting('server_version_num')::int >= 160000
                                                   then 'set' else 'member' end) then
            begin
                execute format('grant %I to current_user', part);
            exception when unique_violation or internal_error then
                -- Granted by a migration of another database at this very moment.
                null;
            end;
        end if;
    end loop;

    -- Nothing waits for ever. These hold for whoever logs in as one of the roles; who logs in as somebody else and
    -- takes a role on brings the limits along in the connection's options. Those of the chat, which somebody waits for,
    -- are the next step's.
    foreach setting slice 1 in array array[
        ['hubline_owner', 'lock_timeout', '5s'], ['hubline_owner', 'statement_timeout', '10min'],
        ['hubline_purge', 'lock_timeout', '1s'], ['hubline_purge', 'statement_timeout', '30s'],
        ['hubline_operations', 'lock_timeout', '2s'], ['hubline_operations', 'statement_timeout', '5s']
    ] loop
        for attempt in 1..20 loop
            exit when exists (
                select from pg_db_role_setting
                where setdatabase = 0
                    and setrole = setting[1]::regrole
                    and format('%s=%s', setting[2], setting[3]) = any (setconfig)
            );
            begin
                execute format('alter role %I set %s = %L', setting[1], setting[2], setting[3]);
            exception when unique_violation or internal_error then
                -- Two databases change one row of a shared catalogue: the later one looks again.
                perform pg_sleep(0.05);
            end;
        end loop;
    end loop;
end
$$;

grant usage, create on schema hubline to hubline_owner;
grant usage on schema hubline to hubline_chat, hubline_purge;

-- A function is nobody's to call until it is granted.
alter default privileges for role hubline_owner revoke execute on functions from public;
