"""From a recording to everything that the model knows at its first reading."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, Final

import numpy as np

from shared.contracts.identifiers import message_id
from shared.contracts.messages import Event, LoggedEvent, Reading

from ..features import SEASON_DAYS, Columns, Values, features, middle_of, pairs
from ..forecasting import Forecaster, examples, fitted
from ..neighbourhood import BAND_SHARE, band, choose_neighbours
from .forest import FastForest, grown
from .recordings import Panel, panels
from .siblings import CLASSES, best_sibling

LEAST_DAYS: Final = 28
"""With fewer days nothing is trained: the model learns from the stream instead."""
FOREST_EVERY: Final = 6


@dataclass(frozen=True)
class Experience:
    """What training knows of one sensor. `neighbours` are (device, low, high) of the same type."""

    step_ms: int
    phase_ms: int
    neighbours: tuple[tuple[str, float, float], ...]
    sibling: str | None
    edges: tuple[float, ...]
    watch: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Artefact:
    """What training leaves: experiences by (station, type), forecasters by (type, step), forest."""

    experiences: Mapping[tuple[str, str], Experience] = field(default_factory=dict)
    forecasters: Mapping[tuple[str, int], Forecaster] = field(default_factory=dict)
    forest: FastForest | None = None
    version: str = "untrained"

    def experience(self, device: str, sensor: str, kind: str) -> tuple[str, Experience] | None:
        """Return what is known of a live sensor by its station's name in device or sensor id."""
        parts = {
            part.casefold()
            for name in (device, sensor)
            for part in name.replace("_", "-").split("-")
        }
        whole = {device.casefold(), sensor.casefold()}
        for (station, its), experience in self.experiences.items():
            if its == kind and station.casefold() in whole | parts:
                return station, experience
        return None


def train(readings: Sequence[Reading], version: str) -> Artefact:
    """Return what is learnt from `readings`, all of them older than the first that will be judged.

    Deterministic. First the panel: neighbours, siblings, forecasters, forests; then the readings
    once more through the very code that serves, so that its thresholds are learnt on its scores.
    """
    experiences: dict[tuple[str, str], Experience] = {}
    forecasters: dict[tuple[str, int], Forecaster] = {}
    usable = [panel for panel in panels(readings) if _long_enough(panel)]
    for panel in usable:
        experiences |= _experiences(panel)
        forecasters |= _forecasters(panel)
    forest = _forest(usable) if usable else None
    return _rehearsed(Artefact(experiences, forecasters, forest, version), readings)


def _long_enough(panel: Panel) -> bool:
    day = round(86_400_000 / panel.step_ms)
    return day >= 2 and len(panel.values) >= LEAST_DAYS * day  # noqa: PLR2004 - as the docstring says


def _rehearsed(artefact: Artefact, readings: Sequence[Reading]) -> Artefact:
    from .observer import Observer
    from .places import Limits
    from .quiet import Quiet

    observer = Observer(artefact, Limits(), Quiet(), forecasting=False)
    for logged in as_logged(sorted(readings, key=lambda one: one.timestamp)):
        observer.take(logged)
    known = {
        key: Experience(
            one.step_ms,
            one.phase_ms,
            one.neighbours,
            one.sibling,
            one.edges,
            observer.places.learnt(key),
        )
        for key, one in artefact.experiences.items()
    }
    return Artefact(known, artefact.forecasters, artefact.forest, artefact.version)


def as_logged(readings: Sequence[Reading]) -> Iterator[LoggedEvent]:
    """Yield readings as a log would hold them, in the order given."""
    for position, one in enumerate(readings, 1):
        names = (one.device_id, one.sensor_id, one.sensor_type)
        event = Event(
            one.device_id, message_id(*names, one.timestamp, one.value), one.sensor_id,
            one.sensor_type, one.value, one.unit, one.timestamp, one.timestamp,
        )  # fmt: skip
        yield LoggedEvent(position, one.timestamp, event)


def _experiences(panel: Panel) -> Mapping[tuple[str, str], Experience]:
    neighbours = neighbours_in(panel)
    low, high = band(pairs(panel.values, neighbours), BAND_SHARE)
    known = {}
    for column, (device, sensor, kind) in enumerate(panel.names):
        beside = [
            (station_of(panel.names[other]), float(low[column, place]), float(high[column, place]))
            for place, other in enumerate(neighbours[column])
            if other >= 0
        ]
        sibling = best_sibling(panel, column)
        edges: tuple[float, ...] = ()
        if sibling is not None:
            there = panel.values[:, sibling]
            edges = tuple(float(edge) for edge in np.quantile(there[~np.isnan(there)], CLASSES))
        known[station_of((device, sensor, kind)), kind] = Experience(
            panel.step_ms, panel.phases[column], tuple(beside),
            None if sibling is None else panel.names[sibling][2], edges,
        )  # fmt: skip
    return known


def station_of(names: tuple[str, str, str]) -> str:
    """Return the name under which a sensor's experience is kept: its station, or itself."""
    device, sensor, kind = names
    return device if sensor == f"{device}-{kind}" else sensor


def neighbours_in(panel: Panel) -> Columns:
    """Return the neighbours of a panel's columns (see `choose_neighbours`)."""
    return choose_neighbours(panel.values, [kind for _device, _sensor, kind in panel.names])


def parts_of(panel: Panel) -> Iterator[tuple[str, Panel, Columns]]:
    """Yield each type's part of a panel with its neighbours."""
    kinds = [names[2] for names in panel.names]
    for kind, _same in groupby(sorted(set(kinds))):
        columns = [column for column, its in enumerate(kinds) if its == kind]
        part = Panel(
            panel.step_ms, panel.first_slot, tuple(panel.names[column] for column in columns),
            tuple(panel.phases[column] for column in columns), panel.values[:, columns],
        )  # fmt: skip
        yield kind, part, neighbours_in(part)


def _forecasters(panel: Panel) -> Mapping[tuple[str, int], Forecaster]:
    day = round(86_400_000 / panel.step_ms)
    return {
        (kind, panel.step_ms): fitted(examples(part.values, near, day), 0, len(part.values))
        for kind, part, near in parts_of(panel)
    }


def _forest(found: Sequence[Panel]) -> FastForest:
    """Return one forest for all sensors: features are in units of each one's ordinary change."""
    tables = []
    for panel in found:
        near, units = neighbours_in(panel), units_of(panel.values)
        day = round(86_400_000 / panel.step_ms)
        for now in range(2 * day, len(panel.values), FOREST_EVERY):
            window = panel.values[max(0, now + 1 - SEASON_DAYS * day) : now + 1]
            tables.append(features(window, near, day) / units[:, None])
    table = np.vstack(tables)
    return FastForest.of(grown(table[~np.isnan(table[:, 0])]))


def units_of(values: Values) -> Values:
    """Return (sensors,): the median size of each column's changes, of those that aren't 0."""
    sizes = np.abs(np.diff(values, axis=0))
    return middle_of(np.where(sizes > 0, sizes, np.nan))


__all__ = ["Artefact", "Experience", "as_logged", "train"]
