-- The role of whoever asks, the login behind it, and whether that is the role that is meant, or a login of it and of no other
-- part. A superuser has all of them.
select current_user::text, session_user::text,
    coalesce(pg_has_role(current_user, to_regrole($1::text), 'usage'), false)
    and not exists (
        select from pg_catalog.pg_roles other
        where other.rolname in ('hubline_owner', 'hubline_chat', 'hubline_purge', 'hubline_operations')
            and other.rolname <> $1::text
            and pg_has_role(current_user, other.oid, 'usage')
    )
