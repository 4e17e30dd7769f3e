"""What the database itself says to whoever changes the record."""

APPEND_ONLY = "the record is append-only"
