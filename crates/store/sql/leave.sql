-- With the last user goes what a sweep restored for nobody in particular; if the node holds it still, its next sweep
-- brings that back.
delete from hubline.conversation_node h
using unnest($3::text[], $4::text[]) as l (id, user_id)
    join hubline.service_request r on r.id = l.id
where h.service_request = r.key
    and h.node = $1::text
    and h.user_id in (l.user_id, '')
    and exists (select from hubline.node n where n.name = $1::text and n.incarnation = $2::text::uuid)
