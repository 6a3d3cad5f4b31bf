"""What Room 3 has ready-made: nothing in here is a task."""
