"""Drives Room 4 inside the worker: opens stores, passes calls on, and hands back what came."""

import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from shared.contracts.benches.storage import Aggregate, MarkState
from shared.contracts.ports import SeriesQuery, StorageParts
from shared.contracts.settings import Settings, StorageSettings


def marks(room: Any, kind: str, told: Sequence[tuple[int, float]]) -> list[tuple[str, ...]]:
    """Return the marks of one sensor's readings (ms, value), one after another."""
    state = MarkState()
    return [tuple(room.mark(state, kind, moment, value)) for moment, value in told]


def aggregate(room: Any, values: Sequence[float]) -> Aggregate:
    """Return an aggregate that took `values` one by one."""
    made = Aggregate()
    for value in values:
        room.add(made, value)
    return made


def watermarks(
    room: Any, settings: StorageSettings, told: Sequence[tuple[str, int]]
) -> list[tuple[int, bool]]:
    """Return (watermark, whether it moved) after each (device, ms)."""
    made = room.make_watermark(settings)
    found = []
    for position, (device, moment) in enumerate(told, 1):
        moved = made.observe(device, moment, position)
        found.append((made.value, moved))
    return found


def logged(room: Any, settings: Settings, events: Sequence[Any]) -> list[str]:
    """Append a batch; return the outcomes."""
    return [one.outcome.value for one in room.open_log(settings.storage).append(events)]


def streamed(room: Any, settings: Settings, telemetry: Any, limits: Sequence[int]) -> list[int]:
    """Return what a new stream's `step` says for each of `limits`, then its lag."""
    stream = room.open_stream(settings, StorageParts(None, telemetry))  # type: ignore[arg-type]
    return [*(stream.step(limit) for limit in limits), stream.lag()]


def rebuilt(room: Any, settings: Settings, telemetry: Any) -> int:
    """Return what a new stream's `rebuild` says."""
    parts = StorageParts(None, telemetry)  # type: ignore[arg-type]
    return int(room.open_stream(settings, parts).rebuild())


def paged(room: Any, settings: Settings, query: SeriesQuery) -> list[list[Any]]:
    """Return all pages of a query, following the cursors (100 at the most)."""
    from dataclasses import replace

    series = room.open_series(settings.storage)
    pages = []
    for _page in range(100):
        page = series.points(query)
        pages.append(list(page.points))
        if page.cursor is None:
            break
        query = replace(query, cursor=page.cursor)
    return pages


def crowd(
    room: Any, load: Callable[[str], Mapping[str, object]], keys: Sequence[str]
) -> list[object]:
    """Return what a cache answers when all of `keys` are asked for at once, a thread each."""
    get = room.cached(load, 60.0, lambda: 0.0)
    answers: list[object] = [None] * len(keys)

    def ask(place: int, key: str) -> None:
        answers[place] = get(key)

    threads = [threading.Thread(target=ask, args=pair) for pair in enumerate(keys)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
