"""Your own check: right rooms pass it, and rooms that get task 5.4 wrong don't.

It is run on rooms of ours, right and wrong ones, in an order that you can't know. `room` is what
the shown checks call, and answers as yours does.
"""

from typing import Any

from shared.contracts.todo import Todo

NOW_MS, HOUR_MS = 1_367_798_400_000, 3_600_000
CALM_H = 6  # of a spike


def told(book: Any, kind: str, strengths: list[float], first: int = 0) -> list[Any]:
    """Return what the book says of evidence an hour apart, from hour `first` on."""
    hours = enumerate(strengths, first)
    return [book.report(kind, s, NOW_MS + n * HOUR_MS, NOW_MS + n * HOUR_MS) for n, s in hours]


def test_an_incident_is_told_once(room: Any) -> None:
    """What is news of an incident is told, once, and nothing between."""
    # task 5.8: report evidence to `room.make_book("A")`, assert what is news and what isn't
    raise Todo("5.8")
