"""What Room 6 has ready-made: nothing in here is a task."""
