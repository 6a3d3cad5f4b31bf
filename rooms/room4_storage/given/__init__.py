"""What Room 4 has ready-made: nothing in here is a task."""
