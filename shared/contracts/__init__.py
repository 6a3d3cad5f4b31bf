"""What the rooms agree on: messages, ports, settings. Imports nothing of ours."""
