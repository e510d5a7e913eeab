select operations.put_principal($1, $2, $3, $4, $5)
