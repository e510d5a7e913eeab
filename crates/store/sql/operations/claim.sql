select operations.claim($1)
