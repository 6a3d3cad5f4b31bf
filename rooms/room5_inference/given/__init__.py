"""What Room 5 has ready-made: nothing in here is a task."""
