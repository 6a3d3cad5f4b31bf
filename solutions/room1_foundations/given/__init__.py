"""What Room 1 has ready-made: nothing in here is a task."""
