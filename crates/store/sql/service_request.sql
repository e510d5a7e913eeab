select r.customer_id::text, r.technician_id::text, r.service_center_id::text,
    case when r.closed_at is null then 'open' else 'closed' end, hubline.micros(r.closed_at), r.revision, r.reports,
    r.last_seq, e.name::text
from hubline.service_request r, hubline.epoch e
where r.id = $1::text
    and ($2::boolean or r.customer_id = $3::text or r.technician_id = $4::text or r.service_center_id = $5::text)
