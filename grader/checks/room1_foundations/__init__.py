"""Room 1."""
