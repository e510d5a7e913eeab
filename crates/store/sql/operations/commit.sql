select operations.commit($1)
