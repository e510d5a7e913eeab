select operations.incident_file($1)
