"""Your own check: right rooms pass it, and rooms that get task 4.2 wrong don't.

It is run on rooms of ours, right and wrong ones, in an order that you can't know. `room` is what
the shown checks call, and answers as yours does.
"""

from typing import Any

from shared.contracts.todo import Todo

START_MS = 1_740_000_000_000
SECOND, HOUR = 1000, 3_600_000


def test_what_is_marked_and_what_isnt(room: Any) -> None:
    """Readings are marked as task 4.2 says, and only those."""
    # task 4.8: tell `room.marks("temperature", [(ms, value), …])` stories, assert the marks
    # <solution>
    jump, fine = ("jump",), ()
    for step, values, marks in (
        (SECOND, [60.0], [fine]),
        (SECOND, [60.1], [("impossible",)]),
        (SECOND, [20.0, 40.0, 20.0], [fine, jump, fine]),
        (SECOND, [20.0, 40.0, 41.0, 39.0, 40.0], [fine, jump, jump, fine, fine]),
        (SECOND, [20.0, 40.0, -40.0, 40.0, 20.0], [fine, jump, jump, jump, fine]),
        (SECOND, [20.0, 999.0, 21.0], [fine, ("impossible",), fine]),
        (3 * HOUR, [0.0, 23.8], [fine, fine]),
        (3 * HOUR, [0.0, 24.2], [fine, jump]),
    ):
        told = [(START_MS + number * step, value) for number, value in enumerate(values)]
        assert room.marks("temperature", told) == marks, values
    for many, last in ((16, ("duplicate",)), (17, fine)):
        told = [(START_MS + number * SECOND, 20.0) for number in range(many)]
        assert room.marks("temperature", [*told, told[0]])[-1] == last
    # </solution>
    #: raise Todo("4.8")
