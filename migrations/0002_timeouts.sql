-- How long the chat waits.
--
-- A statement of the chat has less time than whoever waits for it: docs/limits.md says how long everybody has. A row that is
-- locked is waited for shorter still, so that it is told apart from a database that is slow.

do $$
declare
    setting text[];
begin
    foreach setting slice 1 in array array[
        ['hubline_chat', 'lock_timeout', '1000ms'], ['hubline_chat', 'statement_timeout', '2500ms']
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
