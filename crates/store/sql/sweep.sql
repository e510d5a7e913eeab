select history, ids, versions, last_seqs, statuses, closed_ats, customers, technicians, centers
from hubline.sweep($1, $2, $3, $4)
