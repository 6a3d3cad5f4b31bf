"""Where each sensor's readings go: known ones at once, strangers when their rhythm is known."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.contracts.ports import Telemetry

from ..anomalies import Watch
from ..channels import LEAST_DAYS
from ..service import InferenceService
from .arrivals import Punctuality
from .grid import Grid
from .group import Group
from .meeting import Newcomer, rhythm
from .member import Member
from .outlook import Outlook
from .samples import Sample, sample_of, sample_state
from .training import Artefact

Names = tuple[str, str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """`tolerance_ms`: how much later than others a reading may come; `budget_s`: for a forecast."""

    tolerance_ms: int = 0
    budget_s: float = 1.0


class Stretch:
    """A group of one rhythm, its forecasts, and the row before the present one."""

    def __init__(
        self, group: Group, outlook: Outlook, telemetry: Telemetry, budget_s: float
    ) -> None:
        self.group = group
        self.outlook = outlook
        self.service = InferenceService(outlook, telemetry, budget_s)
        self.before: tuple[Sample | None, ...] = ()


@dataclass
class Place:
    """One sensor's stretch and column, and how punctual it is."""

    step_ms: int
    stretch: Stretch
    column: int
    punctuality: Punctuality


class Places:
    """All sensors that were met, by name."""

    def __init__(self, artefact: Artefact, limits: Limits, telemetry: Telemetry) -> None:
        self.artefact = artefact
        self.limits = limits
        self.telemetry = telemetry
        self.forest = None if artefact.forest is None else artefact.forest.scores
        self.known: dict[Names, Place] = {}
        self.newcomers: dict[Names, Newcomer] = {}
        self.stretches: dict[int, Stretch] = {}

    def of(self, names: Names, sample: Sample) -> Place | None:
        """Return the place of a sensor that has just sent `sample`; None while it is a stranger."""
        place = self.known.get(names)
        if place is not None:
            return place
        trained = self.artefact.experience(*names)
        if trained is not None:
            return self._join(names, trained[1].step_ms, trained[1].phase_ms)
        newcomer = self.newcomers.setdefault(names, Newcomer())
        if not newcomer.take(sample):
            return None
        step, phase = rhythm([one.timestamp_ms for one in newcomer.samples])
        place = self._join(names, step, phase)
        for earlier in self.newcomers.pop(names).samples[:-1]:
            place.stretch.group.grid.offer(place.column, earlier)
        return place

    def learnt(self, key: tuple[str, str]) -> Mapping[str, Any] | None:
        """Return what was learnt of the sensor whose experience is `key`, its runs ended."""
        for names, place in self.known.items():
            known = self.artefact.experience(*names)
            if known is not None and (known[0], names[2]) == key:
                return place.stretch.group.members[place.column].watch.rested()
        return None

    def lacking(self) -> dict[str, float]:
        """Return the days of readings that sensors still need before anything is said of them."""
        found = {"/".join(names): float(LEAST_DAYS) for names in self.newcomers}
        for names, place in self.known.items():
            group = place.stretch.group
            slots = group.members[place.column].watch.channels.lacking
            if slots:
                found["/".join(names)] = round(slots / group.grid.day, 1)
        return found

    def _join(self, names: Names, step: int, phase: int) -> Place:
        stretch = self.stretches.get(step)
        if stretch is None:
            forecasters = {
                kind: one for (kind, its), one in self.artefact.forecasters.items() if its == step
            }
            group = Group(Grid(step, self.limits.tolerance_ms), self.forest)
            stretch = self.stretches[step] = Stretch(
                group, Outlook(forecasters), self.telemetry, self.limits.budget_s
            )
        trained = self.artefact.experience(*names)
        watch = Watch(30 * stretch.group.grid.day)
        if trained is not None and trained[1].watch is not None:
            watch = Watch.of_state(trained[1].watch)
        member = Member(names, watch, trained=trained is not None)
        if trained is not None:
            member.edges = trained[1].edges
            member.learning = trained[1].watch is None
        column = stretch.group.join(member, phase)
        stretch.outlook.join(names[2])
        if trained is None:
            days = watch.channels.least / stretch.group.grid.day
            self.telemetry.event(
                "info", "sensor_unknown", sensor="/".join(names), step_s=step / 1_000,
                alerts_after_days=days,
            )  # fmt: skip
        self.known[names] = Place(step, stretch, column, Punctuality())
        self._acquaint(stretch.group)
        return self.known[names]

    def _acquaint(self, group: Group) -> None:
        """Set the neighbours and siblings that training named, as far as they have joined."""
        trained = [self.artefact.experience(*member.names) for member in group.members]
        at = {
            (known[0], member.names[2]): column
            for column, (known, member) in enumerate(zip(trained, group.members, strict=True))
            if known is not None
        }
        for column, (known, member) in enumerate(zip(trained, group.members, strict=True)):
            if known is None:
                continue
            for order, (station, low, high) in enumerate(known[1].neighbours):
                group.neighbours[column, order] = at.get((station, member.names[2]), -1)
                group.low[column, order], group.high[column, order] = low, high
            member.sibling = at.get((known[0], known[1].sibling or ""))

    def state(self) -> dict[str, Any]:
        """Return everything that changes, for JSON."""
        return {
            "known": [
                [list(names), place.step_ms, place.column, place.punctuality.state()]
                for names, place in self.known.items()
            ],
            "newcomers": [
                [list(names), [sample_state(one) for one in newcomer.samples]]
                for names, newcomer in self.newcomers.items()
            ],
            "stretches": [
                [
                    step,
                    one.group.state(),
                    one.outlook.state(),
                    [sample_state(s) for s in one.before],
                ]
                for step, one in self.stretches.items()
            ],
        }

    def recall(self, state: Mapping[str, Any]) -> None:
        """Go back to a `state`; this must be a new one."""
        at: dict[int, list[tuple[int, Names]]] = {}
        for names, step, column, _punctuality in state["known"]:
            at.setdefault(step, []).append((column, (names[0], names[1], names[2])))
        phases = {step: group["grid"]["phases"] for step, group, *_rest in state["stretches"]}
        for step, columns in at.items():
            for column, names in sorted(columns):
                self._join(names, step, phases[step][column])
        # The order of meeting is part of the state: a snapshot of the copy is the same text.
        self.known = {
            (n[0], n[1], n[2]): self.known[n[0], n[1], n[2]] for n, *_rest in state["known"]
        }
        for names, _step, _column, punctuality in state["known"]:
            self.known[names[0], names[1], names[2]].punctuality = Punctuality.of_state(punctuality)
        self.stretches = {step: self.stretches[step] for step, *_rest in state["stretches"]}
        for step, group, outlook, before in state["stretches"]:
            stretch = self.stretches[step]
            stretch.group.recall(group)
            stretch.outlook.recall(outlook)
            stretch.before = tuple(sample_of(one) for one in before)
        for names, samples in state["newcomers"]:
            kept = [one for one in map(sample_of, samples) if one is not None]
            self.newcomers[names[0], names[1], names[2]] = Newcomer(kept)
