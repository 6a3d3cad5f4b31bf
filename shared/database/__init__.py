"""The schema that SQLite and PostgreSQL share, and the tables that no room has to make."""
