"""A task that isn't done yet: a state that every runner shows, never a crash."""


class Todo(NotImplementedError):  # noqa: N818 - a state, not an error; the course shows it as one
    """Raised by a starter where a task waits for its student.

    `task` is the task's id, "4.2". Runners catch it and show the task and the line.
    """

    def __init__(self, task: str) -> None:
        super().__init__(f"task {task} isn't done yet")
        self.task = task
