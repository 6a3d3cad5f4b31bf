"""Many streams as one, each reading handed out when the event clock says that it is due."""

from collections import deque
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush, heapreplace
from itertools import islice
from threading import Event as StopSignal

from shared.contracts.messages import Reading
from shared.contracts.ports import Clock
from shared.contracts.todo import Todo

Due = tuple[datetime, Reading]
"""When a reading is made, and the reading: a device whose clock is wrong stamps another time."""

_LOOK_AHEAD = 9  # rows, by whose middle one a wild clock is told from a gap
_JUMP = timedelta(days=1)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def as_recorded(readings: Iterable[Reading]) -> Iterator[Due]:
    """Yield readings that were made when they say so."""
    return ((reading.timestamp, reading) for reading in readings)


def as_made(readings: Iterable[Reading], latest: datetime) -> Iterator[Due]:
    """Yield a device's recorded readings with the time at which they must have been made.

    That is what they say, unless one jumps ahead by more than a day and lies beyond `latest`, or
    the rows after it lie a day back again: then its clock was wrong, and it was made right after
    the one before. Else one row of the year 2106 would hold up all that follow.
    """
    source = iter(readings)
    ahead = deque(islice(source, _LOOK_AHEAD))
    before: datetime | None = None
    while ahead:
        reading = ahead.popleft()
        ahead.extend(islice(source, 1))
        made = reading.timestamp
        if (before is None or made - before > _JUMP) and _is_wild(made, ahead, latest):
            made = before or _LONG_AGO
        else:
            before = made if before is None else max(before, made)
        yield made, reading


def _is_wild(moment: datetime, following: Iterable[Reading], latest: datetime) -> bool:
    """Return whether `moment` can't be right: after `latest`, or a day after what follows."""
    times = sorted(reading.timestamp for reading in following)
    return moment > latest or (bool(times) and moment - times[len(times) // 2] > _JUMP)


def merge_due(streams: Iterable[Iterable[Due]]) -> Iterator[Due]:
    """Yield what all streams hold, by time made; one item a stream in memory.

    A stream that isn't in order itself stays as it is.
    """
    # task 1.6: lazily, and without comparing readings where times are equal
    # <solution>
    heads: list[tuple[datetime, int, Reading, Iterator[Due]]] = []
    for number, stream in enumerate(streams):
        source = iter(stream)
        for made, reading in islice(source, 1):
            heappush(heads, (made, number, reading, source))
    while heads:
        made, number, reading, source = heads[0]
        yield made, reading
        following = next(source, None)
        if following is None:
            heappop(heads)
        else:
            heapreplace(heads, (following[0], number, following[1], source))
    # </solution>
    #: raise Todo("1.6")


def merge(streams: Iterable[Iterable[Reading]]) -> Iterator[Reading]:
    """Yield the readings of all streams by time, lazily: one reading a stream in memory."""
    return (reading for _made, reading in merge_due(map(as_recorded, streams)))


def pace_due(dues: Iterable[Due], clock: Clock, stop: StopSignal) -> Iterator[Reading]:
    """Yield each reading once the event clock shows when it is made; end soon after `stop`.

    Every wait is measured against the clock, never added to the last one, so nothing creeps.
    What is overdue comes at once.
    """
    # task 1.6: wait for the clock, on `stop`, so that the end needn't wait
    # <solution>
    for made, reading in dues:
        while clock.now() < made:
            if stop.wait(min(max(clock.seconds_until(made), 0.001), 1.0)):
                return
        if stop.is_set():
            return
        yield reading
    # </solution>
    #: raise Todo("1.6")


def pace(readings: Iterable[Reading], clock: Clock, stop: StopSignal) -> Iterator[Reading]:
    """Yield each reading once the event clock shows its time; end soon after `stop` is set."""
    return pace_due(as_recorded(readings), clock, stop)
