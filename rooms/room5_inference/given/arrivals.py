"""What the order of arrival tells: how far time has come, and whose clock is wrong."""

import statistics
from typing import Any, Final

from ..thresholds import Tail

RECENT: Final = 4
"""A clock is wrong when so many readings in a row say so."""
LEARNING: Final = 48
"""Readings from which it is learnt when in the step, and how far behind others, a sensor speaks."""
PHASE_LEAST: Final = 0.1
LEAD_LEAST: Final = 1.5
"""Steps that a clock must be off at least, against its own rhythm and against the others. The
order in which readings of one moment arrive is good for one step already."""
LEAD_SPREAD: Final = 1.0
"""A wrong clock is off by the same every time; a backlog that drains catches up."""
LEAD_MARGIN: Final = 1.5
WITNESSES: Final = 32
LEAP_MS: Final = 86_400_000
OTHERS_SILENT: Final = 24
"""Readings of one device alone after which its clock is believed though no other confirms it."""


class Watermark:
    """How far event time has come, by the log's own readings.

    With three devices or more it is the second latest that counts: one fast clock can't close
    everybody's slots. A leap of more than a day waits for a second device, or for many readings.
    The first devices stand for all: a fleet of thousands needs no more witnesses.
    """

    def __init__(self) -> None:
        self.latest: dict[str, int] = {}
        self.value = 0
        self.alone = 0

    def take(self, device: str, timestamp_ms: int) -> int:
        """Take a reading's time; return by how much the watermark moved, in milliseconds."""
        if device not in self.latest and len(self.latest) >= WITNESSES:
            return 0
        self.latest[device] = max(timestamp_ms, self.latest.get(device, 0))
        ordered = sorted(self.latest.values())
        confirmed = ordered[-2] if len(ordered) > 1 else ordered[0]
        leap = len(ordered) > 2 or ordered[-1] > self.value + LEAP_MS > LEAP_MS  # noqa: PLR2004 - as the docstring says
        believed = confirmed if leap else ordered[-1]
        self.alone = self.alone + 1 if believed <= self.value < timestamp_ms else 0
        if self.alone >= OTHERS_SILENT:
            believed = ordered[-1]
        moved = max(0, believed - self.value)
        self.value += moved
        return moved

    def of_others(self, device: str) -> int | None:
        """Return the middle of the other devices' latest times, None without another."""
        others = sorted(time for name, time in self.latest.items() if name != device)
        return others[len(others) // 2] if others else None

    def state(self) -> list[Any]:
        """Return everything that changes, for JSON."""
        return [self.latest, self.value, self.alone]

    @classmethod
    def of_state(cls, state: list[Any]) -> "Watermark":
        """Return the one whose `state` that is."""
        mark = cls()
        mark.latest, mark.value, mark.alone = dict(state[0]), state[1], state[2]
        return mark


class Punctuality:
    """One sensor's rhythm and its lead over the others, in steps, and how unusual both are now."""

    def __init__(self) -> None:
        self.phases: list[float] = []
        self.leads: list[float] = []
        self.usual_lead: float | None = None
        self.tails = (Tail(), Tail())
        self.count = 0

    def take(self, phase: float, lead: float | None, chance: float) -> float:
        """Take a reading's `phase` and `lead`; return the evidence for a wrong clock (1: enough).

        `phase` is how far from the middle of its slot it came, in [-0.5, 0.5]; `lead` how far
        ahead of the others, None without any.
        """
        self.count += 1
        self.phases = [*self.phases, phase][-RECENT:]
        if lead is not None:
            self.leads = [*self.leads, lead][-LEARNING:]
        if self.count < LEARNING:
            return 0.0
        if self.usual_lead is None and self.leads:
            self.usual_lead = statistics.median(self.leads)
        leads = self.leads[-RECENT:]
        steady = len(leads) > 0 and max(leads) - min(leads) <= LEAD_SPREAD
        off = (self._off(self.phases, 0.0), self._off(leads, self.usual_lead) if steady else 0.0)
        strengths = [
            _over(tail, value, chance, least)
            for tail, value, least in zip(self.tails, off, (PHASE_LEAST, LEAD_LEAST), strict=True)
        ]
        strength = max(strengths)
        if strength < 1:
            for tail, value in zip(self.tails, off, strict=True):
                tail.add(value)
        return strength

    @staticmethod
    def _off(recent: list[float], usual: float | None) -> float:
        """Return how far all of the recent ones are off, to one side; 0 if they disagree."""
        if usual is None or len(recent) < RECENT:
            return 0.0
        away = [value - usual for value in recent]
        return max(min(away), -max(away), 0.0)

    def state(self) -> list[Any]:
        """Return everything that changes, for JSON."""
        return [
            self.phases,
            self.leads,
            self.usual_lead,
            [tail.state() for tail in self.tails],
            self.count,
        ]

    @classmethod
    def of_state(cls, state: list[Any]) -> "Punctuality":
        """Return the one whose `state` that is."""
        one = cls()
        one.phases, one.leads, one.usual_lead, tails, one.count = state
        one.tails = (Tail.of_state(tails[0]), Tail.of_state(tails[1]))
        return one


def _over(tail: Tail, value: float, chance: float, least: float) -> float:
    threshold = tail.threshold(chance) if tail.counts else 0.0
    if threshold == float("inf"):
        threshold = tail.largest()
    return value / max(least, LEAD_MARGIN * threshold)
