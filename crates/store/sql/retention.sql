select due, overdue_micros, purged_service_requests, purged_messages, batches, busy_micros from hubline.retention()
