select history, ids, versions, customers, technicians, centers, statuses, closed_ats, users, nodes
from hubline.leave($1, $2, $3, $4)
