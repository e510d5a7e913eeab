select history, taken_at, seq, role, version, customer, technician, center, holders
from hubline.send_new($1, $2, $3, $4, $5, $6, $7, $8)
