select taken, finished, messages, busy from hubline.purge($1, $2)
