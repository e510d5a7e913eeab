select taken, finished, messages, busy, micros from hubline.purge($1, $2)
