select outcome, customer, technician, center, status, closed_at, revision, reports, last_seq, history, version, holders
from hubline.report($1, $2, $3, $4, $5, $6, $7, $8, $9)
