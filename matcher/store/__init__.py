"""The matcher's database: SQLite in a file, or PostgreSQL, by the same code."""
