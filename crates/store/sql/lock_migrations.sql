-- For the session, so that whoever comes second waits for every step of the first.
select pg_advisory_lock(hashtextextended('hubline.migration', 0))
