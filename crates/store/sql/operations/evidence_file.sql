select operations.evidence_file($1)
