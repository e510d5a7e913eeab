select outcome, customer, technician, center, status, closed_at, last_seq, history, version, holders
from hubline.put_service_request($1, $2, $3, $4, $5, $6)
