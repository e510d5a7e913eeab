select history, ids, versions, last_seqs, statuses, closed_ats, customers, technicians, centers, here, elsewhere,
    registered_ids, registered_users, inventory_end
from hubline.sweep($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
