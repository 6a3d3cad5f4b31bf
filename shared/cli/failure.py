"""The one error that a verb raises for a person to read."""


class Failure(Exception):  # noqa: N818 - a verb fails; that isn't an error of the program
    """What the verb couldn't do, and how to go on. Printed as it is; the exit code is 1."""
