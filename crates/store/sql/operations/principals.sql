select operations.principals()::text
