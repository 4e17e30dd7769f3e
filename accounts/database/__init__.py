"""What differs between SQLite and PostgreSQL, and what a database holds beside tables."""
