select operations.claim($1, $2)
