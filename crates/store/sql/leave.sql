select history, ids, nodes
from hubline.leave($1, $2, $3, $4)
