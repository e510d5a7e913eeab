-- Granting and withdrawing what people may be.

set local role hubline_owner;

-- Writes the row of a person, and its record. For the owner only: whoever breaks into a function of Hubline can't make
-- themselves an approver.
--
-- Every environment gets its next version, so what was decided on the old table is decided again.
create function operations.put_principal(person text, roles text[], scopes text[], revoked boolean, record text)
    returns bigint
    language plpgsql volatile
    set search_path = operations, pg_temp
as $$
begin
    perform from operations.environment e order by e.name for no key update;
    update operations.environment e set version = e.version + 1;
    insert into operations.principal as p (person, roles, scopes, revoked)
    values (put_principal.person, put_principal.roles, put_principal.scopes, put_principal.revoked)
    on conflict on constraint principal_key do update
    set roles = excluded.roles, scopes = excluded.scopes, revoked = excluded.revoked, changed_at = excluded.changed_at;
    return operations.append(jsonb_build_array(jsonb_build_object('text', record)));
end
$$;
