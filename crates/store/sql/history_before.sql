select r.last_seq, r.purged_through, p.has_more, p.ids[1 + p.has_more::int:], p.seqs[1 + p.has_more::int:],
    p.senders[1 + p.has_more::int:], p.roles[1 + p.has_more::int:], p.client_message_ids[1 + p.has_more::int:],
    p.bodies[1 + p.has_more::int:], p.sent_ats[1 + p.has_more::int:]
from hubline.service_request r,
    lateral (
        select count(*) > $7::bigint as has_more, array_agg(m.id::text) as ids, array_agg(m.seq) as seqs,
            array_agg(m.sender_id) as senders, array_agg(m.sender_role) as roles,
            array_agg(m.client_message_id::text) as client_message_ids, array_agg(m.body) as bodies,
            array_agg(hubline.micros(m.sent_at)) as sent_ats
        from (
            select n.*
            from (
                -- One more than asked for tells whether there are more; it is the first of them.
                select m.*
                from hubline.message m
                where m.service_request = r.key and m.seq < $6::bigint
                order by m.seq desc
                limit $7::bigint + 1
            ) n
            order by n.seq
        ) m
    ) p
where r.id = $1::text
    and ($2::boolean or r.customer_id = $3::text or r.technician_id = $4::text or r.service_center_id = $5::text)
