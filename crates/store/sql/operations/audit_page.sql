select operations.audit_page($1, $2)
