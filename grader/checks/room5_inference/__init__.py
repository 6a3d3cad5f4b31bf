"""What Room 5 is asked."""
