select operations.recorded_alerts($1)
