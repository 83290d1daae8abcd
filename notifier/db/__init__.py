"""Floor 1: remembers. One schema and one set of statements for SQLite and PostgreSQL."""
