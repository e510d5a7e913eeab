select r.last_seq, r.purged_through, p.has_more, p.ids[:$8::bigint], p.seqs[:$8::bigint], p.senders[:$8::bigint],
    p.roles[:$8::bigint], p.client_message_ids[:$8::bigint], p.bodies[:$8::bigint], p.sent_ats[:$8::bigint]
from hubline.service_request r,
    lateral (
        select count(*) > $8::bigint as has_more, array_agg(m.id::text) as ids, array_agg(m.seq) as seqs,
            array_agg(m.sender_id) as senders, array_agg(m.sender_role) as roles,
            array_agg(m.client_message_id::text) as client_message_ids, array_agg(m.body) as bodies,
            array_agg(hubline.micros(m.sent_at)) as sent_ats
        from (
            -- One more than asked for tells whether there are more.
            select m.*
            from hubline.message m
            where m.service_request = r.key and m.seq > $6::bigint and m.seq < $7::bigint
            order by m.seq
            limit $8::bigint + 1
        ) m
    ) p
where r.id = $1::text
    and ($2::boolean or r.customer_id = $3::text or r.technician_id = $4::text or r.service_center_id = $5::text)
