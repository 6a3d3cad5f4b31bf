"""Faults put into a recording, with the truth about them: how an alarm is measured, not told."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random
from types import MappingProxyType
from typing import Final

from shared.contracts.messages import Reading, Truth

SPIKES: Final = MappingProxyType(
    {"temperature": (6.0, 15.0), "humidity": (25.0, 45.0), "pressure": (12.0, 30.0)}
)
"""Sizes of a spike, either sign, in the type's unit."""
DRIFTS: Final = MappingProxyType({"temperature": 3.0, "humidity": 10.0, "pressure": 3.0})
"""What a drift has grown to at its end, either sign."""
DRIFT_HOURS: Final = (240, 720)
SHARES: Final = MappingProxyType({"spike": 5, "stuck": 5, "dropout": 5, "skew": 3})
"""How often each short kind is drawn."""
RUN_HOURS: Final = (6, 24)
SKEW_HOURS: Final = (6, 24)
SKEW_S: Final = (720.0, 2_880.0)
PAUSE_HOURS: Final = 48
"""Between two faults of a sensor there is peace for so long, at least."""
LIMITS: Final = MappingProxyType({"humidity": (0.0, 100.0)})

Name = tuple[str, str, str]


@dataclass(frozen=True)
class Spoilt:
    """Readings as faulty sensors would have sent them, in the order of their arrival."""

    readings: list[Reading]
    truths: list[Truth]


def plan(
    names: Sequence[Name], start: datetime, end: datetime, seed: int
) -> list[tuple[Name, Truth]]:
    """Return faults in [start, end): short ones at every sensor, drifts at one station at a time.

    Of three stations two that drift at once can't be told from one that doesn't, by nobody.
    """
    planned = _drifts(names, start, end, seed)
    busy = {name: [truth for its, truth in planned if its == name] for name in names}
    for name in names:
        random = Random(f"{seed}/{'/'.join(name)}")  # a text as seed: the same on every platform
        at = start + timedelta(hours=random.uniform(24, 240))
        while at < end:
            (kind,) = random.choices(list(SHARES), list(SHARES.values()))
            hours, size = _extent(kind, name[2], random)
            truth = Truth(name[0], name[1], kind, at, at + timedelta(hours=hours), size)
            if (
                truth.end is not None
                and truth.end < end
                and not any(map(truth_overlaps(truth), busy[name]))
            ):
                planned.append((name, truth))
            at += timedelta(hours=hours + PAUSE_HOURS + random.expovariate(1 / 72))
    return planned


def _drifts(
    names: Sequence[Name], start: datetime, end: datetime, seed: int
) -> list[tuple[Name, Truth]]:
    planned = []
    for kind in sorted({name[2] for name in names}):
        random = Random(f"{seed}/{kind}/drift")
        at = start + timedelta(days=random.uniform(20, 40))
        while at < end:
            name = random.choice([one for one in names if one[2] == kind])
            hours, size = _extent("drift", kind, random)
            truth = Truth(name[0], name[1], "drift", at, at + timedelta(hours=hours), size)
            if truth.end is not None and truth.end < end:
                planned.append((name, truth))
            at += timedelta(hours=hours) + timedelta(days=random.uniform(15, 40))
    return planned


def truth_overlaps(one: Truth) -> Callable[[Truth], bool]:
    """Return whether another fault lasts at the same time as `one`, or within a day of it."""
    day = timedelta(days=1)

    def overlaps(other: Truth) -> bool:
        if one.end is None or other.end is None:
            return True
        return one.start < other.end + day and other.start < one.end + day

    return overlaps


def _extent(kind: str, sensor_type: str, random: Random) -> tuple[float, float]:
    sign = random.choice((-1, 1))
    if kind == "spike":
        return 1.0, sign * random.uniform(*SPIKES[sensor_type])
    if kind == "drift":
        return float(random.randint(*DRIFT_HOURS)), sign * DRIFTS[sensor_type]
    if kind == "skew":
        return float(random.randint(*SKEW_HOURS)), sign * random.uniform(*SKEW_S)
    return float(random.randint(*RUN_HOURS)), 0.0


def spoil(
    readings: Sequence[Reading],
    planned: Sequence[tuple[Name, Truth]],
    resolution: Mapping[str, float],
) -> Spoilt:
    """Return the readings (ordered by time) with the planned faults in them.

    A drift grows linearly; every touched value is rounded to the type's resolution again. Only
    faults that touched a reading count as truth; a spike that has no room is turned round.
    """
    waiting: dict[Name, list[Truth]] = {}
    for name, truth in planned:
        waiting.setdefault(name, []).append(truth)
    held: dict[Name, float] = {}
    touched: dict[int, Truth] = {}
    kept = []
    for reading in readings:
        name = (reading.device_id, reading.sensor_id, reading.sensor_type)
        active = next(
            (one for one in waiting.get(name, ()) if _during(one, reading.timestamp)), None
        )
        if active is None:
            held[name] = reading.value
            kept.append(reading)
            continue
        touched[id(active)] = active
        spoilt = _touched(reading, active, held.get(name, reading.value), resolution)
        if spoilt is not None:
            kept.append(spoilt)
    return Spoilt(kept, sorted(touched.values(), key=lambda one: one.start))


def _during(truth: Truth, moment: datetime) -> bool:
    return truth.start <= moment and (truth.end is None or moment < truth.end)


def _touched(
    reading: Reading, truth: Truth, held: float, resolution: Mapping[str, float]
) -> Reading | None:
    if truth.kind == "dropout":
        return None
    if truth.kind == "stuck":
        return replace(reading, value=held)
    if truth.kind == "skew":
        return replace(reading, timestamp=reading.timestamp + timedelta(seconds=round(truth.size)))
    size = truth.size
    if truth.kind == "drift" and truth.end is not None:
        size *= (reading.timestamp - truth.start) / (truth.end - truth.start)
    low, high = LIMITS.get(reading.sensor_type, (float("-inf"), float("inf")))
    value = reading.value + size
    if truth.kind == "spike" and not low <= value <= high:
        value = reading.value - size
    step = resolution[reading.sensor_type]
    return replace(reading, value=min(high, max(low, round(value / step) * step)))
