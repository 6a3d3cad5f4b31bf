"""The library that rooms, solutions and grader stand on."""
