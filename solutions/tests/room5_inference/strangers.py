"""Recordings of sensors that nobody has seen: made up, each with its failure or with none."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from shared.contracts.messages import Alert, Reading
from solutions.room5_inference.given.observer import Observer
from solutions.room5_inference.given.places import Limits
from solutions.room5_inference.given.quiet import Quiet
from solutions.room5_inference.given.right import opened
from solutions.room5_inference.given.training import Artefact, as_logged

Values = NDArray[np.float64]
START = datetime(2021, 3, 1, tzinfo=UTC)


def readings(values: Values, step_s: int, kind: str = "temperature") -> list[Reading]:
    """Return the values as one lone sensor would have sent them, NaN left out."""
    return [
        Reading("plant", "p1", kind, float(value), "", START + timedelta(seconds=step_s * slot))
        for slot, value in enumerate(values)
        if not np.isnan(value)
    ]


def wandering(random: np.random.Generator, slots: int, memory: float, size: float) -> Values:
    """Return noise that forgets itself over `memory` slots (Ornstein-Uhlenbeck)."""
    keep = np.exp(-1 / memory)
    steps = random.normal(0, size * np.sqrt(1 - keep * keep), slots)
    values = np.zeros(slots)
    for slot in range(1, slots):
        values[slot] = keep * values[slot - 1] + steps[slot]
    return values


def machine(seed: int, days: int, step_s: int) -> Values:
    """Return the temperature of a machine: no daily cycle, other loads from time to time."""
    random = np.random.default_rng(seed)
    day = 86_400 // step_s
    values = 88 + wandering(random, days * day, day, 3.5) + random.normal(0, 0.5, days * day)
    for change in random.integers(0, days * day, days // 8):
        values[change:] += random.uniform(-3, 3)
    return np.round(values, 4)


def collapse(values: Values, at: int, day: int) -> Values:
    """Return them with a machine that runs hot for a day from `at` on, and then stands."""
    failing = values.copy()
    failing[at : at + day] += np.linspace(0, 18, day)
    cooling = np.minimum(1.0, np.arange(day // 2) / (day / 20))
    failing[at + day : at + day + day // 2] -= 45 * cooling
    return failing


def office(seed: int, days: int) -> Values:
    """Return the hourly temperature of an office, °F: calmer at weekends, a slow year."""
    random = np.random.default_rng(seed)
    hour = np.arange(days * 24)
    working = np.where(hour // 24 % 7 < 5, 1.0, 0.4)
    daily = 2 * np.sin(2 * np.pi * (hour % 24) / 24 - 2) * working
    slow = wandering(random, days * 24, 144, 1.8) + wandering(random, days * 24, 7, 0.8)
    return np.round(71 + daily + slow + random.normal(0, 0.5, days * 24), 3)


def heard(sent: Sequence[Reading]) -> tuple[Alert, ...]:
    """Return what a model that starts with nothing alerts."""
    observer = Observer(Artefact(), Limits(), Quiet(), forecasting=False)
    for logged in as_logged(sent):
        observer.take(logged)
    return opened(observer.alerts)


def apart(alerts: Sequence[Alert], since: float, until: float) -> tuple[list[Alert], list[Alert]]:
    """Return the alerts in days [since, until) and those outside."""
    first, last = START + timedelta(days=since), START + timedelta(days=until)
    inside = [one for one in alerts if first <= one.opened_at < last]
    return inside, [one for one in alerts if one not in inside]
