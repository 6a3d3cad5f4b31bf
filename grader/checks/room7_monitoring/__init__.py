"""Room 7."""
