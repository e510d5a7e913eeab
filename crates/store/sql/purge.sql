select service_request_id, messages, first_seq, last_seq
from (select) as once left join hubline.purge($1) on true
