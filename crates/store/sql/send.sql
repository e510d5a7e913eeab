select history, taken_at, outcomes, seqs, roles, earlier_ids, earlier_sent_ats, earlier_bodies, versions, customers,
    technicians, centers, closed_ats, holders, last_seqs
from hubline.send($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
