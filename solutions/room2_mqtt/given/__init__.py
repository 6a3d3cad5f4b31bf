"""What Room 2 has ready-made: nothing in here is a task."""
