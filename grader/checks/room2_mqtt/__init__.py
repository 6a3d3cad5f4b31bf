"""Room 2's checks: over a real broker and real HTTP, on the trusted side."""
