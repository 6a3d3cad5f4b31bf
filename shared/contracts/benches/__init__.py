"""The benches: what the checks of each room call, one typed function or class a task."""
