"""What Room 7 has ready-made: nothing in here is a task."""
