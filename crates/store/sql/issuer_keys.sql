select hubline.issuer_keys($1, $2, $3, $4)
