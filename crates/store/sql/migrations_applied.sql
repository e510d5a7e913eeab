select version, name, checksum from hubline.migration order by version
