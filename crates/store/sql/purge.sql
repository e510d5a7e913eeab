select service_request_id, messages, first_seq, last_seq
from hubline.purge($1)
