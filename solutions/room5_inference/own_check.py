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
    # <solution>
    calm, quiet = CALM_H, [0.1] * (CALM_H - 1)
    book = room.make_book("A")
    warning, *silent, risen, same = told(book, "spike", [1.0, 1.5, 0.6, 0.9, 2.0, 2.5])
    assert (warning.severity, risen.severity) == ("warning", "critical")
    assert [*silent, same] == [None] * 4
    assert told(book, "spike", quiet, 6) == [None] * len(quiet)
    over, *after, again = told(book, "spike", [0.1] + [1.5] * calm, 5 + calm)
    assert over.resolved_ms == NOW_MS + (5 + calm) * HOUR_MS
    assert after == [None] * (calm - 1)
    assert again.alert_id != over.alert_id == risen.alert_id == warning.alert_id
    assert told(room.make_book("B"), "spike", [1.0])[0].alert_id != warning.alert_id
    other = room.make_book("A")
    assert told(other, "stuck", [1.0, 0.8, 0.7])[1:] == [None, None]
    assert told(other, "spike", [3.0], 3) == [None]
    quiet_book = room.make_book("A")
    for hours in (9, 2):
        quiet_book.silence("drift", NOW_MS + hours * HOUR_MS)
    assert told(quiet_book, "drift", [1.5] * 4) == [None] * 4
    assert told(quiet_book, "spike", [1.0])[0].alert_id == warning.alert_id
    # </solution>
    #: raise Todo("5.8")
