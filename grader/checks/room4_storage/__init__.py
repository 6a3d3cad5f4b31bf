"""Room 4."""
