"""What plain `pytest rooms/room1_foundations` needs: the fixtures of the checks."""

pytest_plugins = ["grader.plugin"]
