select operations.snapshot($1, $2, $3, $4)
