"""Room 6."""
