select operations.known_alerts($1, $2, $3)
