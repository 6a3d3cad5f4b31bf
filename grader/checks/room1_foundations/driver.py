"""Drives Room 1 inside the worker: builds, passes on, and hands back what came."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from shared.contracts.benches.sensors import Site
from shared.contracts.messages import Reading, SensorCard, Truth


def first(_room: Any, stream: Iterable[Any], count: int) -> list[Any]:
    """Return the first `count` items of a stream, in one answer."""
    return list(islice(stream, count))


def values(
    room: Any,
    kind: str,
    site: Site,
    moments: Sequence[datetime],
    seed: int,
    device: str = "box-1",
    sensor: str = "S-1",
) -> list[float]:
    """Return what a new sensor says at `moments`, asked one after another."""
    made = getattr(room, kind)(device, sensor, site, seed, lambda: moments[0])
    return [made.value_at(moment) for moment in moments]


def side_by_side(
    room: Any,
    kind: str,
    site: Site,
    moments: Sequence[datetime],
    seed: int,
) -> list[float]:
    """Return what sensor S-1 says while another of the same device is asked in between."""
    one = getattr(room, kind)("box-1", "S-1", site, seed, lambda: moments[0])
    other = getattr(room, kind)("box-1", "S-2", site, seed, lambda: moments[0])
    said = []
    for moment in moments:
        other.value_at(moment)
        said.append(one.value_at(moment))
        other.value_at(moment)
    return said


def noise(
    room: Any,
    shape: tuple[float, float],
    seed: int,
    moments: Sequence[datetime],
) -> list[float]:
    """Return noise of (tau_s, deviation) at `moments`."""
    made = room.make_noise(shape[0], shape[1], seed)
    return [made.at(moment) for moment in moments]


def firsts(room: Any, tau_s: float, deviation: float, moment: datetime, seeds: int) -> list[float]:
    """Return the first value of `seeds` noises."""
    return [room.make_noise(tau_s, deviation, seed).at(moment) for seed in range(seeds)]


def replayed(
    room: Any,
    path: str,
    since: datetime | None = None,
) -> tuple[list[Reading], list[Any]]:
    """Return the readings of a recording, and what was refused."""
    refused: list[Any] = []
    return list(room.replay(path, since, refused.append)), refused


def injected(
    room: Any,
    readings: list[Reading],
    faults: list[Truth],
    card: SensorCard,
) -> tuple[list[Reading], list[Truth]]:
    """Return the faulty readings and the truth about them."""
    stream = room.inject(iter(readings), iter(faults), card)
    return list(stream), list(stream.truth())


def planned(
    room: Any,
    about: tuple[str, SensorCard, datetime, float, int],
    count: int,
) -> list[Truth]:
    """Return the first `count` faults of a plan."""
    return list(islice(room.plan_faults(*about), count))


def drained(_room: Any, stream: Iterator[Any]) -> list[Any]:
    """Return all of a stream that ends."""
    return list(stream)


def simulated(
    room: Any,
    moments: list[datetime],
    celsius: list[float],
    at: list[datetime],
    seeds: Sequence[int],
) -> tuple[list[float], list[list[float]], tuple[float, float]]:
    """Return a twin's formula at `at`, a simulation a seed, and the correlations as fitted."""
    twin = room.fit_twin(moments, celsius)
    runs = [list(twin.simulate(at, seed)) for seed in seeds]
    return [twin.expected(moment) for moment in at], runs, tuple(twin.correlations)
