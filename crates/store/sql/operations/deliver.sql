select operations.deliver($1, $2)
