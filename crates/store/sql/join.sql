select last_seq, purged_through, history, status, closed_at, version, customer, technician, center, elsewhere, replay,
    has_more, ids, seqs, senders, roles, client_message_ids, bodies, sent_ats, others
from hubline.join($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
