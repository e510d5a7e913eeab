select operations.incidents($1, $2, $3, $4)
